//! The store: moka's entry lock makes `apply` atomic.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::notification::RemovalCause;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use typed_sessions_core::{
    Applied, Change, IndexChange, Record, Result, SessionId, SessionStore, Timestamp, UserId,
};

use crate::index::{Index, Membership};

/// Sessions in memory. Clones share the same sessions.
///
/// Bounded: when it is full, the least recently used sessions go first, whether or not they have ended. The default is
/// 256 MiB. Sessions leave memory some time after their deadline; the deadline itself is enforced by the core.
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
    /// Held while a session changes hands, so that a user's limit is counted and enforced in one step.
    handover: Arc<Mutex<()>>,
}

/// Configures a [`MemoryStore`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryStoreBuilder {
    max_sessions: u64,
    max_bytes: u64,
}

#[derive(Clone)]
struct Entry {
    record: Record,
    keep_for: Duration,
}

impl MemoryStoreBuilder {
    /// At most this many sessions; no limit by default. At least 1.
    pub fn max_sessions(mut self, sessions: u64) -> Self {
        self.max_sessions = sessions.max(1);
        self
    }

    /// At most about this many bytes: keys, texts and an estimate of what keeping them costs. 256 MiB by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The store.
    pub fn build(self) -> MemoryStore {
        let index = Arc::new(Index::default());
        // moka has one capacity: a session weighs its bytes, but never so little that too many would fit.
        // Weights are `u32`, so a capacity that would need larger ones is cut.
        let capacity = self.max_bytes.min(self.max_sessions.saturating_mul(u32::MAX.into()));
        let least = capacity.div_ceil(self.max_sessions);
        let suspects = Arc::clone(&index);
        let sessions = Cache::builder()
            .max_capacity(capacity)
            .weigher(move |_, entry: &Entry| {
                u32::try_from(entry.bytes().max(least)).unwrap_or(u32::MAX)
            })
            // The default policy would rather refuse a new session than let go of an old one.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(KeepFor)
            .eviction_listener(move |id: Arc<SessionId>, entry: Entry, cause| {
                let evicted = matches!(cause, RemovalCause::Size | RemovalCause::Expired);
                if evicted && let Some(user) = entry.record.header.user() {
                    suspects.suspect(user.clone(), *id);
                }
            })
            .build();
        MemoryStore { sessions, index, handover: Arc::default() }
    }
}

/// Lets moka forget what no deadline needs any more. Real time: the core's clock may be a fake one.
struct KeepFor;

impl moka::Expiry<SessionId, Entry> for KeepFor {
    fn expire_after_create(&self, _: &SessionId, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.keep_for)
    }

    fn expire_after_update(
        &self,
        _: &SessionId,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.keep_for)
    }
}

impl Entry {
    fn new(record: Record, now: Timestamp) -> Self {
        // Beyond a century moka's timers could overflow.
        const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);
        let left = record.header.deadline().since(now);
        Self { record, keep_for: left.clamp(Duration::from_millis(1), LONGEST) }
    }

    /// What the session takes in memory, roughly: measured with small fields in `benches`.
    fn bytes(&self) -> u64 {
        const SESSION: usize = 700;
        const FIELD: usize = 80;
        let fields = &self.record.fields;
        let header = &self.record.header;
        // The index keeps the id once more.
        let user = header.user().map_or(0, |user| 2 * user.as_str().len());
        let device = header.device().map_or(0, |device| {
            device.label.len() + device.user_agent.as_ref().map_or(0, String::len)
        });
        (SESSION + fields.len() * FIELD + fields.bytes() + user + device) as u64
    }
}

