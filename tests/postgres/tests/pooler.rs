//! F: what a pooler between the store and PostgreSQL does to it.

use std::time::Duration;

use typed_sessions::bus::{Beat, Channel, ConnectionEntry, ConnectionId, Pulse, Server, Whose};
use typed_sessions::postgres::sqlx::{AssertSqlSafe, Row as _, raw_sql};
use typed_sessions::store::More;
use typed_sessions::{
    Bus as _, ErrorKind, Overflow, PostgresStore, SessionId, SessionStore as _, Sessions,
    Timestamp, UserId, minutes,
};
use typed_sessions_postgres_tests::{
    Member, Shop, in_time, logged_in, migrated, reason, sessions, stored,
};
use typed_sessions_test_servers::postgres::Postgres;

/// The statements of a store: [`Pooled::sends`] each of them.
const STATEMENTS: usize = 20;

/// A store with one connection, and another one that tells what is true.
struct Pooled {
    store: PostgresStore,
    other: PostgresStore,
}

impl Pooled {
    async fn on(server: &Postgres) -> Self {
        let store = migrated(PostgresStore::builder().url(server.url()).max_connections(1)).await;
        Self { store, other: PostgresStore::connect(server.url()).await.expect("connects") }
    }

    /// On a connection that knows all statements, each under the name of another, as when clients
    /// share a server's connections.
    async fn sends_mixed_up(&self, statement: usize, shift: usize) {
        self.store.pool().acquire().await.expect("is free").close().await.expect("closes");
        for each in 0..STATEMENTS {
            self.sends(each, async || {}).await;
        }
        self.sends(statement, async || self.mix_up(shift).await).await;
    }

    async fn mix_up(&self, shift: usize) {
        let mut connection = self.store.pool().acquire().await.expect("is free");
        let known = "SELECT name, array_to_string(parameter_types::text[], ','), statement \
                     FROM pg_prepared_statements";
        let known = raw_sql(known).fetch_all(&mut *connection).await.expect("tells");
        assert_eq!(known.len(), STATEMENTS);
        raw_sql("DEALLOCATE ALL").execute(&mut *connection).await.expect("forgets");
        for (n, statement) in known.iter().enumerate() {
            let other = &known[(n + shift) % known.len()];
            let [name, types, text]: [&str; 3] = [statement.get(0), other.get(1), other.get(2)];
            let sql = AssertSqlSafe(format!("PREPARE {name} ({types}) AS {text}"));
            raw_sql(sql).execute(&mut *connection).await.expect("prepares");
        }
    }

    /// Sends a statement; what the store says is true, and what it did is right.
    async fn sends(&self, statement: usize, before: impl AsyncFnOnce()) {
        let (ours, others) =
            (Sessions::<Shop>::new(self.store.clone()), Sessions::<Shop>::new(self.other.clone()));
        let limited = Sessions::<Shop>::builder(self.store.clone())
            .max_sessions_per_user(1, Overflow::EvictOldest);
        let limited = limited.build().expect("consistent");
        raw_sql("TRUNCATE typed_sessions").execute(self.other.pool()).await.expect("empties");
        let (kept, token) = logged_in(&others, 1).await;
        let mut session = ours.open(&token).await.expect("opens").expect("is there");
        let mut live = vec![kept.id()];

        before().await;
        match statement {
            0 => assert!(ours.open(&token).await.expect("opens").is_some()),
            1 => {
                assert!(ours.revoke(kept.id()).await.expect("revokes"));
                live.clear();
            }
            2 => assert_eq!(ours.user(&1).list().await.expect("lists").len(), 1),
            3 => assert_eq!(self.store.purge_expired(10).await.expect("purges"), 0),
            4 => {
                assert_eq!(self.store.clear(10).await.expect("clears"), More::No);
                live.clear();
            }
            5 => {
                let mut new = ours.start();
                new.save().await.expect("saves");
                live.push(new.id());
            }
            6 => {
                session.set(Shop::VISITS, 77).await.expect("sets");
                assert_eq!(others.open(&token).await.expect("opens").expect("is there").visits, 77);
            }
            7 => {
                let headers = self.store.headers(&live).await.expect("reads");
                assert_eq!(headers.iter().map(|(id, _)| *id).collect::<Vec<_>>(), live);
            }
            8 => {
                session.update(Shop::VISITS, |visits| *visits += 1).await.expect("updates");
                assert_eq!(others.open(&token).await.expect("opens").expect("is there").visits, 1);
            }
            9 => session.touch().await.expect("touches"),
            10 => {
                session.logout().await.expect("logs out");
                assert_eq!(others.user(&1).count().await.expect("counts"), 0);
            }
            11 | 12 => {
                assert!(others.revoke(kept.id()).await.expect("revokes"));
                live.clear();
                if statement == 11 {
                    let error = session.set(Shop::VISITS, 7).await.expect_err("it has ended");
                    assert_eq!(error.kind(), ErrorKind::Gone);
                } else {
                    assert!(!ours.revoke(kept.id()).await.expect("works"), "it has ended");
                }
            }
            13 => {
                let mut new = limited.start();
                new.login(Member { id: 1 }).await.expect("logs in");
                live = vec![new.id()];
            }
            _ => self.sends_on_the_bus(statement).await,
        }
        let sql = raw_sql("SELECT id FROM typed_sessions");
        let rows = sql.fetch_all(self.other.pool()).await.expect("tells");
        let mut stored: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0)).collect();
        stored.sort_unstable();
        live.sort_unstable_by_key(|id| *id.as_bytes());
        assert_eq!(
            stored,
            live.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>(),
            "statement {statement}"
        );
    }
}

