//! The contract as code: what every other store must be indistinguishable from.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use typed_sessions::store::{Applied, Change, Deleted, Header, Owned, Record};
use typed_sessions::{SessionId, UserId};

/// Sessions in a map under a lock.
#[derive(Debug, Default)]
pub(crate) struct Reference(Mutex<BTreeMap<SessionId, Record>>);

impl Reference {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn load(&self, id: &SessionId) -> Option<Record> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn apply(&self, id: &SessionId, change: &Change) -> Applied {
        let mut sessions = self.lock();
        let next = match change.evaluate(sessions.get(id)) {
            Ok(next) => next,
            Err(refused) => return refused,
        };
        if let Some((user, limit)) = change.limit() {
            match limit.make_room(&members(&sessions, user), id, change.now()) {
                Ok(evicted) => evicted.iter().for_each(|id| drop(sessions.remove(id))),
                Err(full) => return full,
            }
        }
        sessions.insert(*id, next);
        Applied::Applied
    }

    pub(crate) fn delete(&self, id: &SessionId, only: &Owned) -> Deleted {
        let mut sessions = self.lock();
        match sessions.get(id) {
            None => Deleted::Missing,
            Some(record) if !only.permits(&record.header) => Deleted::Superseded,
            Some(_) => {
                sessions.remove(id);
                Deleted::Yes
            }
        }
    }

    pub(crate) fn members(&self, user: &UserId) -> Vec<(SessionId, Option<Header>)> {
        members(&self.lock(), user)
    }

    pub(crate) fn headers(&self) -> Vec<(SessionId, Header)> {
        self.lock().iter().map(|(id, record)| (*id, record.header.clone())).collect()
    }
}

fn members(
    sessions: &BTreeMap<SessionId, Record>,
    user: &UserId,
) -> Vec<(SessionId, Option<Header>)> {
    let of_user = |(_, record): &(&SessionId, &Record)| record.header.user() == Some(user);
    let members = sessions.iter().filter(of_user);
    members.map(|(id, record)| (*id, Some(record.header.clone()))).collect()
}
