//! Ours against the bare commands of the same bytes, on a real redis-server, in turns:
//! `cargo bench --bench redis`.

#![allow(missing_docs, reason = "the benchmark's own output says what it measures")]

use std::sync::Arc;

use futures::future::join_all;
use typed_sessions::redis::driver::aio::MultiplexedConnection;
use typed_sessions::redis::driver::{Client, Value, cmd, pipe};
use typed_sessions::{RedisStore, Session, Sessions, Token};
use typed_sessions_benches::turns::{Load, compare, print_heading};
use typed_sessions_benches::{Shop, filled, member};
use typed_sessions_test_servers::redis::Redis;

const TASKS: [usize; 3] = [1, 16, 256];
const SESSIONS: usize = 1024;
/// The session that `list` lists has nine others.
const LISTED: u64 = 1_000_000;

const HSET: &str = "redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) return 1";
const CREATE: &str =
    "redis.call('HSET', KEYS[1], unpack(ARGV, 2)) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";
const ZADD_PEXPIRE: &str = "redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3]) \
    redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";

struct World {
    server: Redis,
    sessions: Sessions<Shop>,
    tokens: Vec<String>,
    bare: Bare,
}

/// What one would write without a library: same server, same crate, same bytes.
struct Bare {
    connection: MultiplexedConnection,
    keys: Vec<String>,
    /// Keys and texts of a whole session.
    hash: Vec<Vec<u8>>,
    scripts: [String; 3],
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = Arc::new(World::new().await);
    println!("redis-server {}", world.server.info("server", "redis_version"));
    print_heading();
    for tasks in TASKS {
        let load = Load { tasks, calls: 1024 };
        macro_rules! compare {
            ($name:literal, $ours:expr, $bare:expr) => {
                compare($name, load, &*world, $ours, $bare).await
            };
        }
        compare!(
            "open / HGETALL",
            async |w: &World, n| drop(w.open(n).await),
            async |w: &World, n| w.bare.get(n).await
        );
        compare!(
            "open + save / HGETALL + EVALSHA",
            async |w: &World, n| w.open_and_save(n).await,
            async |w: &World, n| {
                w.bare.get(n).await;
                w.bare.set(n).await;
            }
        );
        save_and_update(load, &world).await;
        compare!(
            "login / EVALSHA ZADD, EVALSHA HSET",
            async |w: &World, n| w.login(n).await,
            async |w: &World, n| w.bare.login(n).await
        );
        compare!(
            "list of 10 / ZRANGE + 10 HGETALL",
            async |w: &World, _| w.list().await,
            async |w: &World, _| w.bare.list().await
        );
    }
    memory(&world).await;
}

impl World {
    async fn new() -> Self {
        let server = Redis::start(&[]);
        let store = RedisStore::connect(server.url()).await.expect("connects");
        let sessions = Sessions::<Shop>::new(store);
        let mut tokens = Vec::new();
        for user in 0..SESSIONS as u64 {
            let mut session = filled(&sessions);
            session.login(member(user)).await.expect("logs in");
            tokens.push(session.token().expose());
        }
        for _ in 0..10 {
            filled(&sessions).login(member(LISTED)).await.expect("logs in");
        }
        let bare = Bare::new(&server, &tokens).await;
        Self { server, sessions, tokens, bare }
    }

    async fn open(&self, n: usize) -> Session<Shop> {
        self.sessions.open(&self.tokens[n % SESSIONS]).await.expect("works").expect("is there")
    }

    async fn open_and_save(&self, n: usize) {
        let mut session = self.open(n).await;
        session.visits = session.visits.wrapping_add(1);
        session.save().await.expect("saves");
    }

    async fn login(&self, n: usize) {
        filled(&self.sessions).login(member(n as u64)).await.expect("logs in");
    }

    async fn list(&self) {
        assert_eq!(self.sessions.user(&LISTED).list().await.expect("lists").len(), 10);
    }
}

