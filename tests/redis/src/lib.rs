//! What these tests share: stores that no other test sees.

pub mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};

use typed_sessions::RedisStore;
use typed_sessions::redis::RedisStoreBuilder;
use typed_sessions_test_servers::redis::Redis;
pub use typed_sessions_test_support::*;

/// A prefix that nobody else has, of any process.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store on a server, under a prefix of its own.
pub fn builder(url: &str) -> RedisStoreBuilder {
    // A busy machine is not what these tests are about.
    RedisStore::builder()
        .url(url)
        .prefix(fresh_prefix())
        .time_limit(std::time::Duration::from_secs(20))
}

/// A store of one's own on the shared server.
///
/// # Panics
/// When Redis is not installed or does not answer.
pub async fn store() -> RedisStore {
    builder(&Redis::shared_url()).connect().await.expect("the test server answers")
}
