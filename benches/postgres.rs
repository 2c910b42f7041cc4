//! Ours against the bare statements of the same bytes through the same pool, on a real PostgreSQL,
//! in turns; then four sweepers at once on a million sessions: `cargo bench --bench postgres`.

#![allow(missing_docs, reason = "the benchmark's own output says what it measures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::postgres::sqlx::{self, PgPool, Row as _};
use typed_sessions::{PostgresStore, Session, Sessions, Token};
use typed_sessions_benches::turns::{Load, compare, print_heading};
use typed_sessions_benches::{Shop, filled, member};
use typed_sessions_test_servers::postgres::Postgres;

const TASKS: [usize; 3] = [1, 16, 256];
const SESSIONS: usize = 1024;
/// The session that `list` lists has nine others.
const LISTED: u64 = 1_000_000;

struct World {
    server: Postgres,
    store: PostgresStore,
    sessions: Sessions<Shop>,
    tokens: Vec<String>,
    bare: Bare,
}

/// What one would write without a library: same server, same pool, same bytes.
struct Bare {
    pool: PgPool,
    ids: Vec<[u8; 16]>,
    header: String,
    fields: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = Arc::new(World::new().await);
    println!("PostgreSQL {}", world.server.sql("SHOW server_version"));
    print_heading();
    for tasks in TASKS {
        let load = Load { tasks, calls: 256 };
        macro_rules! compare {
            ($name:literal, $ours:expr, $bare:expr) => {
                compare($name, load, &*world, $ours, $bare).await
            };
        }
        compare!(
            "open / SELECT",
            async |w: &World, n| drop(w.open(n).await),
            async |w: &World, n| w.bare.get(n).await
        );
        compare!(
            "open + save / SELECT + UPDATE",
            async |w: &World, n| w.open_and_save(n).await,
            async |w: &World, n| {
                w.bare.get(n).await;
                w.bare.set(n).await;
            }
        );
        save_and_update(load, &world).await;
        compare!("login / INSERT", async |w: &World, n| w.login(n).await, async |w: &World, n| w
            .bare
            .login(n)
            .await);
        compare!(
            "list of 10 / SELECT",
            async |w: &World, _| w.list().await,
            async |w: &World, _| w.bare.list().await
        );
    }
    world.server.sql("TRUNCATE typed_sessions, bare");
    space(&world).await;
    sweep(&world).await;
}

