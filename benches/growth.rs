//! How cost grows with what is stored: `cargo bench --bench growth -- [memory] [redis] [postgres]`.
//!
//! Medians of single calls, one after the other, in microseconds, on an otherwise idle store.

#![allow(missing_docs, reason = "the benchmark's own output says what it measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::{MemoryStore, PostgresStore, RedisStore, Session, SessionStore, Sessions};
use typed_sessions_benches::{Shop, filled, member};
use typed_sessions_test_servers::postgres::Postgres;
use typed_sessions_test_servers::redis::Redis;

const SAMPLES: usize = 200;
const STORED: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const FIELDS: [usize; 4] = [1, 10, 100, 1_000];
const BYTES: [usize; 4] = [64, 1 << 10, 16 << 10, (64 << 10) - 2];
const OF_A_USER: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// A store, and how large it is.
enum Place {
    Memory,
    Redis(Redis),
    Postgres(Postgres),
}

impl Place {
    fn bytes(&self) -> u64 {
        match self {
            Place::Memory => {
                let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
                pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_u64) * 4096
            }
            Place::Redis(server) => {
                let info = server.cli(&["INFO", "memory"]);
                let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
                line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0)
            }
            Place::Postgres(server) => {
                let size = server.sql("SELECT pg_total_relation_size('typed_sessions')");
                size.trim().parse().unwrap_or(0)
            }
        }
    }

    /// Copies of the row that is there, under other ids: a million logins would take minutes.
    fn copy_rows(&self, from: usize, to: usize) -> bool {
        let Place::Postgres(server) = self else { return false };
        let columns = "header, revision, login_epoch, deadline, last_seen, user_id, expires_at, \
                       sweep_at, fields";
        server.sql(&format!(
            "INSERT INTO typed_sessions (id, {columns}) \
             SELECT decode(md5('{from}-' || n), 'hex'), {columns} \
             FROM (SELECT * FROM typed_sessions LIMIT 1) one, generate_series({from}, {to} - 1) n"
        ));
        server.sql("VACUUM ANALYZE typed_sessions");
        true
    }
}

struct World {
    place: Place,
    sessions: Sessions<Shop>,
}

#[tokio::main]
async fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|one| one == name);
    if is_chosen("memory") {
        let store = MemoryStore::builder().max_bytes(8 << 30).build();
        grow("memory", Place::Memory, store).await;
    }
    if is_chosen("redis") {
        let server = Redis::start(&[]);
        let store = RedisStore::builder().url(server.url()).time_limit(Duration::from_secs(20));
        let store = store.connect().await.expect("connects");
        grow("Redis", Place::Redis(server), store).await;
    }
    if is_chosen("postgres") {
        let server = Postgres::start(&[]);
        let store = PostgresStore::builder().url(server.url()).time_limit(Duration::from_secs(20));
        let store = store.connect().await.expect("connects");
        store.migrate().await.expect("migrates");
        grow("PostgreSQL", Place::Postgres(server), store).await;
    }
}

async fn grow(name: &str, place: Place, store: impl SessionStore) {
    let sessions = Sessions::<Shop>::builder(store);
    let sessions = sessions.max_session_bytes(1 << 20).build().expect("consistent");
    let world = World { place, sessions };
    println!("\n## {name}");
    world.by_sessions().await;
    world.by_fields().await;
    world.by_bytes().await;
    world.by_sessions_of_a_user().await;
}

impl World {
    async fn by_sessions(&self) {
        heading(&["sessions in the store", "open", "open, save", "bytes a session"]);
        let empty = self.place.bytes();
        let mut tokens = Vec::new();
        let mut stored = 0;
        for goal in STORED {
            // Some by the library, whose tokens are known.
            let own = if stored == 0 { goal.min(1_000) } else { 0 };
            tokens.extend(self.store(own).await);
            stored += own;
            if !self.place.copy_rows(stored, goal) {
                self.store(goal - stored).await;
            }
            stored = goal;
            let bytes = (self.place.bytes().saturating_sub(empty)) / goal as u64;
            let open = self.time(&tokens, Then::Nothing).await;
            let save = self.time(&tokens, Then::Save).await;
            println!("| {goal} | {open} | {save} | {bytes} |");
        }
        self.sessions.revoke_everybody().await.expect("ends");
    }