impl Bare {
    async fn new(server: &Redis, tokens: &[String]) -> Self {
        let client = Client::open(server.url()).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("connects");
        let id = |token: &String| Token::parse(token).expect("a token").id();
        let mut keys = Vec::new();
        let mut hash: Vec<Vec<u8>> = Vec::new();
        for token in tokens {
            // A copy, so that nobody writes into what the other reads.
            let key = format!("session:id:{}", id(token));
            let copy = format!("session:no:{}", id(token));
            let _: Value = cmd("COPY")
                .arg(&key)
                .arg(&copy)
                .query_async(&mut connection)
                .await
                .expect("copies");
            hash = cmd("HGETALL").arg(&copy).query_async(&mut connection).await.expect("reads");
            keys.push(copy);
        }
        let mut scripts = [HSET, CREATE, ZADD_PEXPIRE].map(str::to_owned);
        for script in &mut scripts {
            *script = cmd("SCRIPT")
                .arg("LOAD")
                .arg(&*script)
                .query_async(&mut connection)
                .await
                .expect("loads");
        }
        Self { connection, keys, hash, scripts }
    }

    async fn get(&self, n: usize) {
        let _: Value = cmd("HGETALL")
            .arg(&self.keys[n % SESSIONS])
            .query_async(&mut self.connection.clone())
            .await
            .expect("reads");
    }

    async fn set(&self, n: usize) {
        let mut set = cmd("EVALSHA");
        set.arg(&self.scripts[0])
            .arg(1)
            .arg(&self.keys[n % SESSIONS])
            .arg(1_800_000)
            .arg("visits")
            .arg("123");
        let _: Value = set.query_async(&mut self.connection.clone()).await.expect("writes");
    }

    async fn login(&self, n: usize) {
        // As many keys as logins make sessions.
        let id = format!("{n:022}");
        let mut join = cmd("EVALSHA");
        join.arg(&self.scripts[2])
            .arg(1)
            .arg(format!("bare:user:{n}"))
            .arg(1_800_000)
            .arg(1_795_390_302_966_u64);
        let _: Value = join
            .arg(format!("{id}.1795390302966123"))
            .query_async(&mut self.connection.clone())
            .await
            .expect("writes");
        let mut create = cmd("EVALSHA");
        create.arg(&self.scripts[1]).arg(1).arg(format!("bare:id:{id}")).arg(1_800_000);
        for text in &self.hash {
            create.arg(text.as_slice());
        }
        let _: Value = create.query_async(&mut self.connection.clone()).await.expect("writes");
    }

    async fn list(&self) {
        let mut connection = self.connection.clone();
        let index = format!("session:user:{LISTED}");
        let members: Vec<String> = cmd("ZRANGE")
            .arg(index)
            .arg(0)
            .arg(-1)
            .query_async(&mut connection)
            .await
            .expect("reads");
        let mut pipeline = pipe();
        for member in &members {
            pipeline.cmd("HGETALL").arg(format!("session:id:{}", &member[..22]));
        }
        let hashes: Vec<Value> = pipeline.query_async(&mut connection).await.expect("reads");
        assert_eq!(hashes.len(), 10);
    }
}

/// One write on a handle that is open already.
async fn save_and_update(load: Load, world: &Arc<World>) {
    let mut handles = Vec::new();
    for n in 0..SESSIONS {
        handles.push(tokio::sync::Mutex::new(world.open(n).await));
    }
    let save = async |_: &World, n: usize| {
        let mut session = handles[n % SESSIONS].lock().await;
        session.visits = session.visits.wrapping_add(1);
        session.save().await.expect("saves");
    };
    let update = async |_: &World, n: usize| {
        let mut session = handles[n % SESSIONS].lock().await;
        session
            .update(Shop::VISITS, |visits| *visits = visits.wrapping_add(1))
            .await
            .expect("updates");
    };
    compare("save / EVALSHA HSET", load, &**world, save, async |w: &World, n| {
        w.bare.set(n).await;
    })
    .await;
    compare("update / EVALSHA HSET", load, &**world, update, async |w: &World, n| {
        w.bare.set(n).await;
    })
    .await;
}

/// What 100,000 sessions take.
async fn memory(world: &World) {
    const COUNT: u64 = 100_000;
    world.server.cli(&["FLUSHALL"]);
    let used = || world.server.info("memory", "used_memory").parse::<u64>().expect("a number");
    let empty = used();
    let all: Vec<u64> = (0..COUNT).collect();
    for some in all.chunks(256) {
        join_all(some.iter().map(|user| async move {
            filled(&world.sessions).login(member(*user)).await.expect("logs in");
        }))
        .await;
    }
    println!(
        "\nmemory per session with six fields and its user: {} bytes",
        (used() - empty) / COUNT
    );
    let key = world.server.cli(&["RANDOMKEY"]);
    println!(
        "of which the index of a user with one session: {}",
        world.server.cli(&["MEMORY", "USAGE", "session:user:7"]).trim()
    );
    drop(key);
}
