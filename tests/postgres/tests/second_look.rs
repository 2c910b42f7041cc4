//! C, W6: why a write was refused is told by a second look at the row, as it is by then.

use std::time::Duration;

use typed_sessions::store::{
    Applied, Change, Create, Deleted, Edit, Header, Key, Limit, Owned, Owner, Rewrite, Save, Text,
};
use typed_sessions::{
    ErrorKind, ManualClock, Overflow, PostgresStore, SessionId, SessionStore as _, Sessions, UserId,
};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{
    Application, Member, Shop, in_time, migrated, reason, stored, wait_for_waiters, wait_until_idle,
};
use typed_sessions_test_servers::postgres::Postgres;

/// One session in a store.
struct One {
    store: PostgresStore,
    id: SessionId,
    header: Header,
}

impl One {
    async fn of_user(store: PostgresStore, user: u64) -> Self {
        let clock = ManualClock::default();
        let sessions = Sessions::<Shop>::builder(store.clone()).clock(clock).build();
        let (mut session, _) = stored(&sessions.expect("the defaults")).await;
        session.login(Member { id: user }).await.expect("logs in");
        let record = store.load(&session.id()).await.expect("works").expect("is there");
        Self { store, id: session.id(), header: record.header }
    }

    /// A write to `visits`, of which this is expected.
    fn save(&self, expected: Option<&str>) -> Change {
        let text = |text: &str| Text::from_stored(text);
        let mut save = Save::of(&self.header, self.header.last_seen());
        save.expected =
            expected.map(|is| (Key::new("visits"), Some(text(is)))).into_iter().collect();
        save.edit = Edit { set: vec![(Key::new("visits"), text("77"))], remove: Vec::new() };
        Change::Save(save)
    }

    fn rewrite(&self) -> Change {
        let (header, now) = (self.header.clone(), self.header.last_seen());
        Change::Rewrite(Rewrite::new(&self.header, header, None, now))
    }

    /// What comes of a change while somebody else changes the row in another way.
    async fn applied_beside(
        &self,
        server: &Postgres,
        change: Change,
        sql: &'static str,
    ) -> Applied {
        let mut application = Application::begin(server).await;
        application.execute(sql).await;
        let (store, id) = (self.store.clone(), self.id);
        let write = tokio::spawn(async move { store.apply(&id, &change).await });
        wait_for_waiters(server, 1);
        application.commit().await;
        in_time(write).await.expect("no panic").expect("works")
    }
}

async fn on(server: &Postgres) -> PostgresStore {
    let builder = PostgresStore::builder().url(server.url());
    migrated(builder.time_limit(Duration::from_secs(20))).await
}

