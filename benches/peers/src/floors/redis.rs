//! `HGETALL` of the very bytes that our store keeps, by the same driver over as many connections;
//! to save, a script that sets the one field and the time to live.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use typed_sessions::Token;
use typed_sessions::redis::driver::aio::MultiplexedConnection;
use typed_sessions::redis::driver::{Client, Value, cmd};

use crate::floors::decode;
use crate::participant::Participant;
use crate::shop::Shop;

const SET: &str = "redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) return 1";

/// The connections, and the script that is loaded.
pub(crate) struct Bare {
    connections: Vec<MultiplexedConnection>,
    next: AtomicUsize,
    set: String,
}

impl Bare {
    pub(crate) async fn connect(url: &str, connections: usize) -> Arc<Self> {
        let client = Client::open(url).expect("a URL");
        let mut all = Vec::new();
        for _ in 0..connections {
            all.push(client.get_multiplexed_async_connection().await.expect("connects"));
        }
        let mut load = cmd("SCRIPT");
        let set = load.arg("LOAD").arg(SET).query_async(&mut all[0].clone()).await.expect("loads");
        Arc::new(Self { connections: all, next: AtomicUsize::new(0), set })
    }

    /// Copies of these sessions, so that nobody writes into what the other reads.
    pub(crate) async fn copies(&self, tokens: &[String]) -> Vec<String> {
        let mut copies = Vec::new();
        for token in tokens {
            let id = Token::parse(token).expect("a token").id();
            let copy = format!("bare:{id}");
            let mut command = cmd("COPY");
            command.arg(format!("session:id:{id}")).arg(&copy);
            let copied: i32 = command.query_async(&mut self.connection()).await.expect("copies");
            assert_eq!(copied, 1, "the store keeps a session under another name than session:id:");
            copies.push(copy);
        }
        copies
    }

    fn connection(&self) -> MultiplexedConnection {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.connections[n % self.connections.len()].clone()
    }

    async fn get(&self, key: &str) -> Value {
        cmd("HGETALL").arg(key).query_async(&mut self.connection()).await.expect("reads")
    }

    async fn set(&self, key: &str, visits: u32) {
        let mut set = cmd("EVALSHA");
        set.arg(&self.set).arg(1).arg(key).arg(1_800_000).arg("visits").arg(visits);
        let _: Value = set.query_async(&mut self.connection()).await.expect("writes");
    }
}

fn shop(answer: &Value) -> Option<Shop> {
    let Value::Array(elements) = answer else { panic!("not a hash: {answer:?}") };
    let mut texts: HashMap<&[u8], &[u8]> = HashMap::with_capacity(elements.len() / 2);
    for pair in elements.chunks(2) {
        if let [Value::BulkString(key), Value::BulkString(text)] = pair {
            texts.insert(key, text);
        }
    }
    decode(|key| texts.get(key.as_bytes()).copied())
}

/// The bare commands.
pub(crate) struct Commands(pub(crate) Arc<Bare>);

impl Participant for Commands {
    type Token = String;

    fn name(&self) -> &'static str {
        "HGETALL, HGETALL + EVALSHA"
    }

    async fn read(&self, key: &String) -> Option<Shop> {
        shop(&self.0.get(key).await)
    }

    async fn open(&self, key: &String) {
        black_box(self.0.get(key).await);
    }

    async fn save(&self, key: &String) {
        black_box(self.0.get(key).await);
        self.0.set(key, Shop::filled().visits + 1).await;
    }

    async fn login(&self, _: u64, _: bool) -> (String, String) {
        unreachable!("how to log in is what the libraries differ in");
    }
}

/// The same, with the struct decoded.
pub(crate) struct Decoded(pub(crate) Arc<Bare>);

impl Participant for Decoded {
    type Token = String;

    fn name(&self) -> &'static str {
        "the same, decoded"
    }

    async fn read(&self, key: &String) -> Option<Shop> {
        shop(&self.0.get(key).await)
    }

    async fn save(&self, key: &String) {
        let shop = self.read(key).await.expect("the session lives");
        self.0.set(key, shop.visits + 1).await;
    }

    async fn login(&self, _: u64, _: bool) -> (String, String) {
        unreachable!("how to log in is what the libraries differ in");
    }
}
