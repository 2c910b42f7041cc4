//! The rules of a bus, on a master behind Sentinels.

use std::sync::OnceLock;

use typed_sessions::RedisStore;
use typed_sessions_redis_tests::builder;
use typed_sessions_test_servers::sentinel::Sentinels;

/// All cases share it. It is gone when this process is.
async fn behind_sentinels() -> RedisStore {
    static SENTINELS: OnceLock<Sentinels> = OnceLock::new();
    let url = SENTINELS.get_or_init(Sentinels::start).url();
    builder(&url).connect().await.expect("the master answers")
}

typed_sessions_conformance::bus_suite!(behind_sentinels().await);
