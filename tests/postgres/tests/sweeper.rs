//! E1: the sweeper takes what has ended and nothing else, whatever happens to it.

use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::{ErrorKind, ManualClock, PostgresStore, Sessions, Timestamp, hours, seconds};
use typed_sessions_postgres_tests::{
    Application, Shop, migrated, sessions, stored, wait_for_waiters,
};
use typed_sessions_test_servers::postgres::Postgres;

const OFTEN: Duration = Duration::from_millis(20);

async fn on(server: &Postgres) -> PostgresStore {
    migrated(PostgresStore::builder().url(server.url()).max_connections(3)).await
}

/// So many rows that have ended: copies of one that is there.
fn fill(server: &Postgres, count: u32) {
    server.sql(&format!(
        "INSERT INTO typed_sessions \
         (id, header, revision, login_epoch, deadline, last_seen, expires_at, sweep_at, fields) \
         SELECT decode(md5(n::text), 'hex'), header, 1, 0, 0, 0, \
         now() - n * interval '1 ms', now() - n * interval '1 ms', fields \
         FROM (SELECT * FROM typed_sessions LIMIT 1) one, generate_series(1, {count}) n"
    ));
}

fn count(server: &Postgres) -> u64 {
    server.sql("SELECT count(*) FROM typed_sessions").parse().expect("a number")
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "still not so after a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e1_four_sweepers_spare_the_living() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let living_sessions = sessions(store.clone());
    let mut living = join_all((0..50).map(|_| stored(&living_sessions))).await;
    fill(&server, 50_000);
    let nodes = join_all((0..4).map(|_| on(&server))).await;
    let sweepers: Vec<_> = nodes.iter().map(|node| node.sweeper(OFTEN)).collect();
    let mut written = 0;
    loop {
        for (session, token) in &mut living {
            written += 1;
            session.set(Shop::VISITS, written).await.expect("no sweeper is in the way");
            assert!(
                living_sessions.open(token).await.expect("works").is_some(),
                "a living session was swept"
            );
        }
        if count(&server) == 50 {
            break;
        }
    }
    for sweeper in sweepers {
        sweeper.stop().await;
    }
    assert_eq!(count(&server), 50);
    assert!(!server.log().contains("deadlock detected"));
}

#[tokio::test]
async fn e1_a_session_is_swept_soon_after_its_end() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let short = Sessions::<Shop>::builder(store.clone());
    let short = short
        .idle_timeout(seconds(1))
        .touch_every(Duration::from_millis(100))
        .build()
        .expect("consistent");
    stored(&short).await;
    let (_, token) = stored(&sessions(store.clone())).await;
    let sweeper = store.sweeper(OFTEN);
    until("the short session is gone", || count(&server) == 1).await;
    assert!(sessions(store).open(&token).await.expect("works").is_some());
    sweeper.stop().await;
}

#[tokio::test]
async fn e1_no_clock_but_the_servers_own_moves_the_sweeper() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    // 1970: by the system's clock these sessions ended long ago.
    let clock = ManualClock::new(Timestamp::from_millis(1_000));
    let past = Sessions::<Shop>::builder(store.clone())
        .clock(clock.clone())
        .build()
        .expect("the defaults");
    let (_, token) = stored(&past).await;
    let sweeper = store.sweeper(OFTEN);
    fill(&server, 10);
    until("a round is over", || count(&server) == 1).await;
    assert!(past.open(&token).await.expect("works").is_some());
    clock.advance(hours(1));
    assert!(past.open(&token).await.expect("works").is_none());
    assert_eq!(store.purge_expired(10).await.expect("purges"), 0, "nor does it move a purge");
    sweeper.stop().await;
}

#[tokio::test]
async fn e1_an_error_does_not_end_the_sweeper() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    stored(&sessions(store.clone())).await;
    let sweeper = store.sweeper(OFTEN);
    server.sql("ALTER TABLE typed_sessions RENAME TO away");
    until("its statement has failed", || {
        server.log().contains("\"public.typed_sessions\" does not exist")
    })
    .await;
    server.sql("ALTER TABLE away RENAME TO typed_sessions");
    fill(&server, 10);
    until("it goes on", || count(&server) == 1).await;
    sweeper.stop().await;
}

