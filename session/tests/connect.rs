//! A store from a URL.

use typed_sessions::{ErrorKind, connect};

#[tokio::test]
async fn unknown_schemes_are_refused_without_quoting_the_url() {
    for url in [
        "",
        "memory",
        "redis:hunter2",
        "redis+cluster://u:hunter2@",
        "postgres://user:hunter2@host:x/db",
        "mysql://u:hunter2@h",
        "://x",
    ] {
        let error = connect(url).await.expect_err("no such store here");
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn memory_is_ready_to_use() {
    let store = connect("memory:").await.expect("no server needed");
    assert!(
        store.load(&typed_sessions::SessionId::from_bytes([0; 16])).await.expect("works").is_none()
    );
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn memory_has_no_settings_in_its_url() {
    for url in ["memory:?max=5", "memory://host", "memory:x"] {
        let error = connect(url).await.expect_err("nobody reads it");
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
    }
}

#[cfg(not(feature = "memory"))]
#[tokio::test]
async fn memory_says_which_feature_to_turn_on() {
    let error = connect("memory:").await.expect_err("the feature is off");
    assert!(error.to_string().contains("feature `memory`"), "{error}");
}

#[cfg(not(feature = "postgres"))]
#[tokio::test]
async fn postgres_says_which_feature_to_turn_on() {
    for scheme in ["postgres", "postgresql"] {
        let error = connect(format!("{scheme}://host/name")).await.expect_err("the feature is off");
        assert!(error.to_string().contains("feature `postgres`"), "{error}");
    }
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn redis_says_which_feature_to_turn_on() {
    for scheme in ["redis", "rediss", "unix", "redis+cluster", "redis+sentinel"] {
        let error = connect(format!("{scheme}://host/name")).await.expect_err("the feature is off");
        assert!(error.to_string().contains("feature `redis`"), "{error}");
    }
}

#[cfg(all(feature = "redis", not(feature = "redis-tls")))]
#[tokio::test]
async fn encrypted_redis_says_which_feature_to_turn_on() {
    for scheme in ["rediss", "rediss+cluster", "rediss+sentinel"] {
        let error = connect(format!("{scheme}://host/name")).await.expect_err("the feature is off");
        assert!(error.to_string().contains("`redis-tls`"), "{error}");
    }
}
