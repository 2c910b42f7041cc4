//! A proxy that counts bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use typed_sessions_test_servers::redis::Redis;

/// Between a client and a server.
#[derive(Debug)]
pub struct Wire {
    url: String,
    sent: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
}

impl Wire {
    /// A wire to this server.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(server: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let (sent, answered) = (Arc::default(), Arc::default());
        let wire = Self { url, sent: Arc::clone(&sent), answered: Arc::clone(&answered) };
        let there = server.address();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&there).await.expect("it is there");
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, Arc::clone(&sent)));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&answered)));
            }
        });
        wire
    }

    /// Where a client finds the server behind this wire.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many bytes the client has sent since the last time, and the server. What a call has sent
    /// and read is counted before the call returns.
    pub fn bytes(&self) -> (u64, u64) {
        (self.sent.swap(0, Ordering::SeqCst), self.answered.swap(0, Ordering::SeqCst))
    }
}

/// Counts bytes before it passes them on.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: Arc<AtomicU64>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        count.fetch_add(u64::try_from(length).expect("small"), Ordering::SeqCst);
        if to.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
}
