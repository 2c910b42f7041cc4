//! Locks by key, few enough to keep and enough that keys seldom wait for each other.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::Mutex;

const LOCKS: usize = 64;

/// The lock of each key. Keys may share one.
#[derive(Debug)]
pub(crate) struct Locks<T = ()> {
    locks: [Mutex<T>; LOCKS],
    hasher: RandomState,
}

impl<T: Default> Default for Locks<T> {
    fn default() -> Self {
        let locks = std::array::from_fn(|_| Mutex::default());
        Self { locks, hasher: RandomState::new() }
    }
}

impl<T> Locks<T> {
    pub(crate) fn of(&self, key: &impl Hash) -> &Mutex<T> {
        let hash = usize::try_from(self.hasher.hash_one(key) % LOCKS as u64);
        &self.locks[hash.unwrap_or_default()]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Mutex<T>> {
        self.locks.iter()
    }
}
