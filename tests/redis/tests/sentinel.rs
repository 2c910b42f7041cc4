//! A failover by three real Sentinels.

use std::time::Duration;

use typed_sessions::{ErrorKind, RedisStore, SessionStore as _};
use typed_sessions_redis_tests::{Shop, builder, logged_in, sessions, stored};
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::sentinel::Sentinels;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_follows_a_failover() {
    let mut servers = Sentinels::start();
    assert_eq!(servers.master(), Some(0));
    let url = servers.url();
    let store =
        builder(&url).time_limit(Duration::from_millis(500)).connect().await.expect("connects");
    let sessions = sessions(store.clone());
    let mut tokens = Vec::new();
    for user in 0..20 {
        tokens.push(logged_in(&sessions, user).await.1);
    }
    servers.wait_until_replicated();

    servers.servers[0].kill();
    // While there is no master nobody is signed out, and no call hangs.
    let opened = tokio::time::timeout(Duration::from_secs(20), sessions.open(&tokens[0]))
        .await
        .expect("it hung");
    assert_eq!(opened.expect_err("there is no master").kind(), ErrorKind::Unavailable);
    eventually("the Sentinels agree on a new master", || {
        servers.master().is_some_and(|master| master != 0)
    });

    for token in &tokens {
        let mut session = loop {
            match sessions.open(token).await {
                Ok(found) => break found.expect("a session was lost"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        session.update(Shop::VISITS, |n| *n += 1).await.expect("the new master takes writes");
    }
    // The old master comes back as a replica: nobody writes to it.
    servers.servers[0].start_again();
    eventually("the old master follows", || {
        servers.servers[0].info("replication", "role") == "slave"
    });
    stored(&sessions).await;

    let outcomes = tokio::task::spawn_blocking(move || {
        let outcomes = typed_sessions_conformance::check(async || {
            builder(&url).connect().await.expect("connects")
        });
        drop(servers);
        outcomes
    });
    let outcomes = outcomes.await.expect("no panic");
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_demoted_master_is_left() {
    let servers = Sentinels::start();
    let store = builder(&servers.url()).connect().await.expect("connects");
    let sessions = sessions(store);
    let (mut session, _) = stored(&sessions).await;
    servers.wait_until_replicated();
    // An orderly switch: the old master stays up, and answers `READONLY` before it hangs up.
    servers.fail_over();
    eventually("another master", || servers.master().is_some_and(|master| master != 0));
    eventually("the old one follows", || servers.servers[0].info("replication", "role") == "slave");
    let mut written = session.set(Shop::VISITS, 7).await;
    for _ in 0..100 {
        match written {
            Ok(()) => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        written = session.set(Shop::VISITS, 7).await;
    }
    assert_eq!(session.get(Shop::VISITS).await.expect("reads"), 7);
}

#[tokio::test]
async fn an_unknown_master_is_told() {
    let servers = Sentinels::start();
    let url = servers.url().replace("/main", "/other");
    let error = RedisStore::connect(url).await.expect_err("nobody knows it");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let store = RedisStore::connect(servers.url()).await.expect("this one is known");
    assert!(
        store.load(&typed_sessions::SessionId::from_bytes([0; 16])).await.expect("works").is_none()
    );
}
