//! The rules of a bus, on a Cluster of six real nodes.

use std::sync::OnceLock;

use typed_sessions::RedisStore;
use typed_sessions_redis_tests::builder;
use typed_sessions_test_servers::cluster::Cluster;

/// All cases share it. It is gone when this process is.
async fn on_a_cluster() -> RedisStore {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let url = CLUSTER.get_or_init(Cluster::start).url();
    builder(&url).connect().await.expect("the Cluster answers")
}

typed_sessions_conformance::bus_suite!(on_a_cluster().await);
