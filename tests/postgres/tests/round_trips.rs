//! C: what each operation costs, message by message on the wire.

use typed_sessions::store::{Deleted, Owned, Page};
use typed_sessions::{
    ManualClock, Overflow, PostgresStore, SessionId, SessionStore as _, Sessions, UserId, minutes,
};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{
    Member, Shop, builder, logged_in, migrated, stored, wait_until_idle,
};
use typed_sessions_test_servers::postgres::Postgres;

/// Bind, execute, close the portal, and the sync to which the server answers.
const ONE: &str = "BECS";

/// A store with one connection, on a wire that only this test uses.
struct Counted {
    _server: Postgres,
    wire: Wire,
    store: PostgresStore,
}

impl Counted {
    async fn start() -> Self {
        let server = Postgres::start(&[]);
        let wire = Wire::to(&server).await;
        let store = migrated(builder(&wire.url()).max_connections(1)).await;
        let counted = Self { _server: server, wire, store };
        counted.sent().await;
        counted
    }

    /// Sends each statement once, which the connection does not know yet.
    async fn prepare(&self, sessions: &Sessions<Shop>, limited: &Sessions<Shop>) {
        let (mut warm, token) = logged_in(limited, 9).await;
        warm.set(Shop::VISITS, 1).await.expect("sets");
        warm.update(Shop::VISITS, |visits| *visits += 1).await.expect("updates");
        warm.touch().await.expect("touches");
        sessions.open(&token).await.expect("opens").expect("is there");
        sessions.user(&9).list().await.expect("lists");
        self.store.purge_expired(10).await.expect("purges");
        stored(sessions).await;
        self.store.headers(&[warm.id()]).await.expect("reads");
        warm.logout().await.expect("logs out");
        assert!(sessions.revoke(warm.id()).await.expect("ends"));
        warm.set(Shop::VISITS, 1).await.expect_err("it is gone");
        warm.destroy().await.expect("there is nothing to end any more");
        sessions.revoke_everybody().await.expect("ends all");
        let first = self.sent().await;
        assert_eq!(first.matches('P').count(), 14, "each statement is prepared once: {first}");
        assert!(!first.contains('Q'), "{first}");
    }

    /// What was sent since the last time, but for the sign of life for which the pool asks when it
    /// takes a connection back.
    async fn sent(&self) -> String {
        wait_until_idle(&self.store).await;
        let sent = self.wire.sent();
        let signs = sent.matches("SS").count();
        assert!(signs <= sent.matches('E').count(), "more signs of life than calls: {sent}");
        sent.replace("SS", "S")
    }
}

#[tokio::test]
async fn c_round_trips_of_each_operation() {
    let counted = Counted::start().await;
    let clock = ManualClock::default();
    let builder = || Sessions::<Shop>::builder(counted.store.clone()).clock(clock.clone());
    let sessions = builder().build().expect("the defaults");
    let limited =
        builder().max_sessions_per_user(2, Overflow::EvictOldest).build().expect("consistent");

    counted.prepare(&sessions, &limited).await;
    let (_, token) = stored(&sessions).await;
    assert_eq!(counted.sent().await, ONE, "first save");
    sessions.open(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.sent().await, ONE, "open, nothing due");
    sessions.peek(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.sent().await, ONE, "peek");
    clock.advance(minutes(1));
    sessions.open(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.sent().await, [ONE, ONE].concat(), "open, touch due");
    clock.advance(minutes(10));
    let session = sessions.open(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.sent().await, [ONE, ONE].concat(), "open, renewal due");
    let renewed = session.fresh_token().expect("a renewal was due").expose();
    sessions.open(&renewed).await.expect("opens").expect("is there");
    assert_eq!(
        counted.sent().await,
        [ONE, ONE].concat(),
        "open, a renewed secret for the first time"
    );
    let mut session = sessions.open(&renewed).await.expect("opens").expect("is there");
    assert_eq!(counted.sent().await, ONE, "open, and not again");
    session.save().await.expect("saves");
    assert_eq!(counted.sent().await, "", "save of nothing");
    session.note = "tea".into();
    session.save().await.expect("saves");
    assert_eq!(counted.sent().await, ONE, "save");
    session.set(Shop::VISITS, 7).await.expect("sets");
    assert_eq!(counted.sent().await, ONE, "set");
    session.get(Shop::VISITS).await.expect("gets");
    assert_eq!(counted.sent().await, ONE, "get");
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(counted.sent().await, ONE, "update");
    session.remove(Shop::NOTE).await.expect("removes");
    assert_eq!(counted.sent().await, ONE, "remove");
    session.set(Shop::OTP, Some("1".into())).await.expect("sets");
    counted.sent().await;
    assert!(session.take(Shop::OTP).await.expect("takes").is_some());
    assert_eq!(counted.sent().await, ONE, "take");
    session.transact(|shop| shop.visits += 1).await.expect("changes");
    assert_eq!(counted.sent().await, ONE, "transact");
    session.reload().await.expect("reads");
    assert_eq!(counted.sent().await, ONE, "reload");
    session.touch().await.expect("touches");
    assert_eq!(counted.sent().await, ONE, "touch");
    session.renew().await.expect("renews");
    assert_eq!(counted.sent().await, ONE, "renew");
    session.login(Member { id: 1 }).await.expect("logs in");
    assert_eq!(counted.sent().await, ONE, "login");
    session.login(Member { id: 2 }).await.expect("logs in");
    assert_eq!(counted.sent().await, ONE, "login over a login");
    session.logout().await.expect("logs out");
    assert_eq!(counted.sent().await, ONE, "logout");
    session.destroy().await.expect("ends");
    assert_eq!(counted.sent().await, ONE, "destroy");
}

