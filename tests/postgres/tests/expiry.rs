//! E1: a row's own expiry, by PostgreSQL's clock, with nobody to sweep.

use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::store::{
    Applied, Change, Create, Deleted, Key, Limit, Owned, Page, Record, Text,
};
use typed_sessions::{
    ErrorKind, ManualClock, Overflow, PostgresStore, SessionId, SessionStore as _, Sessions,
    UserId, hours, minutes, seconds,
};
use typed_sessions_postgres_tests::{Member, Shop, logged_in, migrated, stored};
use typed_sessions_test_servers::postgres::Postgres;

async fn on(server: &Postgres) -> PostgresStore {
    migrated(PostgresStore::builder().url(server.url())).await
}

/// By PostgreSQL's clock all sessions have ended.
fn end_all(server: &Postgres) {
    server.sql("UPDATE typed_sessions SET expires_at = now() - interval '1 ms'");
}

fn count(server: &Postgres) -> u64 {
    server.sql("SELECT count(*) FROM typed_sessions").parse().expect("a number")
}

#[tokio::test]
async fn e1_an_ended_row_stays_ended_without_a_sweeper() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    // Of the core's clock no time passes: it is put back again and again.
    let clock = ManualClock::default();
    let of = |idle| {
        let builder = Sessions::<Shop>::builder(store.clone()).clock(clock.clone());
        builder.idle_timeout(idle).touch_every(Duration::from_millis(100))
    };
    let sessions = of(seconds(1)).build().expect("consistent");
    let (mut session, token) = logged_in(&sessions, 1).await;
    let (id, user) = (session.id(), UserId::new(1).expect("an id"));
    let begin = Instant::now();
    while server.sql("SELECT expires_at <= now() FROM typed_sessions") == "f" {
        assert!(begin.elapsed() < Duration::from_mins(1), "it never ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count(&server), 1, "nobody has swept");

    assert!(store.load(&id).await.expect("works").is_none());
    assert!(sessions.open(&token).await.expect("works").is_none());
    assert!(sessions.peek(&token).await.expect("works").is_none());
    assert!(store.headers(&[id]).await.expect("works").is_empty());
    let found = store.sessions_of(&user, &Page::first(10)).await.expect("works");
    assert!(found.sessions.is_empty() && found.next.is_none());
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 0);

    let gone = |result: typed_sessions::Result<()>| {
        assert_eq!(result.expect_err("it has ended").kind(), ErrorKind::Gone);
    };
    gone(session.set(Shop::VISITS, 2).await);
    gone(session.update(Shop::VISITS, |n| *n += 1).await);
    gone(session.touch().await);
    gone(session.renew().await);
    gone(session.logout().await);
    gone(session.login(Member { id: 1 }).await);
    let limited = of(seconds(1)).max_sessions_per_user(1, Overflow::Refuse);
    let limited = limited.build().expect("consistent");
    let mut under_limit = limited.view::<Shop>().start();
    under_limit.login(Member { id: 1 }).await.expect("an ended session takes no place");
    under_limit.destroy().await.expect("ends");
    for only in [Owned::Anyones, Owned::OfUser(user), Owned::OfLogin(1)] {
        assert_eq!(store.delete(&id, &only).await.expect("works"), Deleted::Missing, "{only:?}");
    }
    assert_eq!(sessions.user(&1).revoke_all().await.expect("works"), 0);
    assert_eq!(count(&server), 1, "and still nobody has swept");
}

/// A session in the store, to be created again.
async fn record(store: &PostgresStore, user: u64) -> (SessionId, Record) {
    let clock = ManualClock::default();
    let sessions = Sessions::<Shop>::builder(store.clone()).clock(clock).build().expect("defaults");
    let (session, _) = logged_in(&sessions, user).await;
    let record = store.load(&session.id()).await.expect("works").expect("is there");
    (session.id(), record)
}

fn creation(record: &Record, note: &str, limit: Option<Limit>) -> Change {
    let header = record.header.clone();
    let now = header.last_seen();
    let fields = vec![(Key::new("note"), Text::from_stored(note))];
    Change::Create(Create { fields, limit, ..Create::new(header, now) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e1_an_ended_row_gives_way_to_a_new_session() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let limits =
        [None, Some(Limit::new(1, Overflow::Refuse)), Some(Limit::new(1, Overflow::EvictOldest))];
    for (limit, user) in limits.into_iter().zip(1..) {
        let (id, record) = record(&store, user).await;
        let create = |note: &str| creation(&record, note, limit);
        let applied = store.apply(&id, &create("\"x\"")).await.expect("works");
        assert_eq!(applied, Applied::Conflict, "{limit:?}: it is there");
        end_all(&server);

        // Of many at once one finds nothing in the way.
        let creates = (0..8).map(|n| {
            let (store, create) = (store.clone(), create(&n.to_string()));
            tokio::spawn(async move { store.apply(&id, &create).await.expect("works") })
        });
        let all = join_all(creates.collect::<Vec<_>>()).await;
        let all: Vec<Applied> = all.into_iter().map(|applied| applied.expect("no panic")).collect();
        let winner = all.iter().position(|applied| *applied == Applied::Applied);
        let winner = winner.expect("one of them").to_string();
        let lost = all.iter().filter(|applied| **applied == Applied::Conflict).count();
        assert_eq!(lost, 7, "{limit:?}: {all:?}");

        let after = store.load(&id).await.expect("works").expect("is there");
        let fields: Vec<_> = after.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(fields, [("note", &*winner)], "nothing of the session of before is left");
        let lasts = "SELECT expires_at > now() + interval '25 min' AND sweep_at >= expires_at \
                     FROM typed_sessions";
        assert_eq!(server.sql(lasts), "t");
        store.clear(10).await.expect("clears");
    }
}

#[tokio::test]
async fn e1_a_lifetime_begins_anew_with_each_header() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let sessions = Sessions::<Shop>::builder(store).clock(ManualClock::default());
    let sessions = sessions.idle_timeout(minutes(30)).build().expect("consistent");
    let left = |at_least: &str, at_most: &str| {
        let sql = format!(
            "SELECT expires_at - now() BETWEEN interval '{at_least}' AND interval '{at_most}' \
             AND sweep_at >= expires_at FROM typed_sessions"
        );
        assert_eq!(server.sql(&sql), "t", "between {at_least} and {at_most}");
    };
    let (mut session, _) = stored(&sessions).await;
    left("29 min", "30 min");
    server.sql("UPDATE typed_sessions SET expires_at = now() + interval '5 min'");
    session.set(Shop::VISITS, 7).await.expect("sets");
    left("4 min", "5 min");
    session.touch().await.expect("touches");
    left("29 min", "30 min");
    let login = typed_sessions::Login::new().remember(hours(24 * 30));
    session.login_with(Member { id: 1 }, login).await.expect("logs in");
    left("29 days 23 h", "30 days");
    session.logout().await.expect("logs out");
    left("29 min", "30 min");
}