    /// Stores so many sessions, without a user; their tokens.
    async fn store(&self, number: usize) -> Vec<String> {
        let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let workers = (0..64).map(|_| {
            let (sessions, next) = (self.sessions.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut tokens = Vec::new();
                while next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < number {
                    let mut session = filled(&sessions);
                    session.save().await.expect("saves");
                    tokens.push(session.token().expose());
                }
                tokens
            })
        });
        let all = join_all(workers.collect::<Vec<_>>()).await;
        all.into_iter().flat_map(|tokens| tokens.expect("no panic")).collect()
    }

    async fn time(&self, tokens: &[String], then: Then) -> u128 {
        let mut took = Vec::with_capacity(SAMPLES);
        for n in 0..SAMPLES {
            let token = &tokens[n * 37 % tokens.len()];
            let begin = Instant::now();
            let mut session = self.open(token).await;
            if then == Then::Save {
                session.visits = session.visits.wrapping_add(1);
                session.save().await.expect("saves");
            }
            took.push(begin.elapsed().as_micros());
        }
        median(took)
    }

    async fn open(&self, token: &str) -> Session<Shop> {
        self.sessions.open(token).await.expect("opens").expect("the session lives")
    }

    async fn by_fields(&self) {
        heading(&["fields beside the struct's", "open", "open, save"]);
        for fields in FIELDS {
            let tokens = self.with_raw(|| {
                (0..fields).map(|n| (format!("field-{n:04}"), "\"a short text\"".to_owned()))
            });
            let tokens = tokens.await;
            let open = self.time(&tokens, Then::Nothing).await;
            let save = self.time(&tokens, Then::Save).await;
            println!("| {fields} | {open} | {save} |");
        }
        self.sessions.revoke_everybody().await.expect("ends");
    }

    async fn by_bytes(&self) {
        heading(&["bytes of one value", "open", "save of another field", "write of the value"]);
        for bytes in BYTES {
            let text = format!("\"{}\"", "x".repeat(bytes - 2));
            let tokens = self.with_raw(|| [("large".to_owned(), text.clone())]).await;
            let open = self.time(&tokens, Then::Nothing).await;
            let save = self.time(&tokens, Then::Save).await.saturating_sub(open);
            let mut took = Vec::new();
            for token in tokens.iter().cycle().take(SAMPLES) {
                let mut session = self.open(token).await;
                let begin = Instant::now();
                session.extend_raw([("large", &*text)]).await.expect("writes");
                took.push(begin.elapsed().as_micros());
            }
            println!("| {bytes} | {open} | {save} | {} |", median(took));
        }
        self.sessions.revoke_everybody().await.expect("ends");
    }

    /// Ten sessions with these further fields.
    async fn with_raw<I>(&self, fields: impl Fn() -> I) -> Vec<String>
    where
        I: IntoIterator<Item = (String, String)>,
    {
        let mut tokens = Vec::new();
        for _ in 0..10 {
            let mut session = filled(&self.sessions);
            session.extend_raw(fields()).await.expect("stores");
            tokens.push(session.token().expose());
        }
        tokens
    }

    async fn by_sessions_of_a_user(&self) {
        heading(&["sessions of a user", "login", "count", "list", "revoke_all, each"]);
        for goal in OF_A_USER {
            self.log_in(1).await;
            if !self.place.copy_rows(1, goal) {
                self.log_in(goal - 1).await;
            }
            let user = self.sessions.user(&1);
            let mut logins = Vec::new();
            for _ in 0..SAMPLES / 10 {
                let mut session = filled(&self.sessions);
                session.save().await.expect("saves");
                let begin = Instant::now();
                session.login(member(1)).await.expect("logs in");
                logins.push(begin.elapsed().as_micros());
                session.destroy().await.expect("ends");
            }
            let samples = if goal > 1_000 { 1 } else { 9 };
            let (mut counts, mut lists) = (Vec::new(), Vec::new());
            for _ in 0..samples {
                let begin = Instant::now();
                assert_eq!(user.count().await.expect("counts"), goal);
                counts.push(begin.elapsed().as_micros());
                let begin = Instant::now();
                assert_eq!(user.list().await.expect("lists").len(), goal);
                lists.push(begin.elapsed().as_micros());
            }
            let begin = Instant::now();
            assert_eq!(user.revoke_all().await.expect("ends"), goal);
            let each = begin.elapsed().as_micros() / goal as u128;
            let (login, count, list) = (median(logins), median(counts), median(lists));
            println!("| {goal} | {login} | {count} | {list} | {each} |");
        }
    }

    /// So many sessions of user 1.
    async fn log_in(&self, number: usize) {
        let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let workers = (0..64).map(|_| {
            let (sessions, next) = (self.sessions.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                while next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < number {
                    filled(&sessions).login(member(1)).await.expect("logs in");
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.expect("no panic");
        }
    }
}

/// What happens after a session is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Save,
}

fn heading(columns: &[&str]) {
    println!("\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
}

fn median(mut took: Vec<u128>) -> u128 {
    took.sort_unstable();
    took[took.len() / 2]
}
