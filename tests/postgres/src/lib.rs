//! What these tests share: stores that no other test sees.

pub mod pooler;
pub mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use typed_sessions::postgres::PostgresStoreBuilder;
use typed_sessions::postgres::sqlx::{self, Connection as _, Executor as _, PgConnection};
use typed_sessions::{PostgresStore, SessionId};
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::postgres::Postgres;
pub use typed_sessions_test_support::*;

/// A table's name that nobody else has, of any process.
pub fn fresh_table() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store on a server, in a table of its own that is still to be made.
pub fn builder(url: &str) -> PostgresStoreBuilder {
    // A busy machine is not what these tests are about.
    PostgresStore::builder().url(url).table(fresh_table()).time_limit(Duration::from_secs(20))
}

/// The same, connected and migrated.
///
/// # Panics
/// When the server does not answer.
pub async fn migrated(builder: PostgresStoreBuilder) -> PostgresStore {
    let store = builder.connect().await.expect("the test server answers");
    store.migrate().await.expect("the table is made");
    store
}

/// A store of one's own on the shared server.
///
/// # Panics
/// When PostgreSQL is not installed or does not answer.
pub async fn store() -> PostgresStore {
    migrated(builder(&Postgres::shared_url())).await
}

/// A transaction of the application's that keeps rows to itself.
#[derive(Debug)]
pub struct Application {
    connection: PgConnection,
}

impl Application {
    /// Begins one.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn begin(server: &Postgres) -> Self {
        let mut connection = PgConnection::connect(&server.url()).await.expect("connects");
        connection.execute("BEGIN").await.expect("begins");
        Self { connection }
    }

    /// Says something that needs no parameter.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn execute(&mut self, sql: &'static str) {
        self.connection.execute(sql).await.expect("the server takes it");
    }

    /// Locks a session's row.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn lock(&mut self, id: SessionId) {
        let lock = sqlx::query("SELECT FROM typed_sessions WHERE id = $1 FOR UPDATE")
            .bind(&id.as_bytes()[..]);
        self.connection.execute(lock).await.expect("the row is there");
    }

    /// Ends it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn commit(mut self) {
        self.execute("COMMIT").await;
    }
}

/// Waits until no call is under way, and the pool has had its sign of life of every connection.
///
/// # Panics
/// When a connection does not come back within half a minute.
pub async fn wait_until_idle(store: &PostgresStore) {
    let begin = std::time::Instant::now();
    while store.pool().num_idle() < store.pool().size() as usize {
        assert!(begin.elapsed() < Duration::from_secs(30), "a connection does not come back");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until so many statements wait for a row that somebody else has locked.
pub fn wait_for_waiters(server: &Postgres, count: u32) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    eventually("somebody waits for a lock", || server.sql(waiting) == count.to_string());
}
