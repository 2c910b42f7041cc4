//! The quickstart on Postgres, and what an operator sees:
//!
//! ```sh
//! cargo run --example postgres --features postgres
//! cargo run --example postgres --features postgres -- postgres://user:password@localhost/database
//! ```
//!
//! The first starts a PostgreSQL that ends with it; the second makes and fills the table
//! `typed_sessions_example` in a database of yours.

use typed_sessions::{PostgresStore, Result, SessionData, Sessions, hours};
use typed_sessions_test_servers::postgres::Postgres;

#[allow(dead_code, reason = "its `main` is another example")]
#[path = "quickstart.rs"]
mod quickstart;

/// Something to look at afterwards.
#[derive(Debug, SessionData)]
struct Visitor {
    language: String,
    visits: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1);
    let server = if url.is_none() { Some(Postgres::start(&[])) } else { None };
    let url = url.or(server.as_ref().map(Postgres::url)).unwrap_or_default();

    // These three lines are all that is not the quickstart's.
    let store = PostgresStore::builder().url(url).table("typed_sessions_example").connect().await?;
    store.migrate().await?;
    let sweeper = store.sweeper(hours(1));

    quickstart::tour(store.clone()).await?;

    let mut session = Sessions::<Visitor>::new(store).start();
    session.set(Visitor::LANGUAGE, "de".into()).await?;
    let query = format!(
        "SELECT to_timestamp(deadline / 1000) AS deadline, fields->>'language' AS language, fields \
         FROM typed_sessions_example \
         WHERE id = decode(translate('{}', '-_', '+/') || '==', 'base64')",
        session.id()
    );
    println!("\nWhat an operator sees:\n{query}");
    if let Some(server) = server {
        println!("{}", server.sql(&query));
    }
    sweeper.stop().await;
    Ok(())
}