impl World {
    async fn new() -> Self {
        let server = Postgres::start(&[]);
        let store = PostgresStore::builder()
            .url(server.url())
            .max_connections(16)
            .connect()
            .await
            .expect("connects");
        store.migrate().await.expect("migrates");
        let sessions = Sessions::<Shop>::new(store.clone());
        let tokens = logged_in(&sessions, SESSIONS as u64).await;
        for _ in 0..10 {
            filled(&sessions).login(member(LISTED)).await.expect("logs in");
        }
        // A copy, so that nobody writes into what the other reads.
        server.sql("CREATE TABLE bare (LIKE typed_sessions INCLUDING ALL) WITH (fillfactor = 70)");
        server.sql("INSERT INTO bare SELECT * FROM typed_sessions");
        server.sql("VACUUM ANALYZE");
        let bare = Bare {
            pool: store.pool().clone(),
            ids: tokens
                .iter()
                .map(|token| *Token::parse(token).expect("a token").id().as_bytes())
                .collect(),
            header: server.sql("SELECT header FROM bare LIMIT 1"),
            fields: server.sql("SELECT fields FROM bare LIMIT 1"),
        };
        Self { server, store, sessions, tokens, bare }
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

async fn logged_in(sessions: &Sessions<Shop>, count: u64) -> Vec<String> {
    let mut tokens = Vec::new();
    for user in 0..count {
        let mut session = filled(sessions);
        session.login(member(user)).await.expect("logs in");
        tokens.push(session.token().expose());
    }
    tokens
}

impl Bare {
    async fn get(&self, n: usize) {
        let query = sqlx::query("SELECT header, fields::text FROM bare WHERE id = $1")
            .bind(&self.ids[n % SESSIONS][..]);
        let row = query.fetch_one(&self.pool).await.expect("reads");
        let _: (&str, &str) = (row.get(0), row.get(1));
    }

    async fn set(&self, n: usize) {
        let query = sqlx::query("UPDATE bare SET fields = fields || $2::jsonb WHERE id = $1");
        let query = query.bind(&self.ids[n % SESSIONS][..]).bind(r#"{"visits":"123"}"#);
        query.execute(&self.pool).await.expect("writes");
    }

    async fn login(&self, n: usize) {
        let insert = "INSERT INTO bare \
            (id, header, revision, login_epoch, deadline, last_seen, user_id, expires_at, \
            sweep_at, fields) \
            VALUES (uuid_send(gen_random_uuid()), $1, 1, 1, 1, 1, $2, now(), now(), $3::jsonb)";
        let user = n.to_string();
        let query =
            sqlx::query(insert).bind(&*self.header).bind(user.as_bytes()).bind(&*self.fields);
        query.execute(&self.pool).await.expect("writes");
    }

    async fn list(&self) {
        let user = LISTED.to_string();
        let query = sqlx::query("SELECT id, header, fields::text FROM bare WHERE user_id = $1")
            .bind(user.as_bytes());
        assert_eq!(query.fetch_all(&self.pool).await.expect("reads").len(), 10);
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
    compare("save / UPDATE", load, &**world, save, async |w: &World, n| w.bare.set(n).await).await;
    compare("update / UPDATE", load, &**world, update, async |w: &World, n| w.bare.set(n).await)
        .await;
}

/// What 100,000 sessions take on disk.
async fn space(world: &World) {
    const COUNT: u64 = 100_000;
    let all: Vec<u64> = (0..COUNT).collect();
    for some in all.chunks(64) {
        join_all(some.iter().map(|user| async move {
            filled(&world.sessions).login(member(*user)).await.expect("logs in");
        }))
        .await;
    }
    let bytes = |what: &str| {
        let size = world.server.sql(&format!("SELECT pg_{what}('typed_sessions')"));
        size.parse::<u64>().expect("a number") / COUNT
    };
    println!("\nbytes per session with six fields and its user: {}", bytes("total_relation_size"));
    println!("of which the three indexes: {}", bytes("indexes_size"));
}

/// Four sweepers on a million sessions that have ended, while others are opened.
async fn sweep(world: &Arc<World>) {
    let server = &world.server;
    server.sql("TRUNCATE typed_sessions");
    let tokens = Arc::new(logged_in(&world.sessions, 1000).await);
    server.sql(
        "INSERT INTO typed_sessions \
         (id, header, revision, login_epoch, deadline, last_seen, user_id, expires_at, \
         sweep_at, fields) \
         SELECT decode(md5(n::text), 'hex'), header, 1, 1, 0, 0, user_id, \
         now() - interval '2 h', now() - n % 3600 * interval '1 s', fields \
         FROM (SELECT * FROM typed_sessions LIMIT 1) one, generate_series(1, 1000000) n",
    );
    server.sql("VACUUM ANALYZE typed_sessions");
    println!(
        "\n{:<34} {:>10} {:>10} {:>10}",
        "open, 4 in flight, microseconds", "opens", "p50", "p99"
    );
    let mut idle = Vec::new();
    for _ in 0..2 {
        idle = opens(world, &tokens, Duration::from_secs(5)).await;
    }
    print_row("nobody sweeps", &mut idle);

    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(
            PostgresStore::builder()
                .url(server.url())
                .max_connections(1)
                .connect()
                .await
                .expect("connects"),
        );
    }
    let sweepers: Vec<_> =
        nodes.iter().map(|node| node.sweeper(Duration::from_millis(10))).collect();
    let (begin, swept) = (Instant::now(), AtomicBool::new(false));
    let watch = async {
        while sqlx::query("SELECT FROM typed_sessions WHERE sweep_at < now() LIMIT 1")
            .fetch_optional(world.store.pool())
            .await
            .expect("reads")
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        swept.store(true, Ordering::SeqCst);
    };
    let opening = async {
        let mut all = Vec::new();
        while !swept.load(Ordering::SeqCst) {
            all.extend(opens(world, &tokens, Duration::from_millis(500)).await);
        }
        all
    };
    let ((), mut busy) = tokio::join!(watch, opening);
    let took = begin.elapsed();
    print_row("four sweepers", &mut busy);
    for sweeper in sweepers {
        sweeper.stop().await;
    }
    assert_eq!(
        server.sql("SELECT count(*) FROM typed_sessions"),
        "1000",
        "the living are still there"
    );
    assert!(!server.log().contains("deadlock detected"));
    println!("a million sessions were swept in {took:.0?}, without a deadlock");
}

/// How long each open took, for so long.
async fn opens(world: &World, tokens: &Arc<Vec<String>>, lasting: Duration) -> Vec<u128> {
    let begin = Instant::now();
    let all = join_all((0..4).map(|task| async move {
        let mut took = Vec::new();
        let mut n = task * 250;
        while begin.elapsed() < lasting {
            let before = Instant::now();
            world.sessions.open(&tokens[n % tokens.len()]).await.expect("works").expect("is there");
            took.push(before.elapsed().as_micros());
            n += 1;
        }
        took
    }))
    .await;
    all.concat()
}

fn print_row(name: &str, took: &mut [u128]) {
    took.sort_unstable();
    println!(
        "{name:<34} {:>10} {:>10} {:>10}",
        took.len(),
        took[took.len() / 2],
        took[took.len() * 99 / 100]
    );
}
