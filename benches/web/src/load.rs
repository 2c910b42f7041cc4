//! An app behind a socket, and clients that ask it over connections that stay open.

use std::time::{Duration, Instant};

use axum::Router;
use futures::future::join_all;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{COOKIE, HOST, HeaderValue, SET_COOKIE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// Clients of one app, each with a connection and, where the app has sessions, one of its own.
pub(crate) struct Clients(Vec<Client>);

struct Client {
    connection: SendRequest<Empty<Bytes>>,
    cookie: Option<HeaderValue>,
}

impl Clients {
    /// Serves the app, and connects so many clients to it, signed in if it has that.
    pub(crate) async fn of(app: Router, signed_in: bool, count: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        let mut clients = Vec::new();
        for _ in 0..count {
            let socket = TcpStream::connect(address).await.expect("it listens");
            socket.set_nodelay(true).expect("a socket");
            let (connection, task) = handshake(TokioIo::new(socket)).await.expect("HTTP");
            tokio::spawn(task);
            let mut client = Client { connection, cookie: None };
            if signed_in {
                client.sign_in().await;
            }
            clients.push(client);
        }
        Self(clients)
    }

    /// What the first client reads there.
    pub(crate) async fn read(&mut self, path: &str) -> String {
        self.0[0].ask(Method::GET, path).await.1
    }

    /// How many requests a second all of them together get answered.
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    pub(crate) async fn rate(&mut self, path: &str, time: Duration) -> f64 {
        let begin = Instant::now();
        let asked = join_all(self.0.iter_mut().map(|client| async move {
            let mut asked = 0_u32;
            while begin.elapsed() < time {
                let (status, _) = client.ask(Method::GET, path).await;
                assert_eq!(status, StatusCode::OK, "{path}");
                asked += 1;
            }
            asked
        }));
        f64::from(asked.await.iter().sum::<u32>()) / begin.elapsed().as_secs_f64()
    }
}

impl Client {
    async fn sign_in(&mut self) {
        let (status, _) = self.ask(Method::POST, "/sign-in").await;
        assert!(status.is_redirection() && self.cookie.is_some(), "{status}");
    }

    /// Asks, and keeps the cookie that the answer sets.
    async fn ask(&mut self, method: Method, path: &str) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Empty::new()).expect("a request");
        self.connection.ready().await.expect("it stays open");
        let answer = self.connection.send_request(request).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        if let Some(set) = parts.headers.get(SET_COOKIE) {
            let pair = set.as_bytes().split(|byte| *byte == b';').next().expect("a pair");
            self.cookie = Some(HeaderValue::from_bytes(pair).expect("visible characters"));
        }
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        (parts.status, String::from_utf8_lossy(&bytes).into_owned())
    }
}
