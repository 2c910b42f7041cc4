//! The store: moka's entry lock makes every write atomic.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache;
use typed_sessions_core::__backend::{evicted, lock};
use typed_sessions_core::store::{
    Applied, Change, Create, Cursor, Deleted, Found, Header, More, Owned, Owner, Page, Record,
    Rewrite, Save,
};
use typed_sessions_core::{Error, Result, SessionId, SessionStore, UserId};

use crate::entry::Entry;
use crate::index::{Index, Membership, Turns};

/// Sessions in memory. Clones share the same sessions.
///
/// # Guarantees
///
/// Every write is atomic; a limit on a user's sessions is counted and enforced in the same step as
/// the login. Logins of one user wait for each other, other users do not.
///
/// # Bounds
///
/// 256 MiB by default. When it is full, the least recently used sessions go first, whether or not
/// they have ended. A session that alone is larger is refused as `ErrorKind::TooLarge`, and nobody
/// else goes for it. Sessions leave memory some time after their deadline; the deadline itself is
/// enforced by the core.
///
/// ```
/// use typed_sessions_memory::MemoryStore;
///
/// let store = MemoryStore::new();
/// let small = MemoryStore::builder().max_sessions(10_000).max_bytes(16 << 20).build();
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    sessions: Cache<SessionId, Entry>,
    index: Arc<Index>,
    /// Taken while a session becomes a user's, and while the user's index is read.
    turns: Arc<Turns>,
    max_bytes: u64,
}

impl MemoryStore {
    pub(crate) fn of(sessions: Cache<SessionId, Entry>, index: Arc<Index>, max_bytes: u64) -> Self {
        Self { sessions, index, turns: Arc::default(), max_bytes }
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

    /// Checks and writes under the entry's lock. Every removal takes the same lock: moka's own
    /// `remove` does not, and would let a write in flight put the record back.
    fn compute(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let mut applied = Ok(Applied::Applied);
        self.sessions.entry(*id).and_compute_with(|entry| {
            let next = change.evaluate(entry.as_ref().map(|entry| &entry.value().record));
            match next.map(|record| Entry::after(change, record)) {
                Ok(entry) if entry.bytes() > self.max_bytes => {
                    applied = Err(too_large(&entry, self.max_bytes));
                    Op::Nop
                }
                Ok(entry) => Op::Put(entry),
                Err(refused) => {
                    applied = Ok(refused);
                    Op::Nop
                }
            }
        });
        applied
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
        let applied = self.compute(id, change);
        if applied.as_ref().is_ok_and(|applied| *applied == Applied::Applied) {
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
        let current = self.sessions.get(id);
        change.refusal(current.as_ref().map(|entry| &entry.record)).unwrap_or(full)
    }

    /// Removes a session under the entry's lock and takes it from the index.
    fn remove_if(&self, id: &SessionId, condition: impl Fn(&Header) -> bool) -> Deleted {
        let result = self.sessions.entry(*id).and_compute_with(|entry| match entry {
            Some(entry) if condition(&entry.value().record.header) => Op::Remove,
            _ => Op::Nop,
        });
        match result {
            CompResult::Removed(entry) => {
                if let Some(user) = entry.into_value().record.header.user() {
                    self.index.remove(user, id);
                }
                Deleted::Yes
            }
            CompResult::StillNone(_) => Deleted::Missing,
            _ => Deleted::Superseded,
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

    /// Takes a session from a user's index that is not theirs any more. Under the entry's lock, and
    /// in the user's turn: it may be about to become theirs again.
    fn forget_unless_theirs(&self, user: &UserId, id: &SessionId) {
        self.sessions.entry(*id).and_compute_with(|entry| {
            let is_theirs = |record: &Record| record.header.user() == Some(user);
            if !entry.is_some_and(|entry| is_theirs(&entry.value().record)) {
                self.index.remove(user, id);
            }
            Op::Nop
        });
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
            match self.sessions.get(&id) {
                Some(entry) if entry.record.header.user() == Some(user) => {
                    members.push((id, Some(entry.record.header)));
                }
                _ => self.index.remove(user, &id),
            }
        }
        members
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
        Ok(self.sessions.get(id).map(|entry| entry.record))
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.clean_index();
        let (joins, leaves) = moves(change);
        let applied = match joins {
            Some(user) => self.join(id, change, user)?,
            None => self.compute(id, change)?,
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
        let header = |id: &SessionId| Some((*id, Some(self.sessions.get(id)?.record.header)));
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

fn too_large(entry: &Entry, max_bytes: u64) -> Error {
    Error::too_large(format!(
        "the session would take {} bytes, `max_bytes` of the MemoryStore allows {max_bytes} \
         for all",
        entry.bytes()
    ))
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = self.sessions.entry_count();
        f.debug_struct("MemoryStore").field("sessions", &sessions).finish_non_exhaustive()
    }
}
