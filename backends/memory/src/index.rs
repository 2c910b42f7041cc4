//! Which sessions belong to a user.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use typed_sessions_core::__backend::lock;
use typed_sessions_core::{SessionId, UserId};

use crate::locks::Locks;

/// The index of users' sessions, in parts with a lock each, so that users do not wait for each
/// other. These locks are leaves: nothing else is locked or called while one is held.
#[derive(Debug)]
pub(crate) struct Index {
    parts: Locks<Users>,
    suspects: Mutex<Vec<(UserId, SessionId)>>,
    has_suspects: AtomicBool,
}

type Users = HashMap<UserId, BTreeSet<SessionId>>;

/// How many suspects one call looks at: whoever comes by cleans up a little, and waits for no more.
const SUSPECTS_AT_A_TIME: usize = 32;

impl Default for Index {
    fn default() -> Self {
        Self {
            parts: Locks::default(),
            suspects: Mutex::default(),
            has_suspects: AtomicBool::new(false),
        }
    }
}

impl Index {
    /// Tells whether the session was new to the user.
    pub(crate) fn insert(&self, user: &UserId, id: SessionId) -> Membership {
        let mut users = lock(self.part(user));
        if users.entry(user.clone()).or_default().insert(id) {
            Membership::New
        } else {
            Membership::Old
        }
    }

    pub(crate) fn remove(&self, user: &UserId, id: &SessionId) {
        let mut users = lock(self.part(user));
        if let Some(sessions) = users.get_mut(user) {
            sessions.remove(id);
            if sessions.is_empty() {
                users.remove(user);
            }
        }
    }

    /// Up to so many of the user's sessions, in the order of their ids, after this one.
    pub(crate) fn members(
        &self,
        user: &UserId,
        after: Option<SessionId>,
        at_most: usize,
    ) -> Vec<SessionId> {
        let users = lock(self.part(user));
        let Some(sessions) = users.get(user) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        sessions.range((from, Bound::Unbounded)).take(at_most).copied().collect()
    }

    /// Notes that a session was evicted. Whoever calls this (moka, anywhere) must not wait for an
    /// entry's lock, so the index is cleaned later.
    pub(crate) fn suspect(&self, user: UserId, id: SessionId) {
        lock(&self.suspects).push((user, id));
        self.has_suspects.store(true, Ordering::Release);
    }

    /// Some of the sessions that were evicted.
    pub(crate) fn take_suspects(&self) -> Vec<(UserId, SessionId)> {
        if !self.has_suspects.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut suspects = lock(&self.suspects);
        let kept = suspects.len().saturating_sub(SUSPECTS_AT_A_TIME);
        let taken = suspects.split_off(kept);
        if suspects.is_empty() {
            self.has_suspects.store(false, Ordering::Release);
        }
        taken
    }

    /// How many users have an entry.
    pub(crate) fn users(&self) -> usize {
        self.parts.all().map(|part| lock(part).len()).sum()
    }

    fn part(&self, user: &UserId) -> &Mutex<Users> {
        self.parts.of(user)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    New,
    Old,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> SessionId {
        SessionId::from_bytes([number; 16])
    }

    #[test]
    fn whoever_comes_by_cleans_up_a_little_and_waits_for_no_more() {
        let (index, user) = (Index::default(), UserId::new(7).expect("an id"));
        for _ in 0..200_000 {
            index.suspect(user.clone(), id(1));
        }
        let mut calls = 0;
        loop {
            let suspects = index.take_suspects().len();
            assert!(suspects <= SUSPECTS_AT_A_TIME, "one call looks at {suspects}");
            if suspects == 0 {
                break;
            }
            calls += 1;
        }
        assert_eq!(calls, 200_000 / SUSPECTS_AT_A_TIME, "and all are looked at in the end");
    }

    #[test]
    fn members_come_in_the_order_of_their_ids_after_any_of_them() {
        let (index, user) = (Index::default(), UserId::new(7).expect("an id"));
        for number in [3, 1, 2, 5, 4] {
            assert!(index.insert(&user, id(number)) == Membership::New);
        }
        assert!(index.insert(&user, id(1)) == Membership::Old);
        assert_eq!(index.members(&user, None, 2), [id(1), id(2)]);
        index.remove(&user, &id(2));
        assert_eq!(index.members(&user, Some(id(2)), 2), [id(3), id(4)], "though 2 has left");
        assert_eq!(index.members(&user, Some(id(5)), 2), []);
        for number in [1, 3, 4, 5] {
            index.remove(&user, &id(number));
        }
        assert_eq!(index.users(), 0);
    }
}
