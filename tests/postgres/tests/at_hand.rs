//! Connections that stay at hand between calls, and the runtimes that they belong to.

use std::time::{Duration, Instant};

use typed_sessions::{PostgresStore, Sessions};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{
    Shop, builder, in_time, migrated, sessions, stored, wait_until_idle,
};
use typed_sessions_test_servers::postgres::Postgres;

#[tokio::test]
async fn c_calls_that_follow_each_other_have_one_sign_of_life_between_them() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let store = migrated(builder(&wire.url()).max_connections(1)).await;
    let sessions = sessions(store.clone());
    let (_, token) = stored(&sessions).await;
    sessions.open(&token).await.expect("opens").expect("is there");
    wait_until_idle(&store).await;
    wire.sent();
    for _ in 0..100 {
        sessions.open(&token).await.expect("opens").expect("is there");
    }
    wait_until_idle(&store).await;
    let sent = wire.sent();
    assert_eq!(sent.matches('E').count(), 100, "{sent}");
    let signs = sent.matches('S').count() - 100;
    assert!((1..50).contains(&signs), "{signs} signs of life: {sent}");
}

/// The pool is the application's, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_else_uses_the_pool_gets_its_turn() {
    let server = Postgres::start(&[]);
    let store = migrated(builder(&server.url()).max_connections(2)).await;
    let sessions = sessions(store.clone());
    let (_, token) = stored(&sessions).await;
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let (sessions, token) = (sessions.clone(), token.clone());
            tokio::spawn(async move {
                loop {
                    sessions.open(&token).await.expect("opens").expect("is there");
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let begin = Instant::now();
        drop(in_time(store.pool().acquire()).await.expect("a connection"));
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
    for task in busy {
        assert!(!task.is_finished(), "it went well");
        task.abort();
    }
    // What was under way is not at hand for others: all come back.
    wait_until_idle(&store).await;
    in_time(store.pool().close()).await;
    sessions.open(&token).await.expect_err("the pool is closed");
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn f5_a_store_outlives_its_runtimes() {
    let server = Postgres::start(&[]);
    let connected = async || migrated(PostgresStore::builder().url(server.url())).await;
    let store = on_a_runtime(connected());
    let sessions = Sessions::<Shop>::new(store.clone());
    let token = on_a_runtime(async { stored(&sessions).await.1 });
    for visits in 1..=5 {
        on_a_runtime(async {
            // A write first: a connection of the last runtime would cost it.
            sessions.start().save().await.expect("saves");
            let mut session = sessions.open(&token).await.expect("opens").expect("is there");
            session.set(Shop::VISITS, visits).await.expect("sets");
            if visits % 2 == 0 {
                // Nothing is at hand any more.
                wait_until_idle(&store).await;
                assert!(store.pool().num_idle() > 0);
            }
        });
    }
    on_a_runtime(async {
        sessions.open(&token).await.expect("opens").expect("is there");
        wait_until_idle(&store).await;
    });
    assert_eq!(store.pool().num_idle(), 0, "they ended with their runtime");
    // Outside of all runtimes, with connections that were at hand a moment ago.
    drop((sessions, store));
}

/// Uses the store for the first time in a runtime that is ending.
struct Late(Sessions<Shop>, String);

impl Drop for Late {
    fn drop(&mut self) {
        let opening = std::pin::pin!(self.0.open(&self.1));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        drop(opening.poll(&mut context));
    }
}

#[test]
fn f5_a_runtime_that_is_ending_hangs_nobody_up() {
    let server = Postgres::start(&[]);
    let connected = async || migrated(PostgresStore::builder().url(server.url())).await;
    let store = on_a_runtime(connected());
    let sessions = Sessions::<Shop>::new(store);
    let token = on_a_runtime(async { stored(&sessions).await.1 });
    let (done, is_done) = std::sync::mpsc::channel();
    let (late, after) = (Late(sessions.clone(), token.clone()), sessions);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (held, is_held) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let _late = late;
            held.send(()).expect("somebody waits");
            std::future::pending::<()>().await;
        });
        is_held.recv().expect("it is held");
        drop(runtime);
        done.send(()).expect("somebody waits");
    });
    is_done.recv_timeout(Duration::from_secs(30)).expect("the runtime ends");
    on_a_runtime(async { after.open(&token).await.expect("opens").expect("is there") });
}
