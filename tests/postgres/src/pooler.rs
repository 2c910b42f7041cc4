//! A pooler in transaction mode, with one connection to the server.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use typed_sessions_test_servers::postgres::Postgres;

/// Gives its one connection from client to client: each has it until the server is ready for the
/// next query. What comes in between comes to whoever is next, as with PgBouncer.
#[derive(Debug)]
pub struct Pooler {
    url: String,
}

impl Pooler {
    /// One in front of this server.
    ///
    /// # Panics
    /// When no port is free, or the server does not answer.
    pub async fn before(server: &Postgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().expect("an address").to_string();
        let mut there = TcpStream::connect(server.address()).await.expect("it is there");
        there.set_nodelay(true).expect("it is a socket");
        let startup = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        let length = u32::try_from(startup.len() + 4).expect("short");
        there.write_u32(length).await.expect("takes it");
        there.write_all(startup).await.expect("takes it");
        let greeting = until_ready(&mut there).await.expect("lets in");
        let there = Arc::new(Mutex::new(there));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&there), greeting.clone()));
            }
        });
        Self { url: server.url().replace(&server.address(), &here) }
    }

    /// Where clients find it, without encryption.
    pub fn url(&self) -> String {
        format!("{}?sslmode=disable", self.url)
    }
}

/// The server's messages until it is ready for a query.
async fn until_ready(server: &mut TcpStream) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let kind = message(server, &mut all).await?;
        if kind == b'Z' {
            return Some(all);
        }
    }
}

/// Reads one message, and tells its type.
async fn message(from: &mut TcpStream, into: &mut Vec<u8>) -> Option<u8> {
    let kind = from.read_u8().await.ok()?;
    let length = from.read_u32().await.ok()?;
    let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
    from.read_exact(&mut body).await.ok()?;
    into.push(kind);
    into.extend(length.to_be_bytes());
    into.extend(body);
    Some(kind)
}

async fn serve(
    mut client: TcpStream,
    server: Arc<Mutex<TcpStream>>,
    greeting: Vec<u8>,
) -> Option<()> {
    let length = client.read_u32().await.ok()?;
    let mut startup = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
    client.read_exact(&mut startup).await.ok()?;
    client.write_all(&greeting).await.ok()?;
    loop {
        let mut asked = Vec::new();
        // A query, or what a sync ends.
        while ![b'Q', b'S'].contains(&message(&mut client, &mut asked).await?) {}
        let mut server = server.lock().await;
        server.write_all(&asked).await.ok()?;
        let answer = until_ready(&mut server).await?;
        drop(server);
        client.write_all(&answer).await.ok()?;
    }
}