#[tokio::test]
async fn a_stopped_sweeper_sweeps_no_more() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    stored(&sessions(store.clone())).await;
    // Stopped between two rounds: at once, though the next one is an hour away.
    let begin = Instant::now();
    store.sweeper(hours(1)).stop().await;
    assert!(begin.elapsed() < Duration::from_secs(30));
    let sweeper = store.sweeper(OFTEN);
    fill(&server, 10);
    until("it sweeps", || count(&server) == 1).await;
    sweeper.stop().await;
    // `stop` has waited for its end.
    fill(&server, 10);
    assert_eq!(count(&server), 11, "it went on");
    assert_eq!(
        (
            store.purge_expired(7).await.expect("purges"),
            store.purge_expired(7).await.expect("purges")
        ),
        (7, 3),
        "by hand"
    );
    fill(&server, 10);

    // A handle that is dropped stops nothing; the last store does.
    drop(store.sweeper(OFTEN));
    until("it sweeps", || count(&server) == 1).await;
    let clients = "SELECT count(*) FROM pg_stat_activity \
                   WHERE application_name <> 'psql' AND backend_type = 'client backend'";
    until("its connections are there", || server.sql(clients) != "0").await;
    drop(store);
    until("it has let go of the pool, and so of the connections", || server.sql(clients) == "0")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e1_a_batch_may_take_longer_than_a_call() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let (_, token) = stored(&sessions(store)).await;
    fill(&server, 5);
    let hasty = PostgresStore::builder().url(server.url()).time_limit(Duration::from_millis(300));
    let hasty = hasty.connect().await.expect("connects");
    let mut application = Application::begin(&server).await;
    application.execute("LOCK TABLE typed_sessions").await;
    let sweeping = hasty.clone();
    let swept = tokio::spawn(async move { sweeping.purge_expired(10).await });
    wait_for_waiters(&server, 1);
    let error = sessions(hasty).open(&token).await.expect_err("its time ends");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    application.commit().await;
    assert_eq!(swept.await.expect("no panic").expect("nobody waits for it"), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e1_purges_at_once_take_each_row_once() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let sessions = sessions(store.clone());
    let (_, token) = stored(&sessions).await;
    fill(&server, 5_000);
    let purges = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut all = 0;
            while let some @ 1.. = store.purge_expired(300).await.expect("purges") {
                all += some;
            }
            all
        })
    });
    let mut all = 0;
    for purge in purges.collect::<Vec<_>>() {
        all += purge.await.expect("no panic");
    }
    assert_eq!((all, count(&server)), (5_000, 1));
    assert!(sessions.open(&token).await.expect("works").is_some());
}

#[tokio::test]
async fn e1_a_row_that_somebody_holds_keeps_no_sweeper() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    stored(&sessions(store.clone())).await;
    fill(&server, 100);
    let mut application = Application::begin(&server).await;
    application
        .execute(
            "SELECT FROM typed_sessions WHERE deadline = 0 ORDER BY sweep_at LIMIT 1 FOR UPDATE",
        )
        .await;
    let sweeper = store.sweeper(OFTEN);
    until("all but that one are swept", || count(&server) == 2).await;
    application.commit().await;
    until("and then that one", || count(&server) == 1).await;
    sweeper.stop().await;
}

#[tokio::test]
async fn e1_a_session_that_is_touched_meanwhile_is_not_purged() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let sessions = sessions(store.clone());
    let (_, token) = stored(&sessions).await;
    server.sql(
        "UPDATE typed_sessions SET expires_at = now() - interval '1 s', \
         sweep_at = now() - interval '1 s'",
    );
    // Its end has come; but a touch that began before has not been committed yet.
    let mut application = Application::begin(&server).await;
    application
        .execute(
            "UPDATE typed_sessions SET expires_at = now() + interval '1 h', \
             sweep_at = now() + interval '1 h'",
        )
        .await;
    let purged = tokio::time::timeout(Duration::from_secs(20), store.purge_expired(10)).await;
    application.commit().await;
    assert_eq!(purged.expect("it waits for nobody").expect("purges"), 0);
    assert_eq!(store.purge_expired(10).await.expect("purges"), 0);
    assert!(sessions.open(&token).await.expect("works").is_some());
}

#[tokio::test]
async fn e1_purge_takes_what_has_ended_and_no_more() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let clock = ManualClock::default();
    let sessions =
        Sessions::<Shop>::builder(store.clone()).clock(clock.clone()).build().expect("defaults");
    let living = join_all((0..5).map(|_| stored(&sessions))).await;
    assert_eq!(store.purge_expired(10).await.expect("purges"), 0, "nothing has ended");
    fill(&server, 10);
    assert_eq!(store.purge_expired(4).await.expect("purges"), 4, "no more than was asked for");
    assert_eq!(store.purge_expired(0).await.expect("purges"), 0);
    assert_eq!(count(&server), 11);
    // A clock that is hours ahead purges nothing that lives by PostgreSQL's own.
    clock.advance(hours(10));
    assert_eq!(store.purge_expired(1000).await.expect("purges"), 6, "all that has ended");
    assert_eq!((store.purge_expired(1000).await.expect("purges"), count(&server)), (0, 5));
    let right = Sessions::<Shop>::builder(store).clock(ManualClock::default());
    let right = right.build().expect("defaults");
    for (_, token) in &living {
        let opened = right.open(token).await.expect("works");
        assert!(opened.is_some(), "a living session was purged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_a_sweeper_outlives_a_crash_of_the_server() {
    let mut server = Postgres::start(&[]);
    let store = on(&server).await;
    stored(&sessions(store.clone())).await;
    let sweeper = store.sweeper(OFTEN);
    fill(&server, 10);
    until("it sweeps", || count(&server) == 1).await;
    server.kill();
    server.start_again();
    fill(&server, 10);
    until("it sweeps again", || count(&server) == 1).await;
    sweeper.stop().await;
}
