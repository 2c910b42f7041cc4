//! The rules on a Cluster of six real nodes: at rest, while slots move, and when a master dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::redis::driver::cluster::ClusterClientBuilder;
use typed_sessions::{ErrorKind, Overflow, RedisStore, SessionId, SessionInfo, Sessions, connect};
use typed_sessions_redis_tests::{
    Member, Shop, builder, fresh_prefix, logged_in, sessions, stored, works,
};
use typed_sessions_test_servers::cluster::Cluster;

/// Eighteen servers at a time would be slow enough for nodes to give each other up.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn run_suite(cluster: &Cluster) {
    let outcomes = typed_sessions_conformance::check(async || store(cluster).await);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn store(cluster: &Cluster) -> RedisStore {
    builder(&cluster.url()).connect().await.expect("the Cluster answers")
}

fn assert_all_expires(cluster: &Cluster) {
    for node in &cluster.nodes {
        if node.answers() && node.info("replication", "role") == "master" {
            assert_eq!(node.keys_without_expiry(0), Vec::<String>::new());
        }
    }
}

#[test]
fn the_suite_passes_at_rest_and_while_slots_move() {
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let cluster = Cluster::start();
    run_suite(&cluster);
    let (done, moves) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // To and fro, with all the keys in them.
            while !done.load(Ordering::SeqCst) {
                for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                    cluster.move_slots(from, to, 1000);
                    moves.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let suite = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while moves.load(Ordering::SeqCst) < 3 {
                run_suite(&cluster);
            }
        }));
        done.store(true, Ordering::SeqCst);
        suite.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert_all_expires(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dying_master_is_followed_by_its_replica() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut cluster = Cluster::start();
    let store = builder(&cluster.url())
        .time_limit(Duration::from_millis(500))
        .connect()
        .await
        .expect("connects");
    let sessions = sessions(store.clone());
    let mut tokens = Vec::new();
    for user in 0..100 {
        tokens.push(logged_in(&sessions, user % 10).await.1);
    }
    // What follows is about what was replicated: Redis does not wait for replicas by itself.
    cluster.wait_until_replicated();

    let done = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            let (sessions, tokens, done) = (sessions.clone(), tokens.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut answered, mut unavailable) = (0, 0);
                while !done.load(Ordering::SeqCst) {
                    for token in tokens.iter().skip(worker).step_by(8) {
                        match sessions.open(token).await {
                            Ok(Some(mut session)) => match session
                                .update(Shop::VISITS, |n| *n += 1)
                                .await
                            {
                                Ok(()) => answered += 1,
                                Err(error) => {
                                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                                    unavailable += 1;
                                }
                            },
                            Ok(None) => panic!("a failing master signed somebody out"),
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                                unavailable += 1;
                            }
                        }
                    }
                }
                (answered, unavailable)
            })
        })
        .collect();

    tokio::task::spawn_blocking(move || {
        let replica = cluster.replica_of(0);
        cluster.nodes[0].kill();
        typed_sessions_test_servers::eventually("the replica takes over", || {
            cluster.is_master(replica)
        });
        cluster.wait_until_whole();
        cluster
    })
    .await
    .map(|cluster| async move {
        // Everybody is served again, by the same store.
        for token in &tokens {
            eventually_opens(&sessions, token).await;
        }
        done.store(true, Ordering::SeqCst);
        let mut failed = 0;
        for worker in workers {
            let (answered, unavailable) = worker.await.expect("no panic");
            assert!(answered > 0);
            failed += unavailable;
        }
        assert!(failed > 0, "nobody noticed that a third of the sessions was gone for a second");
        tokio::task::spawn_blocking(move || {
            run_suite(&cluster);
            assert_all_expires(&cluster);
        })
        .await
        .expect("the suite passes after the failover");
    })
    .expect("no panic")
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_bursts_are_served_while_slots_move() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cluster = Arc::new(Cluster::start());
    let store = store(&cluster).await;
    let limited = Sessions::<Shop>::builder(store).max_sessions_per_user(5, Overflow::EvictOldest);
    let sessions = limited.build().expect("consistent");
    let moving = Arc::clone(&cluster);
    let mover = tokio::task::spawn_blocking(move || {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            moving.move_slots(from, to, 1000);
        }
    });
    let mut bursts = 0;
    while !mover.is_finished() {
        let burst = join_all((0..100).map(|n| {
            let sessions = sessions.clone();
            tokio::spawn(async move {
                let (_, token) = logged_in(&sessions, n % 10).await;
                sessions.open(&token).await.expect("opens");
            })
        }));
        for done in burst.await {
            done.expect("no call fails");
        }
        bursts += 1;
    }
    mover.await.expect("the slots moved");
    assert!(bursts > 3, "{bursts} bursts prove little");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_a_node_that_hangs_holds_up_only_its_own_sessions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cluster = Cluster::start();
    let limit = Duration::from_millis(500);
    let store =
        builder(&cluster.url()).prefix("hang").time_limit(limit).connect().await.expect("connects");
    let sessions = sessions(store);
    let (mut there, mut elsewhere) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let (session, token) = stored(&sessions).await;
        let is_there =
            cluster.nodes[0].cli(&["EXISTS", &format!("hang:id:{}", session.id())]).trim() == "1";
        if is_there { there.push(token) } else { elsewhere.push(token) }
    }
    assert!(there.len() > 5 && elsewhere.len() > 5, "sessions are spread");
    cluster.nodes[0].stop();
    let done = Arc::new(AtomicBool::new(false));
    let waiting = there.clone().into_iter().map(|token| {
        let (sessions, done) = (sessions.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                let error = sessions.open(&token).await.expect_err("its node hangs");
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            }
        })
    });
    let waiting: Vec<_> = waiting.collect();
    let begin = Instant::now();
    // Not so long that the Cluster gives the node up.
    while begin.elapsed() < Duration::from_millis(1500) {
        for opened in join_all(elsewhere.iter().map(|token| sessions.open(token))).await {
            assert!(opened.expect("its node answers").is_some());
        }
    }
    done.store(true, Ordering::SeqCst);
    for waiting in waiting {
        waiting.await.expect("no panic");
    }
    // Who revokes everybody must not pass over a node.
    let store = builder(&cluster.url()).time_limit(limit).connect().await.expect("connects");
    let nobody = typed_sessions_redis_tests::sessions(store);
    let error = nobody.revoke_everybody().await.expect_err("there may be sessions on that node");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    cluster.nodes[0].resume();
    for token in &there {
        eventually_opens(&sessions, token).await;
    }
}

