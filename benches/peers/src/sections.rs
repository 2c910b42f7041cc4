//! One section of the table for each kind of store: who takes part, on what.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use futures::future::join_all;
use typed_sessions::{MemoryStore, PostgresStore, RedisStore};
use typed_sessions_test_servers::postgres::Postgres;
use typed_sessions_test_servers::redis::Redis;

use crate::floors;
use crate::participant::{Participant, Scenario, check, check_save, fill};
use crate::peers::dce::Dce;
use crate::peers::ours::Ours;
use crate::peers::pavex::Pavex;
use crate::peers::ruts::{Ruts, RutsInOne};
use crate::peers::tower::Tower;
use crate::pinning::{load, pin_client, pin_server, postmaster};
use crate::shop::Shop;
use crate::table::print_section;
use crate::turns::{Client, Entry, Rounds, Runner, measure};

/// Of each participant; a multiple of all numbers of tasks.
const SESSIONS: u64 = 1024;

/// What each of those on `PostgreSQL` may have: the default of sqlx, and ours.
const POOL: u32 = 10;

/// Checked and filled with sessions.
async fn entry<P: Participant>(peer: P) -> Box<dyn Runner> {
    check(&peer).await;
    let tokens = fill(&peer, SESSIONS).await;
    Entry::new(Arc::new(peer), tokens, &Scenario::ALL)
}

/// A floor on these sessions; the first one is for checking.
async fn floor<P: Participant>(
    floor: P,
    mut tokens: Vec<P::Token>,
    saves: bool,
) -> Box<dyn Runner> {
    let first = tokens.remove(0);
    if saves {
        check_save(&floor, &first, Shop::of(0)).await;
    } else {
        assert_eq!(floor.read(&first).await, Some(Shop::of(0)), "{}", floor.name());
    }
    let scenarios = if saves { floors::SCENARIOS } else { &floors::SCENARIOS[..1] };
    Entry::new(Arc::new(floor), tokens, scenarios)
}

/// One more than the others have, for the floor's check.
async fn ours(peer: Ours) -> (Box<dyn Runner>, Vec<String>) {
    check(&peer).await;
    let mut tokens = fill(&peer, SESSIONS + 1).await;
    let all = tokens.clone();
    tokens.remove(0);
    (Entry::new(Arc::new(peer), tokens, &Scenario::ALL), all)
}

fn run(store: &str, client: &Client, entries: &[Box<dyn Runner>], floors: usize, rounds: Rounds) {
    let names: Vec<_> = entries.iter().map(|entry| entry.name()).collect();
    println!("\n{store}: {}", load());
    let speeds = measure(client, entries, rounds);
    println!("{store}: {}", load());
    print_section(store, &names, floors, &speeds);
}

pub(crate) fn memory(rounds: Rounds) {
    // There is no server: both cores are the client's.
    pin_client("0,1");
    let client = Client::new(2);
    let entries = client.run(async {
        let store = MemoryStore::new();
        let (ours, tokens) = ours(Ours::new(store.clone())).await;
        let (get, ids) = floors::memory::Get::new(&store, &tokens).await;
        vec![
            ours,
            entry(Tower::new(tower_sessions_moka_store::MokaStore::new(None))).await,
            entry(Ruts(ruts::store::moka::MokaStoreBuilder::new().build())).await,
            entry(RutsInOne(ruts::store::moka::MokaStoreBuilder::new().build())).await,
            entry(Pavex::new(pavex_session_memory_store::InMemorySessionStore::new())).await,
            floor(get, ids, false).await,
        ]
    });
    run("memory", &client, &entries, 1, rounds);
}

pub(crate) fn redis(rounds: Rounds) {
    let (server, has_field_ttl) = match redis_7_4() {
        Ok(program) => (Redis::start_program(&program, &[]), true),
        Err(why) => {
            println!("\nRedis: without ruts, which needs Redis 7.4: {why}");
            (Redis::start(&[]), false)
        }
    };
    pin_client("1");
    pin_server(&server.info("server", "process_id"));
    println!("\nRedis {}", server.info("server", "redis_version"));
    let clients =
        || server.info("clients", "connected_clients").parse::<usize>().expect("a number");
    let client = Client::new(1);
    let url = server.url();

    // As many connections as our store opens when it has much to do.
    let before = clients();
    let (our_entry, tokens) = client.run({
        let url = url.clone();
        async move {
            let store = RedisStore::connect(url).await.expect("connects");
            let peer = Ours::new(store);
            let tokens = fill(&peer, 1).await;
            join_all((0..256).map(|_| peer.open(&tokens[0]))).await;
            ours(peer).await
        }
    });
    let connections = clients() - before;
    println!("connections of our store, and so of the floors: {connections}");

    let entries = client.run(async move {
        let mut entries = vec![our_entry, entry(Tower::new(tower_redis(&url).await)).await];
        if has_field_ttl {
            entries.push(entry(Ruts(ruts_redis(&url).await)).await);
            entries.push(entry(RutsInOne(ruts_redis(&url).await)).await);
        }
        entries.push(entry(Pavex::new(pavex_redis(&url).await)).await);
        entries.push(entry(Dce::new(&url, 16)).await);
        let bare = floors::redis::Bare::connect(&url, connections).await;
        // By turns the same sessions: only their speed matters.
        let commands = floors::redis::Commands(Arc::clone(&bare));
        let copies = bare.copies(&tokens).await;
        entries.push(floor(floors::redis::Decoded(bare), copies.clone(), true).await);
        entries.push(floor_checked(commands, copies));
        entries
    });
    run("Redis", &client, &entries, 2, rounds);
}

