//! The store: each entry's own lock makes every write to it atomic.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use moka::sync::Cache;
use typed_sessions_core::__backend::{evicted, lock};
use typed_sessions_core::store::{
    Applied, Change, Create, Cursor, Deleted, Found, Header, More, Owned, Owner, Page, Record,
    Rewrite, Save,
};
use typed_sessions_core::{Error, Result, SessionId, SessionStore, UserId};

use crate::bounds::Bounds;
use crate::bus::LocalBus;
use crate::entry::{Ending, Entry, News, Refused};
use crate::index::{Index, Membership};
use crate::locks::Locks;

/// Sessions in memory. Clones share the same sessions.
///
/// # Guarantees
///
/// Every write is atomic; a limit on a user's sessions is counted and enforced in the same step as
/// the login. Logins of one user wait for each other; those of others seldom, as 64 locks serve
/// all.
///
/// # Cost
///
/// A session is written in place, under a lock of its own. Beginning and ending sessions may wait
/// for each other briefly. What a session takes in memory is counted anew only when it has grown by
/// an eighth, or shrunk to less than half.
///
/// # Bounds
///
/// 256 MiB by default. When it is full, the least recently used sessions go first, whether or not
/// they have ended. A session that alone is larger is refused as `ErrorKind::TooLarge`, and nobody
/// else goes for it. A session leaves memory some time after its deadline, at most about as long
/// again as its last touch kept it; the deadline itself is enforced by the core, and by the clock
/// of this store.
///
/// ```
/// use typed_sessions_memory::MemoryStore;
///
/// let store = MemoryStore::new();
/// let small = MemoryStore::builder().max_sessions(10_000).max_bytes(16 << 20).build();
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    sessions: Cache<SessionId, Arc<Entry>>,
    index: Arc<Index>,
    /// Of users. Taken while a session becomes a user's, and while the user's index is read.
    turns: Arc<Locks>,
    /// Of sessions. Taken while moka is to add, remove or replace one, so that it is no other
    /// than the one that was looked at. After a user's turn, before an entry's lock.
    places: Arc<Locks>,
    bounds: Bounds,
    /// Who is connected, and what the servers of this process tell each other.
    pub(crate) bus: Arc<LocalBus>,
}

impl MemoryStore {
    pub(crate) fn of(
        sessions: Cache<SessionId, Arc<Entry>>,
        index: Arc<Index>,
        bounds: Bounds,
    ) -> Self {
        let (turns, places, bus) = (Arc::default(), Arc::default(), Arc::default());
        Self { sessions, index, turns, places, bounds, bus }
    }

    /// How many sessions are in memory, some perhaps past their deadline.
    pub fn session_count(&self) -> u64 {
        self.sessions.run_pending_tasks();
        self.sessions.entry_count()
    }

    /// How many users have at least one session in memory.
    pub fn user_count(&self) -> usize {
        self.sessions.run_pending_tasks();
        while self.clean_index() == Cleaned::Some {}
        self.index.users()
    }

    /// Checks and writes in one step, under the entry's lock.
    fn write(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let written = match change {
            Change::Create(_) => self.create(id, change),
            Change::Save(_) | Change::Rewrite(_) => match self.sessions.get(id) {
                Some(entry) => self.write_in_place(id, &entry, change),
                None => Err(Applied::Missing.into()),
            },
        };
        match written {
            Ok(()) => Ok(Applied::Applied),
            Err(Refused::Guard(refused)) => Ok(refused),
            Err(Refused::TooLarge(error)) => Err(error),
        }
    }

    /// moka may let go of the entry meanwhile. Then it does so after this write: nobody finds the
    /// entry any more, and the listener ends it under the same lock.
    fn write_in_place(
        &self,
        id: &SessionId,
        entry: &Arc<Entry>,
        change: &Change,
    ) -> Result<(), Refused> {
        if entry.write(change, &self.bounds)? == News::ForMoka {
            self.tell_moka(id, entry);
        }
        Ok(())
    }

    fn create(&self, id: &SessionId, change: &Change) -> Result<(), Refused> {
        let _place = lock(self.places.of(id));
        if let Some(entry) = self.sessions.get(id) {
            if let Some(refused) = entry.refusal(change) {
                return Err(refused.into());
            }
            // It has ended, and moka does not know yet.
            self.vacate(id, &entry);
        }
        let entry = Entry::create(change, &self.bounds)?;
        self.sessions.insert(*id, Arc::new(entry));
        Ok(())
    }

