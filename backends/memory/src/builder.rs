//! Configuration of a store, and what a session weighs against its bounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use typed_sessions_core::SessionId;

use crate::entry::Entry;
use crate::index::Index;
use crate::store::MemoryStore;

/// Configures a [`MemoryStore`].
///
/// ```
/// use typed_sessions_memory::MemoryStore;
///
/// let store = MemoryStore::builder().max_sessions(10_000).max_bytes(16 << 20).build();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryStoreBuilder {
    max_sessions: u64,
    max_bytes: u64,
}

impl MemoryStore {
    /// An empty store with the default bounds.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store to be configured.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::default()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for MemoryStoreBuilder {
    fn default() -> Self {
        Self { max_sessions: u64::MAX, max_bytes: 256 << 20 }
    }
}

impl MemoryStoreBuilder {
    /// At most this many sessions; no limit by default. At least 1.
    pub fn max_sessions(mut self, sessions: u64) -> Self {
        self.max_sessions = sessions.max(1);
        self
    }

    /// At most about this many bytes: keys, texts and an estimate of what keeping them costs. 256
    /// MiB by default. A session that alone is larger is refused as `ErrorKind::TooLarge`.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The store.
    pub fn build(self) -> MemoryStore {
        let index = Arc::new(Index::default());
        // moka has one capacity: a session weighs its bytes, but never so little that too many
        // would fit. Weights are `u32`, so a capacity that would need larger ones is cut.
        let capacity = self.max_bytes.min(self.max_sessions.saturating_mul(u32::MAX.into()));
        let least = capacity.div_ceil(self.max_sessions);
        let suspects = Arc::clone(&index);
        let weight =
            move |entry: &Entry| u32::try_from(entry.bytes().max(least)).unwrap_or(u32::MAX);
        let sessions = Cache::builder()
            .max_capacity(capacity)
            .weigher(move |_, entry| weight(entry))
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
        MemoryStore::of(sessions, index, self.max_bytes)
    }
}

/// Lets moka forget what no deadline needs any more. Real time: the core's clock may be a fake one.
struct KeepFor;

impl moka::Expiry<SessionId, Entry> for KeepFor {
    fn expire_after_create(&self, _: &SessionId, entry: &Entry, _: Instant) -> Option<Duration> {
        entry.keep_for
    }

    fn expire_after_update(
        &self,
        _: &SessionId,
        entry: &Entry,
        _: Instant,
        left: Option<Duration>,
    ) -> Option<Duration> {
        entry.keep_for.or(left)
    }
}