impl Pooled {
    /// The same of a statement of the bus.
    async fn sends_on_the_bus(&self, statement: usize) {
        let (bus, other) = (&self.store, &self.other);
        let hub = Server::new("web-1").expect("a name");
        let entry = ConnectionEntry {
            connection: ConnectionId::random(),
            session: SessionId::from_bytes(*ConnectionId::random().as_bytes()),
            user: Some(UserId::new(hub.incarnation()).expect("an id")),
            since: Timestamp::from_millis(1_700_000_000_000),
        };
        let beat = Beat { joined: vec![entry.clone()], ..Beat::new(minutes(5)) };
        if statement != 16 {
            other.heartbeat(&hub, &beat).await.expect("beats");
        }
        let listed = [(hub.clone(), entry.clone())];
        match statement {
            14 | 15 => {
                let mut subscription = other.subscribe(&hub).await.expect("subscribes");
                let message = vec![7; if statement == 14 { 10 } else { 10_000 }];
                let to = Channel::Server(hub.incarnation());
                bus.publish(&to, message.clone().into()).await.expect("publishes");
                assert!(in_time(subscription.next()).await.expect("hears") == message);
            }
            16 => {
                assert_eq!(bus.heartbeat(&hub, &beat).await.expect("beats"), Pulse::Unknown);
                let of = Whose::Session(entry.session);
                assert_eq!(other.connections(&of).await.expect("lists"), listed);
            }
            17 => {
                let of = Whose::User(entry.user.clone().expect("a user"));
                assert_eq!(bus.connections(&of).await.expect("lists"), listed);
            }
            18 => {
                let of = Whose::Session(entry.session);
                assert_eq!(bus.connections(&of).await.expect("lists"), listed);
            }
            _ => {
                assert_eq!(bus.servers().await.expect("lists"), std::slice::from_ref(&hub));
            }
        }
        other.heartbeat(&hub, &Beat::new(Duration::ZERO)).await.expect("goes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_statements_of_another_client_are_not_taken_for_ours() {
    let server = Postgres::start(&[]);
    let pooled = Pooled::on(&server).await;
    for statement in 0..STATEMENTS {
        // That no two have equally many parameters is also looked at in the store's crate.
        for shift in (1..STATEMENTS).step_by(3) {
            pooled.sends_mixed_up(statement, shift).await;
        }
    }
}

#[tokio::test]
async fn f1_a_pooler_that_lost_its_server_is_unavailable() {
    let server = Postgres::start(&[]);
    let sessions = sessions(migrated(PostgresStore::builder().url(server.url())).await);
    let (mut session, _) = stored(&sessions).await;
    // PgBouncer has this code for nearly everything.
    server.sql(
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RAISE ''server conn crashed?'' USING ERRCODE = ''08P01''; END'; \
         CREATE TRIGGER lose BEFORE UPDATE ON typed_sessions EXECUTE FUNCTION lose()",
    );
    let error = in_time(session.set(Shop::VISITS, 7))
        .await
        .expect_err("nobody knows whether it was carried out");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(reason(&error).contains("server conn crashed?"), "{error:?}");
}
