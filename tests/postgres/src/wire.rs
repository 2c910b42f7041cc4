//! A proxy that notes what a client sends, and can withhold what the server answers.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use typed_sessions_test_servers::postgres::Postgres;

/// Between a client and a server.
#[derive(Clone, Debug)]
pub struct Wire {
    url: String,
    sent: Arc<Mutex<String>>,
    /// Bytes of the client's.
    asked: Arc<AtomicU64>,
    forget: Arc<AtomicBool>,
    /// Bytes of the server's.
    answered: Arc<AtomicU64>,
    /// Connections of before the last cut lead nowhere.
    cuts: Arc<AtomicUsize>,
    /// How long the server takes to let a client in, in milliseconds.
    slowness: Arc<AtomicU64>,
    /// Whether notifications get lost, as in a pooler.
    is_deaf: Arc<AtomicBool>,
}

impl Wire {
    /// A wire to this server.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(server: &Postgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address").to_string();
        let there = server.address();
        let url = server.url().replace(&there, &here);
        let wire = Self {
            url,
            sent: Arc::default(),
            asked: Arc::default(),
            forget: Arc::default(),
            answered: Arc::default(),
            cuts: Arc::default(),
            slowness: Arc::default(),
            is_deaf: Arc::default(),
        };
        let ours = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (ours, there) = (ours.clone(), there.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ours.slowness.load(Ordering::SeqCst)))
                        .await;
                    let (from_client, to_client) = client.into_split();
                    let server = TcpStream::connect(there).await.expect("it is there");
                    // Or a message waits until the one before has been acknowledged.
                    server.set_nodelay(true).expect("it is a socket");
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(pass(ours.clone(), from_server, to_client));
                    note(ours, from_client, to_server).await;
                });
            }
        });
        wire
    }

    /// Where a client finds the server behind this wire, without encryption.
    pub fn url(&self) -> String {
        format!("{}?sslmode=disable", self.url)
    }

    /// The types of the messages since the last time, as the protocol names them: `P` parse, `D`
    /// describe, `B` bind, `E` execute, `C` close, `Q` query. `S` (sync) makes the server answer:
    /// each is one round trip.
    pub fn sent(&self) -> String {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many bytes the server has sent since the last time.
    pub fn answered(&self) -> u64 {
        self.answered.swap(0, Ordering::SeqCst)
    }

    /// How many bytes the client has sent since the last time, and the server, but for the signs of
    /// life for which the pool asks after each call: a sync of 5 bytes, and 6 that answer it. The
    /// pool must be idle.
    pub fn bytes(&self) -> (u64, u64) {
        let signs = self.sent().matches("SS").map(|_| 1).sum::<u64>();
        (self.asked.swap(0, Ordering::SeqCst) - 5 * signs, self.answered() - 6 * signs)
    }

    /// From now on nothing gets through on the connections that are there, and nobody is told: as
    /// when a network loses its way.
    pub fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on it takes so many milliseconds until the server lets a client in.
    pub fn let_in_after(&self, milliseconds: u64) {
        self.slowness.store(milliseconds, Ordering::SeqCst);
    }

    /// From now on no notification reaches a client: a pooler in transaction mode gives the server's
    /// connection to others between two statements.
    pub fn lose_notifications(&self) {
        self.is_deaf.store(true, Ordering::SeqCst);
    }

    /// Hangs up instead of passing on the next answer.
    pub fn forget_next_answer(&self) {
        self.forget.store(true, Ordering::SeqCst);
    }
}

/// Passes messages on to the server, and notes their types.
async fn note(wire: Wire, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) -> Option<()> {
    // The first message has no type.
    let mut has_type = false;
    let cuts = wire.cuts.load(Ordering::SeqCst);
    loop {
        let kind = if has_type { Some(client.read_u8().await.ok()?) } else { None };
        let length = client.read_u32().await.ok()?;
        let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        client.read_exact(&mut body).await.ok()?;
        if wire.cuts.load(Ordering::SeqCst) > cuts {
            std::future::pending::<()>().await;
        }
        wire.asked.fetch_add(u64::from(length) + u64::from(has_type), Ordering::SeqCst);
        if let Some(kind) = kind {
            wire.sent.lock().unwrap_or_else(PoisonError::into_inner).push(kind.into());
            server.write_u8(kind).await.ok()?;
        }
        server.write_u32(length).await.ok()?;
        server.write_all(&body).await.ok()?;
        has_type = true;
    }
}

/// Passes on what the server answers, and counts it.
async fn pass(wire: Wire, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) {
    let mut answer = vec![0; 1 << 16];
    let mut rest = Vec::new();
    while let Ok(length @ 1..) = server.read(&mut answer).await {
        wire.answered.fetch_add(u64::try_from(length).expect("small"), Ordering::SeqCst);
        if wire.forget.swap(false, Ordering::SeqCst) {
            break;
        }
        rest.extend_from_slice(&answer[..length]);
        let whole = whole_messages(&mut rest, wire.is_deaf.load(Ordering::SeqCst));
        if client.write_all(&whole).await.is_err() {
            break;
        }
    }
}

/// Takes the messages that are complete, with or without notifications.
fn whole_messages(rest: &mut Vec<u8>, is_deaf: bool) -> Vec<u8> {
    let mut whole = Vec::new();
    while let [kind, a, b, c, d, ..] = rest[..] {
        let length = 1 + usize::try_from(u32::from_be_bytes([a, b, c, d])).expect("small");
        if rest.len() < length {
            break;
        }
        let message: Vec<u8> = rest.drain(..length).collect();
        if kind != b'A' || !is_deaf {
            whole.extend(message);
        }
    }
    whole
}
