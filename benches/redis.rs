//! Ours against the bare commands of the same bytes, on a real redis-server, in turns: `cargo bench --bench redis`.

#![allow(missing_docs, reason = "the benchmark's own output says what it measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::redis::aio::MultiplexedConnection;
use typed_sessions::redis::{Client, Value, cmd};
use typed_sessions::{RedisStore, Session, Sessions, Token};
use typed_sessions_benches::{Shop, filled, member};
use typed_sessions_test_servers::redis::Redis;

const ROUNDS: usize = 60;
/// Calls of a round, shared by the tasks in flight.
const CALLS: usize = 1024;
const TASKS: [usize; 3] = [1, 16, 256];
const SESSIONS: usize = 1024;
/// The session that `list` lists has nine others.
const LISTED: u64 = 1_000_000;

const HSET_PEXPIRE: &str =
    "redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";
const CREATE: &str = "redis.call('HSET', KEYS[1], unpack(ARGV, 2)) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";
const ZADD_PEXPIRE: &str =
    "redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return 1";

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
    println!("{:<34} {:>6} {:>10} {:>10} {:>7}", "calls per second, median", "tasks", "ours", "bare", "ratio");
    for tasks in TASKS {
        macro_rules! compare {
            ($name:literal, $ours:expr, $bare:expr) => {
                compare($name, tasks, &world, $ours, $bare).await
            };
        }
        compare!("open / HGETALL", async |w: &World, n| drop(w.open(n).await), async |w: &World, n| w
            .bare
            .get(n)
            .await);
        compare!(
            "open + save / HGETALL + EVALSHA",
            async |w: &World, n| w.open_and_save(n).await,
            async |w: &World, n| {
                w.bare.get(n).await;
                w.bare.set(n).await;
            }
        );
        save_and_update(tasks, &world).await;
        compare!("login / EVALSHA ZADD, EVALSHA HSET", async |w: &World, n| w.login(n).await, async |w: &World, n| w
            .bare
            .login(n)
            .await);
        compare!("list of 10 / ZRANGE + 10 HGETALL", async |w: &World, _| w.list().await, async |w: &World, _| w
            .bare
            .list()
            .await);
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
            let _: Value = cmd("COPY").arg(&key).arg(&copy).query_async(&mut connection).await.expect("copies");
            hash = cmd("HGETALL").arg(&copy).query_async(&mut connection).await.expect("reads");
            keys.push(copy);
        }
        let mut scripts = [HSET_PEXPIRE, CREATE, ZADD_PEXPIRE].map(str::to_owned);
        for script in &mut scripts {
            *script = cmd("SCRIPT").arg("LOAD").arg(&*script).query_async(&mut connection).await.expect("loads");
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
        set.arg(&self.scripts[0]).arg(1).arg(&self.keys[n % SESSIONS]).arg(1_800_000).arg("visits").arg("123");
        let _: Value = set.query_async(&mut self.connection.clone()).await.expect("writes");
    }

    async fn login(&self, n: usize) {
        // As many keys as logins make sessions.
        let id = format!("{n:022}");
        let mut join = cmd("EVALSHA");
        join.arg(&self.scripts[2]).arg(1).arg(format!("bare:user:{n}")).arg(1_800_000).arg(1_795_390_302_966_u64);
        let _: Value =
            join.arg(format!("{id}.1795390302966123")).query_async(&mut self.connection.clone()).await.expect("writes");
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
        let members: Vec<String> =
            cmd("ZRANGE").arg(index).arg(0).arg(-1).query_async(&mut connection).await.expect("reads");
        let mut pipeline = typed_sessions::redis::pipe();
        for member in &members {
            pipeline.cmd("HGETALL").arg(format!("session:id:{}", &member[..22]));
        }
        let hashes: Vec<Value> = pipeline.query_async(&mut connection).await.expect("reads");
        assert_eq!(hashes.len(), 10);
    }
}

/// One write on a handle that is open already.
async fn save_and_update(tasks: usize, world: &Arc<World>) {
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
        session.update(Shop::VISITS, |visits| *visits = visits.wrapping_add(1)).await.expect("updates");
    };
    compare("save / EVALSHA HSET, PEXPIRE", tasks, world, save, async |w: &World, n| w.bare.set(n).await).await;
    compare("update / EVALSHA HSET, PEXPIRE", tasks, world, update, async |w: &World, n| w.bare.set(n).await).await;
}

/// Prints medians of rounds in turns.
async fn compare(
    name: &str,
    tasks: usize,
    world: &World,
    ours: impl AsyncFn(&World, usize),
    bare: impl AsyncFn(&World, usize),
) {
    let (mut ratios, mut of_ours, mut of_bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let below = time(tasks, round, |n| bare(world, n)).await;
        let above = time(tasks, round, |n| ours(world, n)).await;
        ratios.push(below.as_secs_f64() / above.as_secs_f64());
        of_ours.push(per_second(above));
        of_bare.push(per_second(below));
    }
    let [ratio, ours, bare] = [ratios, of_ours, of_bare].map(median);
    println!("{name:<34} {tasks:>6} {ours:>10.0} {bare:>10.0} {ratio:>7.2}");
}

/// So many tasks in flight, each with its part of the calls.
async fn time<F: Future<Output = ()>>(tasks: usize, round: usize, call: impl Fn(usize) -> F) -> Duration {
    let begin = Instant::now();
    let call = &call;
    join_all((0..tasks).map(|task| async move {
        for n in (task..CALLS).step_by(tasks) {
            call(round * CALLS + n).await;
        }
    }))
    .await;
    begin.elapsed()
}

#[allow(clippy::cast_precision_loss, reason = "a small number")]
fn per_second(time: Duration) -> f64 {
    CALLS as f64 / time.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
    println!("\nmemory per session with six fields and its user: {} bytes", (used() - empty) / COUNT);
    let key = world.server.cli(&["RANDOMKEY"]);
    println!(
        "of which the index of a user with one session: {}",
        world.server.cli(&["MEMORY", "USAGE", "session:user:7"]).trim()
    );
    drop(key);
}
