//! A store of your own, and proof: `cargo run --example custom_store --features conformance`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use typed_sessions::store::{Applied, Change, Cursor, Deleted, Found, Header, More};
use typed_sessions::store::{Owned, Page, Record};
use typed_sessions::{Result, SessionId, SessionStore, UserId};

/// Each record, and when it goes by itself.
type Sessions = BTreeMap<SessionId, (Record, Option<Instant>)>;

/// A map under a mutex. `Change::evaluate` checks and computes, the lock makes it atomic.
#[derive(Debug, Default)]
struct MapStore(Mutex<Sessions>);

impl MapStore {
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, (_, end)| end.is_none_or(|end| Instant::now() < end));
        sessions
    }
}

/// There is no index to keep: this store looks through all sessions.
fn members(sessions: &Sessions, user: &UserId) -> Vec<(SessionId, Option<Header>)> {
    let headers = sessions.iter().map(|(id, (record, _))| (*id, &record.header));
    let of_user = headers.filter(|(_, header)| header.user() == Some(user));
    of_user.map(|(id, header)| (id, Some(header.clone()))).collect()
}

#[async_trait]
impl SessionStore for MapStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        Ok(self.lock().get(id).map(|(record, _)| record.clone()))
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let mut sessions = self.lock();
        let current = sessions.get(id);
        let next = match change.evaluate(current.map(|(record, _)| record)) {
            Ok(next) => next,
            Err(refused) => return Ok(refused),
        };
        let kept = current.and_then(|(_, end)| *end);
        let end = change.keep_for().map_or(kept, |time| Instant::now().checked_add(time));
        // A login may have to make room.
        if let Some((user, limit)) = change.limit() {
            match limit.make_room(&members(&sessions, user), id, change.now()) {
                Ok(evicted) => evicted.iter().for_each(|id| drop(sessions.remove(id))),
                Err(full) => return Ok(full),
            }
        }
        sessions.insert(*id, (next, end));
        Ok(Applied::Applied)
    }

    async fn delete(&self, id: &SessionId, only: &Owned) -> Result<Deleted> {
        let mut sessions = self.lock();
        Ok(match sessions.get(id) {
            None => Deleted::Missing,
            Some((record, _)) if !only.permits(&record.header) => Deleted::Superseded,
            Some(_) => sessions.remove(id).map_or(Deleted::Missing, |_| Deleted::Yes),
        })
    }

    async fn sessions_of(&self, user: &UserId, page: &Page) -> Result<Found> {
        let (mut sessions, after) = (members(&self.lock(), user), page.after.as_ref());
        sessions.retain(|(id, _)| after.is_none_or(|last| id.as_bytes()[..] > *last.as_bytes()));
        let has_more = sessions.len() > page.at_most;
        sessions.truncate(page.at_most);
        let last = sessions.last().map(|(id, _)| Cursor::new(*id.as_bytes()));
        Ok(Found { next: last.filter(|_| has_more), sessions })
    }

    async fn headers(&self, ids: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        let sessions = self.lock();
        let found = ids.iter().filter_map(|id| Some((*id, &sessions.get(id)?.0.header)));
        Ok(found.map(|(id, header)| (id, Some(header.clone()))).collect())
    }

    async fn clear(&self, at_most: usize) -> Result<More> {
        let mut sessions = self.lock();
        (0..at_most).for_each(|_| drop(sessions.pop_first()));
        Ok(if sessions.is_empty() { More::No } else { More::Yes })
    }
}

fn main() {
    let outcomes = typed_sessions_conformance::check(async || MapStore::default());
    let broken: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    println!("{} rules kept", outcomes.len() - broken.len());
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

#[cfg(test)]
typed_sessions_conformance::suite!(MapStore::default());