    /// Takes an entry that has ended from moka, in the turn of its place.
    fn vacate(&self, id: &SessionId, entry: &Entry) {
        if let Some(user) = entry.end() {
            self.index.suspect(user, *id);
        }
        self.sessions.invalidate(id);
    }

    /// moka asks an entry for its weight and deadline only when it is inserted.
    fn tell_moka(&self, id: &SessionId, entry: &Arc<Entry>) {
        let _place = lock(self.places.of(id));
        if self.sessions.get(id).is_none_or(|current| !Arc::ptr_eq(&current, entry)) {
            return;
        }
        self.sessions.insert(*id, Arc::clone(entry));
        // An entry that is removed before moka has added its new weight to its sum would be taken
        // from it with that weight nevertheless.
        self.sessions.run_pending_tasks();
        // It may have been let go of just before, and is back.
        if entry.has_ended() {
            self.vacate(id, entry);
        }
    }

    /// The session becomes a user's: the index is written before the record.
    fn join(&self, id: &SessionId, change: &Change, user: &UserId) -> Result<Applied> {
        let _turn = lock(self.turns.of(user));
        let mut surplus = Vec::new();
        if let Some((user, limit)) = change.limit() {
            let members = self.members(user, None, usize::MAX);
            match limit.make_room(&members, id, change.now()) {
                Ok(room) => surplus = room,
                Err(full) => return Ok(self.precedence(id, change, full)),
            }
        }
        let membership = self.index.insert(user, *id);
        let applied = self.write(id, change);
        if applied.as_ref().is_ok_and(|applied| *applied == Applied::Applied) {
            if let Change::Create(_) = change {
                // Whoever ended one of the same id just before has taken that from the index by
                // now, and perhaps after it was inserted.
                self.index.insert(user, *id);
            }
            for id in &surplus {
                let is_theirs = |header: &Header| header.user() == Some(user);
                if self.remove_if(id, is_theirs) == Deleted::Yes {
                    evicted(id, user);
                }
            }
        } else if membership == Membership::New {
            self.index.remove(user, id);
        }
        applied
    }

    /// A full house matters only to a session that could otherwise enter.
    fn precedence(&self, id: &SessionId, change: &Change, full: Applied) -> Applied {
        let refusal = match self.sessions.get(id) {
            Some(entry) => entry.refusal(change),
            None => change.refusal(None),
        };
        refusal.unwrap_or(full)
    }

    /// Ends a session under the entry's lock, and takes it from moka and the index.
    fn remove_if(&self, id: &SessionId, condition: impl Fn(&Header) -> bool) -> Deleted {
        let _place = lock(self.places.of(id));
        let Some(entry) = self.sessions.get(id) else { return Deleted::Missing };
        match entry.end_if(condition) {
            Ending::Ended(user) => {
                self.sessions.invalidate(id);
                if let Some(user) = user {
                    self.index.remove(&user, id);
                }
                Deleted::Yes
            }
            Ending::Spared => Deleted::Superseded,
            Ending::Missing => {
                self.vacate(id, &entry);
                Deleted::Missing
            }
        }
    }

    /// Takes some of the sessions that were evicted from the index.
    fn clean_index(&self) -> Cleaned {
        let suspects = self.index.take_suspects();
        let cleaned = if suspects.is_empty() { Cleaned::Nothing } else { Cleaned::Some };
        for (user, id) in suspects {
            let _turn = lock(self.turns.of(&user));
            self.forget_unless_theirs(&user, &id);
        }
        cleaned
    }

    /// Takes a session from a user's index that is not theirs any more. In the user's turn: without
    /// it the session cannot become theirs again.
    fn forget_unless_theirs(&self, user: &UserId, id: &SessionId) {
        if !self.sessions.get(id).is_some_and(|entry| entry.is_of(user)) {
            self.index.remove(user, id);
        }
    }

    /// Sessions of the user, in the order of their ids, out of so many members of the index; what
    /// the index has beyond them is forgotten.
    fn members(
        &self,
        user: &UserId,
        after: Option<SessionId>,
        at_most: usize,
    ) -> Vec<(SessionId, Option<Header>)> {
        let mut members = Vec::new();
        for id in self.index.members(user, after, at_most) {
            match self.header(&id) {
                Some(header) if header.user() == Some(user) => members.push((id, Some(header))),
                _ => self.index.remove(user, &id),
            }
        }
        members
    }

