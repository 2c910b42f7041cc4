//! U: limits and revocation with many nodes at once; nobody waits for anybody in a ring.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::Barrier;
use tracing::Level;
use typed_sessions::{ErrorKind, Overflow, PostgresStore, Sessions};
use typed_sessions_conformance::log::told;
use typed_sessions_postgres_tests::{
    Application, Member, Shop, logged_in, migrated, stored, wait_for_waiters,
};
use typed_sessions_test_servers::postgres::Postgres;

async fn store(server: &Postgres) -> PostgresStore {
    let builder = PostgresStore::builder().url(server.url()).max_connections(5);
    migrated(builder.time_limit(Duration::from_secs(20))).await
}

async fn node(server: &Postgres, limit: usize, overflow: Overflow) -> Sessions<Shop> {
    Sessions::<Shop>::builder(store(server).await)
        .max_sessions_per_user(limit, overflow)
        .build()
        .expect("consistent")
}

/// The log knows at once; statistics come later.
fn assert_no_deadlock(server: &Postgres) {
    assert!(!server.log().contains("deadlock detected"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_limit_holds_over_many_nodes() {
    let server = Postgres::start(&[]);
    for overflow in [Overflow::EvictOldest, Overflow::Refuse] {
        let nodes = join_all((0..5).map(|_| node(&server, 5, overflow))).await;
        for user in 0..10 {
            let start = Arc::new(Barrier::new(50));
            let logins = (0..50).map(|n: usize| {
                let (sessions, start) = (nodes[n % nodes.len()].clone(), Arc::clone(&start));
                tokio::spawn(async move {
                    let mut session = sessions.start();
                    if n.is_multiple_of(2) {
                        session.save().await.expect("saves");
                    }
                    start.wait().await;
                    session.login(Member { id: user }).await.map_err(|error| error.kind())
                })
            });
            let mut refused = 0;
            for login in logins.collect::<Vec<_>>() {
                match login.await.expect("no panic") {
                    Ok(()) => {}
                    Err(kind) => {
                        assert_eq!(kind, ErrorKind::LimitReached);
                        refused += 1;
                    }
                }
            }
            assert_eq!(nodes[0].user(&user).count().await.expect("counts"), 5);
            assert_eq!(refused, if overflow == Overflow::Refuse { 45 } else { 0 });
            assert_eq!(nodes[0].user(&user).revoke_all().await.expect("ends"), 5);
        }
    }
    assert_no_deadlock(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn u2_storms_of_login_revocation_and_sync_never_deadlock() {
    const USERS: u64 = 100;
    const LASTS: Duration = Duration::from_secs(10);
    let server = Postgres::start(&["deadlock_timeout=10ms"]);
    let nodes = join_all((0..2).map(|_| node(&server, 5, Overflow::EvictOldest))).await;
    let sweeping = store(&server).await;
    // Sessions that change hands all the time, so that they are in each other's way.
    let mut shared = Vec::new();
    for _ in 0..50 {
        shared.push(Mutex::new(stored(&nodes[0]).await.1));
    }
    let (shared, done) = (Arc::new(shared), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now();
    let tasks = (0..8_u64).map(|task| {
        let (sessions, shared, done) =
            (nodes[usize::from(task % 2 == 0)].clone(), Arc::clone(&shared), Arc::clone(&done));
        let sweeping = sweeping.clone();
        tokio::spawn(async move {
            let mut n = task;
            while begin.elapsed() < LASTS {
                // A cheap walk through all of them, another one for each task.
                n = n
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let (what, user) = (n >> 61, (n >> 33) % USERS);
                let of = sessions.user(&user);
                let result = match what {
                    0 => of.revoke_all().await.map(drop),
                    1 => of.sync(&Member { id: user }).await.map(drop),
                    2 => sweeping.purge_expired(100).await.map(drop),
                    3 | 4 => sessions.start().login(Member { id: user }).await,
                    _ => {
                        let place =
                            &shared[usize::try_from(n >> 40).expect("small") % shared.len()];
                        let token = place.lock().expect("no panic").clone();
                        let mut session =
                            sessions.open_or_start(Some(&token)).await.expect("works");
                        let result = session.login(Member { id: user }).await;
                        *place.lock().expect("no panic") = session.token().expose();
                        result
                    }
                };
                match result.map_err(|error| (error.kind(), error)) {
                    // Two logins to one session: the later one may come too late.
                    Ok(()) | Err((ErrorKind::Gone | ErrorKind::Superseded, _)) => {}
                    Err((_, error)) => panic!("{error:?}"),
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    assert!(done.load(Ordering::Relaxed) > 500, "{done:?} operations are no storm");
    for user in 0..USERS {
        assert!(nodes[0].user(&user).count().await.expect("counts") <= 5, "user {user}");
        nodes[0].user(&user).revoke_all().await.expect("ends");
        assert_eq!(nodes[1].user(&user).count().await.expect("counts"), 0);
    }
    assert_no_deadlock(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_sessions_that_evict_each_other_wait_in_one_order() {
    let server = Postgres::start(&["deadlock_timeout=100ms"]);
    let sessions = node(&server, 1, Overflow::EvictOldest).await;
    for _ in 0..8 {
        let (mut one, _) = logged_in(&sessions, 1).await;
        let (mut two, _) = logged_in(&sessions, 2).await;
        let mut application = Application::begin(&server).await;
        application.lock(one.id()).await;
        // Each takes the place of the other. The application makes both get as far as they can.
        let first =
            tokio::spawn(
                async move { one.login(Member { id: 2 }).await.map_err(|error| error.kind()) },
            );
        wait_for_waiters(&server, 1);
        let second =
            tokio::spawn(
                async move { two.login(Member { id: 1 }).await.map_err(|error| error.kind()) },
            );
        wait_for_waiters(&server, 2);
        application.commit().await;
        let results = [first.await.expect("no panic"), second.await.expect("no panic")];
        assert!(results.contains(&Ok(())), "{results:?}");
        assert!(
            results.iter().all(|result| matches!(result, Ok(()) | Err(ErrorKind::Gone))),
            "{results:?}"
        );
        for user in [1, 2] {
            assert!(sessions.user(&user).count().await.expect("counts") <= 1);
            sessions.user(&user).revoke_all().await.expect("ends");
        }
    }
    assert_no_deadlock(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_who_changed_hands_meanwhile_is_not_evicted() {
    let server = Postgres::start(&[]);
    let sessions = node(&server, 1, Overflow::EvictOldest).await;
    let (mut moving, _) = logged_in(&sessions, 1).await;
    let mut application = Application::begin(&server).await;
    application.lock(moving.id()).await;
    let moved = tokio::spawn(async move {
        moving.login(Member { id: 2 }).await.expect("logs in");
        moving.token().expose()
    });
    wait_for_waiters(&server, 1);
    // It finds that the other session has to go, and waits for it.
    let newcomer = sessions.clone();
    let newcomer = tokio::spawn(async move { logged_in(&newcomer, 1).await.1 });
    wait_for_waiters(&server, 2);
    application.commit().await;
    let (moved, newcomer) = (moved.await.expect("no panic"), newcomer.await.expect("no panic"));
    assert!(sessions.open(&moved).await.expect("works").is_some(), "it is another user's by now");
    assert!(sessions.open(&newcomer).await.expect("works").is_some());
}

#[test]
fn u3_who_is_evicted_is_told_in_the_log() {
    let server = Postgres::start(&[]);
    let (text, first) = told(Level::INFO, async {
        let sessions = node(&server, 2, Overflow::EvictOldest).await;
        let mut first = Vec::new();
        for _ in 0..4 {
            first.push(logged_in(&sessions, 7).await.0.id());
        }
        first
    });
    let ended: Vec<&str> = text.lines().filter(|line| line.contains("Evicted")).collect();
    assert_eq!(ended.len(), 2, "{text}");
    for (line, id) in ended.iter().zip(&first) {
        let parts = ["typed_sessions: ", "user=7", &format!("session={id}")];
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
}
