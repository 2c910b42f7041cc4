//! Live connections: `cargo bench --bench live -- [memory] [redis] [postgres]`.
//!
//! What 10,000 connections in one hub cost, and what goes between servers. All servers are in this
//! process, each with connections of its own to Redis or PostgreSQL, which share the machine.

#![allow(missing_docs, reason = "the benchmark's own output says what it measures")]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use typed_sessions::bus::{Beat, ConnectionEntry, ConnectionId, Server};
use typed_sessions::{
    Backend, Clock as _, Connection, Hub, Push, SessionId, Sessions, SystemClock, UserId, connect,
    hours, seconds,
};
use typed_sessions_benches::{Shop, filled, member};
use typed_sessions_test_servers::postgres::Postgres;
use typed_sessions_test_servers::redis::Redis;

const CONNECTIONS: usize = 10_000;
const BATCH: usize = 500;
const SAMPLES: usize = 200;
const MESSAGES: usize = 5_000;
const PAYLOAD: &[u8] = &[b'x'; 100];

#[tokio::main]
async fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    match chosen.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["memory"] => {
            let store = connect("memory:").await.expect("connects");
            measure("memory", [Arc::clone(&store), Arc::clone(&store), store]).await;
        }
        ["redis"] => {
            let server = Redis::start(&[]);
            measure("Redis", three(&server.url()).await).await;
        }
        ["postgres"] => {
            let server = Postgres::start(&[]);
            measure("PostgreSQL", three(&server.url()).await).await;
        }
        // Each in a process of its own: what one has freed, the next would not have to allocate.
        [] => ["memory", "redis", "postgres"].into_iter().for_each(in_a_process),
        _ => chosen.iter().for_each(|name| in_a_process(name)),
    }
}

fn in_a_process(name: &str) {
    assert!(["memory", "redis", "postgres"].contains(&name), "{name} is not known");
    let program = std::env::current_exe().expect("it has a path");
    let status = Command::new(program).arg(name).status().expect("it runs");
    assert!(status.success(), "{name} failed");
}

async fn three(url: &str) -> [Arc<dyn Backend>; 3] {
    let [mut a, mut b, mut c] = [None, None, None];
    for backend in [&mut a, &mut b, &mut c] {
        *backend = Some(connect(url).await.expect("connects"));
    }
    [a, b, c].map(|backend| backend.expect("connected"))
}

/// A server: its sessions, and its hub.
struct Node {
    backend: Arc<dyn Backend>,
    sessions: Sessions<Shop>,
    hub: Hub<Shop>,
}

impl Node {
    async fn start(name: &str, backend: Arc<dyn Backend>, verify_every: Duration) -> Self {
        let sessions = Sessions::<Shop>::builder(Arc::clone(&backend)).bus(Arc::clone(&backend));
        let sessions = sessions.build().expect("consistent");
        let hub = sessions.hub(name).verify_every(verify_every).buffer(2 * MESSAGES);
        let hub = hub.await.expect("the bus answers");
        Self { backend, sessions, hub }
    }

    /// Connections of so many users, a session for each.
    async fn connect(self: &Arc<Self>, users: std::ops::Range<u64>) -> Vec<Connection<Shop>> {
        let next = Arc::new(std::sync::atomic::AtomicU64::new(users.start));
        let workers = (0..64).map(|_| {
            let (node, next, end) = (Arc::clone(self), Arc::clone(&next), users.end);
            tokio::spawn(async move {
                let mut connections = Vec::new();
                loop {
                    let user = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if user >= end {
                        return connections;
                    }
                    let mut session = filled(&node.sessions);
                    session.login(member(user)).await.expect("logs in");
                    connections.push(node.hub.connect(&session).await.expect("connects"));
                }
            })
        });
        let all = join_all(workers.collect::<Vec<_>>()).await;
        all.into_iter().flat_map(|connections| connections.expect("no panic")).collect()
    }
}

async fn measure(name: &str, [a, b, c]: [Arc<dyn Backend>; 3]) {
    println!("\n## {name}\n");
    let a = Arc::new(Node::start("A", a, hours(1)).await);
    let b = Arc::new(Node::start("B", b, hours(1)).await);

    let mut held = hold(&a).await;
    let sessions: Vec<SessionId> = held.iter().map(Connection::session_id).collect();
    heartbeats(&*c, &sessions).await;
    verification(&a, &sessions).await;
    revocations(&b, &mut held).await;
    let sender = Sessions::<Shop>::builder(Arc::clone(&c)).bus(c).build().expect("consistent");
    for senders in [1, 16] {
        sends(&a, &b, &sender, senders).await;
    }
}