/// Gives the row this number of visits.
macro_rules! visits {
    ($visits:literal) => {
        concat!("UPDATE typed_sessions SET fields = fields || '{\"visits\": \"", $visits, "\"}'")
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn w6_the_reason_is_the_row_as_it_is_by_then() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    // Each of these waits for the row, and was no reason when the statement began.
    for (sql, of_save, of_rewrite) in [
        ("DELETE FROM typed_sessions", Applied::Missing, Applied::Missing),
        ("UPDATE typed_sessions SET deadline = 1", Applied::Missing, Applied::Missing),
        (
            "UPDATE typed_sessions SET expires_at = now() - interval '1 h'",
            Applied::Missing,
            Applied::Missing,
        ),
        (
            "UPDATE typed_sessions SET deadline = 1, login_epoch = login_epoch + 1",
            Applied::Missing,
            Applied::Missing,
        ),
        (
            "UPDATE typed_sessions SET login_epoch = login_epoch + 1, revision = revision + 1",
            Applied::Superseded,
            Applied::Superseded,
        ),
        ("UPDATE typed_sessions SET revision = revision + 1", Applied::Applied, Applied::Conflict),
        (visits!("5"), Applied::Conflict, Applied::Applied),
    ] {
        for (change, outcome) in [
            ((|one: &One| one.save(Some("1"))) as fn(&One) -> Change, of_save),
            (One::rewrite, of_rewrite),
        ] {
            store.clear(10).await.expect("clears");
            let one = One::of_user(store.clone(), 1).await;
            let applied = one.applied_beside(&server, change(&one), sql).await;
            assert_eq!(applied, outcome, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c_what_nothing_refuses_any_more_is_written_after_all() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let one = One::of_user(store.clone(), 8).await;
    // Keeps the first three writes from the row, as if what refused them had gone by the look.
    server.sql(
        "CREATE SEQUENCE writes; \
         CREATE FUNCTION fourth() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN IF nextval(''writes'') <= 3 THEN RETURN NULL; END IF; \
         IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END'; \
         CREATE TRIGGER fourth BEFORE UPDATE OR DELETE ON typed_sessions \
         FOR EACH ROW EXECUTE FUNCTION fourth()",
    );
    for conditional in [one.save(None), one.save(Some("77")), one.rewrite()] {
        server.sql("SELECT setval('writes', 1, false)");
        let applied = in_time(store.apply(&one.id, &conditional)).await.expect("works");
        assert_eq!(applied, Applied::Applied, "{conditional:?}");
    }
    assert_eq!(server.sql("SELECT fields->>'visits' FROM typed_sessions"), "77");
    server.sql("SELECT setval('writes', 1, false)");
    let only = Owned::OfUser(UserId::new(8).expect("an id"));
    assert_eq!(in_time(store.delete(&one.id, &only)).await.expect("works"), Deleted::Yes);
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn w6_a_look_waits_for_nobody() {
    let server = Postgres::start(&[]);
    let store = on(&server).await;
    let one = One::of_user(store.clone(), 8).await;
    // What somebody has not committed is no reason, and none to wait.
    let mut application = Application::begin(&server).await;
    application.execute(visits!("5")).await;
    let applied = in_time(store.apply(&one.id, &one.save(Some("5")))).await.expect("works");
    assert_eq!(applied, Applied::Conflict);
    let only = Owned::OfUser(UserId::new(7).expect("an id"));
    let deleted = in_time(store.delete(&one.id, &only)).await.expect("works");
    assert_eq!(deleted, Deleted::Superseded);
    application.commit().await;
    let applied = in_time(store.apply(&one.id, &one.save(Some("5")))).await.expect("works");
    assert_eq!(applied, Applied::Applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c_it_is_made_again_three_times_at_most() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let builder = PostgresStore::builder().url(wire.url()).max_connections(1);
    let store = migrated(builder).await;
    let one = One::of_user(store.clone(), 1).await;
    // Nothing refuses a write, and none is carried out.
    server.sql(
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RETURN NULL; END'; \
         CREATE TRIGGER nothing BEFORE UPDATE OR DELETE ON typed_sessions \
         FOR EACH ROW EXECUTE FUNCTION nothing()",
    );
    let sent = async || {
        wait_until_idle(&store).await;
        wire.sent().matches('E').count()
    };
    sent().await;
    let limit = Limit::new(2, Overflow::EvictOldest);
    let login = {
        let Change::Rewrite(mut rewrite) = one.rewrite() else { panic!("it is one") };
        rewrite.owner = Owner::Login { before: None, limit: Some(limit) };
        Change::Rewrite(rewrite)
    };
    // Four times, each followed by the question why.
    for conditional in [one.save(Some("1")), one.rewrite()] {
        let applied = in_time(store.apply(&one.id, &conditional)).await.expect("works");
        assert_eq!(applied, Applied::Conflict);
        assert_eq!(sent().await, 8);
    }
    // A function asks by itself.
    let applied = in_time(store.apply(&one.id, &login)).await.expect("works");
    assert_eq!(applied, Applied::Conflict);
    assert_eq!(sent().await, 4);
    let contended = |error: typed_sessions::Error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(reason(&error).contains("nothing was written"), "{error:?}");
    };
    contended(in_time(store.apply(&one.id, &one.save(None))).await.expect_err("not carried out"));
    assert_eq!(sent().await, 8);
    contended(in_time(store.delete(&one.id, &Owned::Anyones)).await.expect_err("not carried out"));
    assert_eq!(sent().await, 8);
    // A refusal that holds is told at once.
    let create = Change::Create(Create::new(one.header.clone(), one.header.last_seen()));
    assert_eq!(store.apply(&one.id, &create).await.expect("works"), Applied::Conflict);
    assert_eq!(sent().await, 1);
}