impl MemoryStore {
    /// An empty store with the default bounds.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store to be configured.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder { max_sessions: u64::MAX, max_bytes: 256 << 20 }
    }

    /// How many sessions are in memory, some perhaps past their deadline.
    pub fn session_count(&self) -> u64 {
        self.sessions.run_pending_tasks();
        self.sessions.entry_count()
    }

    /// How many users have at least one session in memory.
    pub fn user_count(&self) -> usize {
        self.sessions.run_pending_tasks();
        self.clean_index();
        self.index.users()
    }

    /// Checks and writes under the entry's lock. Every removal takes the same lock: moka's own `remove` does not, and would
    /// let a write in flight put the record back.
    fn compute(&self, id: &SessionId, change: &Change) -> Applied {
        let mut applied = Applied::Applied;
        self.sessions.entry(*id).and_compute_with(|entry| {
            match change.evaluate(entry.as_ref().map(|entry| &entry.value().record)) {
                Ok(record) => Op::Put(Entry::new(record, change.now)),
                Err(refused) => {
                    applied = refused;
                    Op::Nop
                }
            }
        });
        applied
    }

    /// A change of hands: the index is written before the record and cleaned after it.
    fn compute_with_index(&self, id: &SessionId, change: &Change, index: &IndexChange) -> Applied {
        let _one_at_a_time = self.handover.lock().unwrap_or_else(PoisonError::into_inner);
        let mut evicted = Vec::new();
        let mut membership = Membership::Old;
        if let Some(join) = &index.join {
            if let Some(limit) = join.limit {
                match limit.make_room(&self.members(&join.user), id, change.now) {
                    Ok(room) => evicted = room,
                    Err(full) => return self.precedence(id, change, full),
                }
            }
            membership = self.index.insert(&join.user, *id);
        }
        let applied = self.compute(id, change);
        if applied == Applied::Applied {
            for id in &evicted {
                self.remove_if(id, |_| true);
            }
            if let Some(user) = &index.leave {
                self.index.remove(user, id);
            }
        } else if let (Some(join), Membership::New) = (&index.join, membership) {
            self.index.remove(&join.user, id);
        }
        applied
    }

    /// A full house matters only to a session that could otherwise enter.
    fn precedence(&self, id: &SessionId, change: &Change, full: Applied) -> Applied {
        let current = self.sessions.get(id);
        change
            .evaluate(current.as_ref().map(|entry| &entry.record))
            .map_or_else(|refused| refused, |_| full)
    }

    /// Removes a session under the entry's lock and takes it from the index.
    fn remove_if(&self, id: &SessionId, condition: impl Fn(&Record) -> bool) -> Option<Record> {
        let result = self.sessions.entry(*id).and_compute_with(|entry| match entry {
            Some(entry) if condition(&entry.value().record) => Op::Remove,
            _ => Op::Nop,
        });
        let CompResult::Removed(entry) = result else { return None };
        let record = entry.into_value().record;
        if let Some(user) = record.header.user() {
            self.index.remove(user, id);
        }
        Some(record)
    }

    /// Takes evicted sessions from the index. Under the entry's lock: a write in flight may have put the session back.
    fn clean_index(&self) {
        for (user, id) in self.index.take_suspects() {
            self.sessions.entry(id).and_compute_with(|entry| {
                if entry.is_none_or(|entry| entry.value().record.header.user() != Some(&user)) {
                    self.index.remove(&user, &id);
                }
                Op::Nop
            });
        }
    }

    /// The records that belong to the user; what the index knows beyond them is forgotten.
    fn members(&self, user: &UserId) -> Vec<(SessionId, Record)> {
        let mut members = Vec::new();
        for id in self.index.members(user) {
            match self.sessions.get(&id) {
                Some(entry) if entry.record.header.user() == Some(user) => {
                    members.push((id, entry.record))
                }
                _ => self.index.remove(user, &id),
            }
        }
        members
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        Ok(self.sessions.get(id).map(|entry| entry.record))
    }

    async fn apply(&self, id: &SessionId, change: &Change) -> Result<Applied> {
        self.clean_index();
        Ok(match &change.index {
            None => self.compute(id, change),
            Some(index) => self.compute_with_index(id, change, index),
        })
    }

    async fn delete(&self, id: &SessionId) -> Result<bool> {
        Ok(self.remove_if(id, |_| true).is_some())
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionId, Record)>> {
        // Not while a login has written the index but not yet the record.
        let _one_at_a_time = self.handover.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.members(user))
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let ended: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, entry)| !entry.record.header.is_live(now))
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        self.clean_index();
        let has_ended = |record: &Record| !record.header.is_live(now);
        Ok(ended.into_iter().filter_map(|id| self.remove_if(&id, has_ended)).count())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("sessions", &self.sessions.entry_count())
            .finish_non_exhaustive()
    }
}