/// Fills the hub, and tells what it takes.
async fn hold(node: &Arc<Node>) -> Vec<Connection<Shop>> {
    let mut open = Vec::with_capacity(CONNECTIONS);
    for user in 0..CONNECTIONS as u64 {
        let mut session = filled(&node.sessions);
        session.login(member(user)).await.expect("logs in");
        open.push(session.token().expose());
    }
    let before = resident();
    let begin = Instant::now();
    let mut held = Vec::with_capacity(CONNECTIONS);
    for tokens in open.chunks(64) {
        let connecting = tokens.iter().map(async |token| {
            let session = node.sessions.open(token).await.expect("opens").expect("lives");
            node.hub.connect(&session).await.expect("connects")
        });
        held.extend(join_all(connecting).await);
    }
    let each = begin.elapsed().as_micros() / CONNECTIONS as u128;
    let bytes = resident().saturating_sub(before) / CONNECTIONS;
    println!("{CONNECTIONS} connections in a hub: {bytes} bytes of resident memory for each");
    println!("open a session and connect, 64 at a time: {each} us for each");
    held
}

/// Of another server, with as many connections.
async fn heartbeats(backend: &dyn Backend, sessions: &[SessionId]) {
    let server = Server::new("heart").expect("a name");
    let lease = seconds(60);
    let entries: Vec<_> = sessions
        .iter()
        .enumerate()
        .map(|(user, session)| ConnectionEntry {
            connection: ConnectionId::random(),
            session: *session,
            user: Some(UserId::new(user.to_string()).expect("an id")),
            since: SystemClock.now(),
        })
        .collect();
    let mut joins = Vec::new();
    for entries in entries.chunks(BATCH) {
        let mut beat = Beat::new(lease);
        beat.joined = entries.to_vec();
        joins.push(time(backend.heartbeat(&server, &beat)).await);
    }
    let mut beats = Vec::new();
    for _ in 0..SAMPLES {
        beats.push(time(backend.heartbeat(&server, &Beat::new(lease))).await);
    }
    println!("a heartbeat: {} us; with {BATCH} that joined: {} us", median(beats), median(joins));
    backend.heartbeat(&server, &Beat::new(Duration::ZERO)).await.expect("the bus answers");
}

/// All that the hub holds, in batches.
async fn verification(node: &Node, sessions: &[SessionId]) {
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let begin = Instant::now();
        for batch in sessions.chunks(BATCH) {
            let headers = node.backend.headers(batch).await.expect("the store answers");
            assert_eq!(headers.len(), batch.len());
        }
        rounds.push(begin.elapsed().as_micros());
    }
    let (round, batches) = (median(rounds), sessions.len().div_ceil(BATCH));
    println!("a round of verification: {batches} calls of the store, {} ms", round / 1_000);
}

/// From the call on one server to the end of the connection on the other.
async fn revocations(b: &Node, held: &mut Vec<Connection<Shop>>) {
    let mut took = Vec::new();
    for mut connection in held.drain(..SAMPLES) {
        let begin = Instant::now();
        let revoked = b.sessions.revoke(connection.session_id());
        let (revoked, push) = join(revoked, connection.next()).await;
        assert!(revoked.expect("the store answers") && matches!(push, Some(Push::Closed(_))));
        took.push(begin.elapsed().as_micros());
    }
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("revoked on B, closed on A: median {half} us, 99 of 100 within {most} us");
}

/// To a user with a connection on each of two servers.
async fn sends(a: &Arc<Node>, b: &Arc<Node>, sender: &Sessions<Shop>, senders: usize) {
    let user = 1_000_000 + senders as u64;
    let mut connections = a.connect(user..user + 1).await;
    connections.extend(b.connect(user..user + 1).await);
    let begin = Instant::now();
    let sending = join_all((0..senders).map(|_| async {
        for _ in 0..MESSAGES / senders {
            sender.user(&user).send(PAYLOAD).await.expect("the bus answers");
        }
    }));
    let total = MESSAGES / senders * senders;
    let receiving = join_all(connections.iter_mut().map(|connection| async move {
        for _ in 0..total {
            let push = connection.next().await;
            assert!(matches!(push, Some(Push::Message(_))), "{push:?}");
        }
    }));
    join(sending, receiving).await;
    let per_second = total as u128 * 1_000_000 / begin.elapsed().as_micros();
    println!("sends to a user on two servers, {senders} at a time: {per_second} a second");
}

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_usize) * 4096
}

async fn time<T>(call: impl Future<Output = typed_sessions::Result<T>>) -> u128 {
    let begin = Instant::now();
    call.await.expect("it answers");
    begin.elapsed().as_micros()
}

fn median(mut took: Vec<u128>) -> u128 {
    took.sort_unstable();
    took[took.len() / 2]
}
