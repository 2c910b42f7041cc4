//! A store of your own in 90 lines, and the suite that proves it: `cargo run --example custom_store`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use typed_sessions::{Applied, Change, Record, Result, SessionId, SessionStore, Timestamp, UserId};

/// A map under a mutex. The whole policy is in the core: `Change::evaluate` checks and computes, the lock makes it atomic.
#[derive(Debug, Default)]
struct MapStore(Mutex<HashMap<SessionId, Record>>);

impl MapStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn members(sessions: &HashMap<SessionId, Record>, user: &UserId) -> Vec<(SessionId, Record)> {
    let of_user = |(_, record): &(&SessionId, &Record)| record.header.user() == Some(user);
    sessions.iter().filter(of_user).map(|(id, record)| (*id, record.clone())).collect()
}

#[async_trait]
impl SessionStore for MapStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        Ok(self.lock().get(id).cloned())
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        let mut sessions = self.lock();
        let next = match change.evaluate(sessions.get(id)) {
            Ok(next) => next,
            Err(refused) => return Ok(refused),
        };
        // A login may have to make room. There is no index to keep: this store looks through all sessions.
        if let Some(join) = change.index.as_ref().and_then(|index| index.join.as_ref())
            && let Some(limit) = join.limit
        {
            match limit.make_room(&members(&sessions, &join.user), id, change.now) {
                Ok(evicted) => evicted.iter().for_each(|id| drop(sessions.remove(id))),
                Err(full) => return Ok(full),
            }
        }
        sessions.insert(*id, next);
        Ok(Applied::Applied)
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        Ok(self.lock().remove(id).is_some())
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        Ok(members(&self.lock(), user))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let mut sessions = self.lock();
        let ended = |(_, record): &(&SessionId, &Record)| record.header.deadline() <= now;
        let ids: Vec<SessionId> =
            sessions.iter().filter(ended).map(|(id, _)| *id).take(limit).collect();
        Ok(ids.iter().filter(|id| sessions.remove(id).is_some()).count())
    }
}

fn main() -> std::process::ExitCode {
    // In your crate this is one line, and each case a test: `typed_sessions_conformance::suite!(MapStore::default());`
    let outcomes = typed_sessions_conformance::check(async || MapStore::default());
    let mut failed = 0;
    for outcome in &outcomes {
        match &outcome.result {
            Ok(()) => println!("kept    {}", outcome.name),
            Err(reason) => {
                failed += 1;
                println!("BROKEN  {}: {reason}", outcome.name);
            }
        }
    }
    println!("{} rules kept, {failed} broken", outcomes.len() - failed);
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

#[cfg(test)]
typed_sessions_conformance::suite!(MapStore::default());
