//! A proxy that forgets answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use typed_sessions_test_servers::redis::Redis;

/// Passes bytes on to a server; on demand, hangs up instead of passing on the next answer.
///
/// # Panics
/// When no port is free.
pub async fn forgetful_proxy(server: &Redis, forget: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let server = server.address();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) =
                TcpStream::connect(&server).await.expect("the server is there").into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let forget = Arc::clone(&forget);
            tokio::spawn(async move {
                let mut answer = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_server.read(&mut answer).await {
                    if forget.swap(false, Ordering::SeqCst)
                        || to_client.write_all(&answer[..length]).await.is_err()
                    {
                        break;
                    }
                }
            });
        }
    });
    url
}