    fn header(&self, id: &SessionId) -> Option<Header> {
        self.sessions.get(id)?.header()
    }
}

#[derive(PartialEq, Eq)]
enum Cleaned {
    Some,
    Nothing,
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        Ok(self.sessions.get(id).and_then(|entry| entry.record()))
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.clean_index();
        let (joins, leaves) = moves(change);
        let applied = match joins {
            Some(user) => self.join(id, change, user)?,
            None => self.write(id, change)?,
        };
        if let (Applied::Applied, Some(before)) = (applied, leaves) {
            let _turn = lock(self.turns.of(before));
            self.forget_unless_theirs(before, id);
        }
        Ok(applied)
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        Ok(self.remove_if(id, |header| only.permits(header)))
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        let after = page.after.as_ref().map(cursor_id).transpose()?;
        // Not while a login has written the index but not yet the record.
        let _turn = lock(self.turns.of(user));
        let ids = self.index.members(user, after, page.at_most);
        let last = ids.last().filter(|_| ids.len() >= page.at_most);
        let next = last.map(|id| Cursor::new(*id.as_bytes()));
        Ok(Found { sessions: self.members(user, after, page.at_most), next })
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        let header = |id: &SessionId| Some((*id, Some(self.header(id)?)));
        Ok(ids.iter().filter_map(header).collect())
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        let ids: Vec<SessionId> = self.sessions.iter().map(|(id, _)| *id).take(at_most).collect();
        for id in &ids {
            self.remove_if(id, |_| true);
        }
        Ok(if ids.len() < at_most { More::No } else { More::Yes })
    }
}

/// Whose a session becomes by this change, and whose it no longer is.
fn moves(change: &Change) -> (Option<&UserId>, Option<&UserId>) {
    match change {
        Change::Create(Create { header, .. }) => (header.user(), None),
        Change::Save(Save { .. }) => (None, None),
        Change::Rewrite(Rewrite { header, owner, .. }) => match owner {
            Owner::Same | Owner::SameForLonger => (None, None),
            Owner::Login { before, limit: _ } => {
                let user = header.user();
                (user, before.as_ref().filter(|before| Some(*before) != user))
            }
            Owner::Logout { before } => (None, Some(before)),
        },
    }
}

fn cursor_id(cursor: &Cursor) -> Result<SessionId> {
    let bytes = cursor.as_bytes().try_into();
    bytes.map(SessionId::from_bytes).map_err(|_| Error::store("a cursor of another store"))
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = self.sessions.entry_count();
        f.debug_struct("MemoryStore").field("sessions", &sessions).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use typed_sessions::{SessionData, Sessions};

    use super::*;

    #[derive(SessionData)]
    struct Shop {
        visits: u64,
    }

    /// Stores a session; its entry is as a request finds it that is about to write to it.
    fn stored(store: &MemoryStore) -> (SessionId, Arc<Entry>) {
        let mut session = Sessions::<Shop>::new(store.clone()).start();
        session.visits = 1;
        block_on(session.save()).expect("the in-memory store never fails");
        let id = session.id();
        (id, store.sessions.get(&id).expect("it is there"))
    }

    #[test]
    fn what_was_evicted_is_not_written_by_who_had_found_it_before() {
        let store = MemoryStore::builder().max_sessions(1).build();
        let (id, entry) = stored(&store);
        let header = entry.header().expect("it lives");
        let save = Change::Save(Save::of(&header, header.created()));
        assert!(store.write_in_place(&id, &entry, &save).is_ok());
        stored(&store);
        assert_eq!(store.session_count(), 1, "it had to go");
        let refused = store.write_in_place(&id, &entry, &save);
        assert!(matches!(refused, Err(Refused::Guard(Applied::Missing))), "{refused:?}");
    }

    #[test]
    fn what_moka_lets_go_of_while_it_is_told_something_does_not_stay() {
        let store = MemoryStore::new();
        let (id, entry) = stored(&store);
        // As moka's listener does; and then the entry is inserted again.
        entry.end();
        store.tell_moka(&id, &entry);
        assert_eq!(store.session_count(), 0);
    }
}