async fn eventually_opens(sessions: &Sessions<Shop>, token: &str) {
    for _ in 0..300 {
        match sessions.open(token).await {
            Ok(found) => {
                assert!(found.is_some(), "a session was lost");
                return;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still unavailable");
}

/// On whichever nodes they are.
async fn everybody_can_be_revoked(store: RedisStore) {
    let sessions = sessions(store);
    let mut tokens = Vec::new();
    for user in 0..20 {
        tokens.push(logged_in(&sessions, user % 3).await.1);
    }
    sessions.revoke_everybody().await.expect("ends");
    for token in &tokens {
        assert!(sessions.open(token).await.expect("works").is_none());
    }
}

#[tokio::test]
async fn one_user_has_sessions_on_every_node() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cluster = Cluster::start();
    let sessions = sessions(store(&cluster).await);
    let mut ids: Vec<SessionId> = Vec::new();
    for _ in 0..30 {
        ids.push(logged_in(&sessions, 7).await.0.id());
    }
    ids.sort_unstable();
    let mut listed: Vec<_> =
        sessions.user(&7).list().await.expect("lists").iter().map(SessionInfo::id).collect();
    listed.sort_unstable();
    assert_eq!(listed, ids);
    for node in &cluster.nodes[..3] {
        assert_ne!(node.cli(&["DBSIZE"]).trim(), "0", "sessions are spread");
    }
    assert_eq!(sessions.user(&7).sync(&Member { id: 7 }).await.expect("syncs"), 30);
    assert_eq!(sessions.user(&7).revoke_all().await.expect("revokes"), 30);
    everybody_can_be_revoked(store(&cluster).await).await;

    // In the middle of a move, for as long as it takes.
    let prefix = "half-moved";
    let store =
        RedisStore::builder().url(cluster.url()).prefix(prefix).connect().await.expect("connects");
    let half_moved = typed_sessions_redis_tests::sessions(store);
    let (mut session, token) = stored(&half_moved).await;
    cluster.half_move(&format!("{prefix}:id:{}", session.id()));
    for n in 0..5 {
        session.set(Shop::VISITS, n).await.expect("the slot's next owner takes it");
        assert_eq!(half_moved.open(&token).await.expect("works").expect("is there").visits, n);
    }
    assert!(half_moved.revoke(session.id()).await.expect("ends"));

    // Over a connection of the application's own as well.
    let client =
        ClusterClientBuilder::new([cluster.nodes[0].url()]).retries(0).build().expect("a client");
    let connection = client.get_async_connection().await.expect("connects");
    for _ in 0..20 {
        let store = RedisStore::builder()
            .connection(connection.clone())
            .prefix(fresh_prefix())
            .connect()
            .await;
        let store = store.expect("connects");
        works(store.clone()).await;
        everybody_can_be_revoked(store).await;
    }

    // By the URL of the facade.
    let store = connect(cluster.url()).await.expect("connects");
    stored(&typed_sessions_redis_tests::sessions(store)).await;

    // As if it were one server.
    let store = connect(cluster.nodes[0].url()).await.expect("connects");
    let sessions = typed_sessions_redis_tests::sessions(store);
    let elsewhere = loop {
        if let Err(error) = sessions.start().save().await {
            break error;
        }
    };
    let reason = std::error::Error::source(&elsewhere).map(ToString::to_string);
    assert!(
        reason.is_some_and(|reason| reason.contains("`redis+cluster://host:port`")),
        "{elsewhere:?}"
    );
}
