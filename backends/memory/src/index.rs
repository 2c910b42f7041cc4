//! Which sessions belong to a user.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use typed_sessions_core::{SessionId, UserId};

/// The index of users' sessions. Its locks are leaves: nothing else is locked or called while one is held.
#[derive(Debug, Default)]
pub(crate) struct Index {
    users: Mutex<HashMap<UserId, HashSet<SessionId>>>,
    suspects: Mutex<Vec<(UserId, SessionId)>>,
    has_suspects: AtomicBool,
}

impl Index {
    /// Tells whether the session was new to the user.
    pub(crate) fn insert(&self, user: &UserId, id: SessionId) -> Membership {
        let mut users = self.lock();
        if users.entry(user.clone()).or_default().insert(id) {
            Membership::New
        } else {
            Membership::Old
        }
    }

    pub(crate) fn remove(&self, user: &UserId, id: &SessionId) {
        let mut users = self.lock();
        if let Some(sessions) = users.get_mut(user) {
            sessions.remove(id);
            if sessions.is_empty() {
                users.remove(user);
            }
        }
    }

    pub(crate) fn members(&self, user: &UserId) -> Vec<SessionId> {
        self.lock().get(user).map(|sessions| sessions.iter().copied().collect()).unwrap_or_default()
    }

    /// Notes that a session was evicted. Whoever calls this (moka, anywhere) must not wait for an entry's lock, so the
    /// index is cleaned later.
    pub(crate) fn suspect(&self, user: UserId, id: SessionId) {
        lock(&self.suspects).push((user, id));
        self.has_suspects.store(true, Ordering::Release);
    }

    pub(crate) fn take_suspects(&self) -> Vec<(UserId, SessionId)> {
        if self.has_suspects.swap(false, Ordering::Acquire) {
            std::mem::take(&mut *lock(&self.suspects))
        } else {
            Vec::new()
        }
    }

    /// How many users have an entry.
    pub(crate) fn users(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, HashSet<SessionId>>> {
        lock(&self.users)
    }
}

/// A panic elsewhere leaves the content whole: every change of it is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    New,
    Old,
}