pub(crate) fn postgres(rounds: Rounds) {
    let server = Postgres::start(&[]);
    pin_client("1");
    pin_server(&postmaster(server.dir()));
    println!("\nPostgreSQL {}", server.sql("SHOW server_version"));
    let client = Client::new(1);
    let url = server.url();
    let entries = client.run(async move {
        let store = PostgresStore::builder().url(&url).max_connections(POOL);
        let store = store.connect().await.expect("connects");
        store.migrate().await.expect("migrates");
        let (ours, tokens) = ours(Ours::new(store)).await;
        let bare = floors::postgres::Bare::connect(&url, POOL).await;
        let copies = bare.copies(&tokens).await;
        let statements = floors::postgres::Statements(Arc::clone(&bare));
        let tower = tower_sessions_sqlx_store::PostgresStore::new(pool(&url).await);
        tower.migrate().await.expect("migrates");
        let pavex = pavex_session_sqlx::PostgresSessionStore::new(pool(&url).await);
        pavex.migrate().await.expect("migrates");
        vec![
            ours,
            entry(Tower::new(tower)).await,
            entry(Ruts(ruts_postgres(&url).await)).await,
            entry(RutsInOne(ruts_postgres(&url).await)).await,
            entry(Pavex::new(pavex)).await,
            floor(floors::postgres::Decoded(bare), copies.clone(), true).await,
            floor_checked(statements, copies),
        ]
    });
    server.sql("VACUUM ANALYZE");
    run("PostgreSQL", &client, &entries, 2, rounds);
}

/// The bare commands on what another floor has checked.
fn floor_checked<P: Participant>(floor: P, mut tokens: Vec<P::Token>) -> Box<dyn Runner> {
    tokens.remove(0);
    Entry::new(Arc::new(floor), tokens, floors::SCENARIOS)
}

/// As in the example of its store: a pool of six.
async fn tower_redis(url: &str) -> tower_sessions_redis_store::RedisStore<fred::clients::Pool> {
    use fred::interfaces::ClientLike as _;

    let config = fred::types::config::Config::from_url(url).expect("a URL");
    let pool = fred::clients::Pool::new(config, None, None, None, 6).expect("a pool");
    pool.init().await.expect("connects");
    tower_sessions_redis_store::RedisStore::new(pool)
}

/// As in its README: one client.
async fn ruts_redis(url: &str) -> ruts::store::redis::RedisStore<fred::clients::Client> {
    use fred::interfaces::ClientLike as _;

    let config = fred::types::config::Config::from_url(url).expect("a URL");
    let client = fred::clients::Client::new(config, None, None, None);
    client.init().await.expect("connects");
    ruts::store::redis::RedisStore::new(Arc::new(client)).await.expect("loads its scripts")
}

/// As its constructor wants it: a connection manager.
async fn pavex_redis(url: &str) -> pavex_session_redis::RedisSessionStore {
    let client = redis_031::Client::open(url).expect("a URL");
    let manager = client.get_connection_manager().await.expect("connects");
    pavex_session_redis::RedisSessionStore::new(
        manager,
        pavex_session_redis::RedisSessionStoreConfig::default(),
    )
}

/// As in everybody's documentation: `PgPool::connect`, of [`POOL`] connections at the most.
async fn pool(url: &str) -> sqlx_08::PgPool {
    sqlx_08::PgPool::connect(url).await.expect("connects")
}

async fn ruts_postgres(url: &str) -> ruts::store::postgres::PostgresStore {
    let builder = ruts::store::postgres::PostgresStoreBuilder::new(pool(url).await);
    builder.create_table(true).build().await.expect("creates its table")
}

/// Where a redis-server 7.4 is, or why there is none.
fn redis_7_4() -> Result<String, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new("sh");
    script.arg(here.join("redis-7.4.sh")).arg(here.join("target/redis"));
    let output = script.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let why = String::from_utf8_lossy(&output.stderr);
        Err(why.lines().last().unwrap_or("redis-7.4.sh failed").to_owned())
    }
}
