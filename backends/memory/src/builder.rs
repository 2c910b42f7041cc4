//! Configuration of a store, and what moka is told about its entries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use typed_sessions_core::SessionId;

use crate::bounds::Bounds;
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
        let bounds = Bounds::new(self.max_sessions, self.max_bytes);
        let index = Arc::new(Index::default());
        let suspects = Arc::clone(&index);
        let sessions = Cache::builder()
            .max_capacity(bounds.capacity())
            .weigher(|_, entry: &Arc<Entry>| entry.weight())
            // The default policy would rather refuse a new session than let go of an old one.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(Reclaimed)
            .eviction_listener(move |id: Arc<SessionId>, entry: Arc<Entry>, cause| {
                let is_gone = match cause {
                    RemovalCause::Size | RemovalCause::Expired => true,
                    // By a session created after it had run out, or by itself, with a new weight.
                    RemovalCause::Replaced => entry.has_ended(),
                    // Whoever removed it has seen to it.
                    RemovalCause::Explicit => false,
                };
                if is_gone && let Some(user) = entry.end() {
                    suspects.suspect(user, *id);
                }
            })
            .build();
        MemoryStore::of(sessions, index, bounds)
    }
}

/// Lets moka forget what the store has no longer to keep. Real time: the core's clock may be a fake
/// one.
struct Reclaimed;

impl Expiry<SessionId, Arc<Entry>> for Reclaimed {
    fn expire_after_create(
        &self,
        _: &SessionId,
        entry: &Arc<Entry>,
        now: Instant,
    ) -> Option<Duration> {
        Some(entry.reclaimed_after(now))
    }

    fn expire_after_update(
        &self,
        _: &SessionId,
        entry: &Arc<Entry>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.reclaimed_after(now))
    }
}
