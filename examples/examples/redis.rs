//! The quickstart on Redis, and what an operator sees:
//!
//! ```sh
//! cargo run --example redis --features redis
//! cargo run --example redis --features redis -- redis://127.0.0.1:6379
//! ```
//!
//! The first starts a redis-server that ends with it; the second takes a server of yours, where its
//! keys begin with `typed-sessions-example:`.

use typed_sessions::{RedisStore, Result, SessionData, Sessions};
use typed_sessions_test_servers::redis::Redis;

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
    let server = if url.is_none() { Some(Redis::start(&[])) } else { None };
    let url = url.or(server.as_ref().map(Redis::url)).unwrap_or_default();

    // All that is not the quickstart's.
    let store = RedisStore::builder().url(url).prefix("typed-sessions-example").connect().await?;
    quickstart::tour(store.clone()).await?;

    let mut session = Sessions::<Visitor>::new(store).start();
    session.set(Visitor::LANGUAGE, "de".into()).await?;
    let key = format!("typed-sessions-example:id:{}", session.id());
    println!("\nWhat an operator sees: HGETALL {key}");
    if let Some(server) = server {
        println!(
            "{}and it stays for {} s",
            server.cli(&["HGETALL", &key]),
            server.cli(&["TTL", &key]).trim()
        );
    }
    Ok(())
}