#[tokio::test]
async fn c_round_trips_of_what_ends_and_lists_others() {
    let counted = Counted::start().await;
    let builder = || Sessions::<Shop>::builder(counted.store.clone());
    let sessions = builder().build().expect("the defaults");
    let limited =
        builder().max_sessions_per_user(2, Overflow::EvictOldest).build().expect("consistent");
    counted.prepare(&sessions, &limited).await;

    let (other, _) = stored(&sessions).await;
    counted.sent().await;
    assert!(sessions.revoke(other.id()).await.expect("ends"));
    assert_eq!(counted.sent().await, ONE, "revoke");
    let (_, token) = stored(&sessions).await;
    counted.sent().await;
    assert!(sessions.revoke_token(&token).await.expect("ends"));
    assert_eq!(counted.sent().await, [ONE, ONE].concat(), "revoke_token");
    let (mine, _) = logged_in(&sessions, 3).await;
    counted.sent().await;
    assert!(sessions.user(&3).revoke(mine.id()).await.expect("ends"));
    assert_eq!(counted.sent().await, ONE, "revoke of a user's own");
    counted.store.purge_expired(10).await.expect("purges");
    assert_eq!(counted.sent().await, ONE, "purge_expired");
    for _ in 0..10 {
        logged_in(&sessions, 2).await;
    }
    counted.sent().await;
    assert_eq!(sessions.user(&2).list().await.expect("lists").len(), 10);
    assert_eq!(counted.sent().await, ONE, "list of 10");
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 10);
    assert_eq!(counted.sent().await, ONE, "count of 10");
    logged_in(&limited, 2).await;
    assert_eq!(counted.sent().await, ONE, "a login that ends nine others");
    assert_eq!(sessions.user(&2).list().await.expect("lists").len(), 2);
    counted.sent().await;
    assert_eq!(sessions.user(&2).sync(&Member { id: 2 }).await.expect("syncs"), 2);
    assert_eq!(counted.sent().await, ONE.repeat(3), "sync: the list, and one for each");
    assert_eq!(sessions.user(&2).revoke_all().await.expect("ends"), 2);
    assert_eq!(counted.sent().await, ONE.repeat(3), "revoke_all: the list, and one for each");
    stored(&sessions).await;
    counted.sent().await;
    sessions.revoke_everybody().await.expect("ends all");
    assert_eq!(counted.sent().await, ONE, "revoke_everybody");
}

#[tokio::test]
async fn c_a_refused_write_costs_one_more_that_asks_why() {
    let counted = Counted::start().await;
    let builder = || Sessions::<Shop>::builder(counted.store.clone());
    let sessions = builder().build().expect("the defaults");
    let limited = builder().max_sessions_per_user(1, Overflow::Refuse).build().expect("consistent");
    counted.prepare(&sessions, &limited).await;
    let (mut session, token) = stored(&sessions).await;
    let mut other = sessions.open(&token).await.expect("opens").expect("is there");
    other.set(Shop::VISITS, 5).await.expect("sets");
    other.remove(Shop::NOTE).await.expect("removes");
    counted.sent().await;
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(
        counted.sent().await,
        ONE.repeat(4),
        "refused, asked why, read, written: the handle was stale"
    );
    other.login(Member { id: 1 }).await.expect("logs in");
    counted.sent().await;
    session.set(Shop::VISITS, 1).await.expect_err("it is superseded");
    assert_eq!(counted.sent().await, ONE.repeat(2), "superseded, not missing");
    session.touch().await.expect_err("it is superseded");
    assert_eq!(counted.sent().await, ONE.repeat(2), "a touch");
    session.destroy().await.expect_err("it is superseded");
    assert_eq!(counted.sent().await, ONE.repeat(2), "a delete");
    let (mut refused, _) = stored(&limited).await;
    counted.sent().await;
    refused.login(Member { id: 1 }).await.expect_err("the user has one");
    assert_eq!(counted.sent().await, ONE.repeat(2), "a login that is full, and whether it is");
    other.destroy().await.expect("ends");
    counted.sent().await;
    session.set(Shop::VISITS, 1).await.expect_err("it is gone");
    assert_eq!(counted.sent().await, ONE.repeat(2), "missing, not conflict");
    session.destroy().await.expect("there is nothing to end any more");
    assert_eq!(counted.sent().await, ONE.repeat(2), "there was nothing to delete");
}

#[tokio::test]
async fn c_nothing_is_read_for_what_is_not_there() {
    let counted = Counted::start().await;
    let nobody = SessionId::from_bytes([7; 16]);
    assert!(counted.store.load(&nobody).await.expect("works").is_none());
    let deleted = counted.store.delete(&nobody, &Owned::Anyones).await.expect("works");
    assert_eq!(deleted, Deleted::Missing);
    let user = UserId::new(1).expect("an id");
    let found = counted.store.sessions_of(&user, &Page::first(500)).await.expect("works");
    assert!(found.sessions.is_empty() && found.next.is_none());
    assert!(counted.store.headers(&[nobody]).await.expect("works").is_empty());
    counted.sent().await;
    assert!(counted.store.load(&nobody).await.expect("works").is_none());
    assert_eq!(counted.sent().await, ONE);
}
