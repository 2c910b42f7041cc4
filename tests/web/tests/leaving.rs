//! Handles that leave their handler: with a body, with a task, and on purpose. Server-sent events
//! and `WebSocket`s.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Sse;
use axum::response::sse::Event;
use axum::routing::{get, post};
use futures::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing::Level;
use typed_sessions::axum::{Session, SessionRejection, View};
use typed_sessions_conformance::log;
use typed_sessions_web_tests::{Browser, Prefs, Shop, shop};

/// What is told of level `warn` and above while this runs.
fn warnings(run: impl Future<Output = ()>) -> String {
    let (told, ()) = log::told(Level::WARN, run);
    told
}

/// A body that is read only after the answer was made.
fn body_with<T: Send + Sync + 'static>(kept: T) -> Body {
    Body::from_stream(stream::once(async move {
        drop(kept);
        Ok::<_, std::convert::Infallible>("body")
    }))
}

async fn with_a_body(mut session: Session<Shop>) -> Body {
    session.visits += 1;
    body_with(session)
}

async fn detached(mut session: Session<Shop>) -> Result<Body, SessionRejection> {
    session.visits += 1;
    session.save().await?;
    Ok(body_with(session.detach()))
}

#[test]
fn a_handle_that_left_with_the_body_is_reported_and_not_saved() {
    let told = warnings(async {
        let world = shop();
        let browser = Browser::new(&world.app(Router::new().route("/", post(with_a_body))));
        let answer = browser.post("/").await;
        assert_eq!((answer.text.as_str(), world.calls.cost().as_str()), ("body", "nothing"));
        assert!(answer.cookies().is_empty());
    });
    assert!(told.contains("session.detach()"), "{told}");
    assert!(told.contains("changed in a session after its request was answered"), "{told}");
}

#[test]
fn a_handle_that_left_with_a_task_is_reported() {
    let told = warnings(async {
        let world = shop();
        let spawn = async |session: Session<Shop>| {
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                drop(session);
            });
        };
        Browser::new(&world.app(Router::new().route("/", post(spawn)))).post("/").await;
    });
    assert!(told.contains("session.detach()"), "{told}");
}

#[test]
fn a_detached_handle_is_not_reported_and_its_token_is_handed_over() {
    let told = warnings(async {
        let world = shop();
        let routes = Router::new().route("/", post(detached)).route(
            "/look",
            get(|session: Session<Shop>| async move { session.visits.to_string() }),
        );
        let browser = Browser::new(&world.app(routes));
        assert_eq!(browser.post("/").await.text, "body");
        assert!(browser.token().is_some());
        assert_eq!(browser.get("/look").await.text, "1");
    });
    assert_eq!(told, "");
}

#[test]
fn a_handle_that_is_dropped_in_its_handler_is_not_reported() {
    let told = warnings(async {
        let world = shop();
        let tidy = async |mut session: Session<Shop>| session.visits += 1;
        let browser = Browser::new(&world.app(Router::new().route("/", post(tidy))));
        browser.post("/").await;
        browser.post("/").await;
    });
    assert_eq!(told, "");
}

#[test]
fn what_stays_is_saved_beside_a_handle_that_was_detached() {
    let told = warnings(async {
        let world = shop();
        let both = async |session: Session<Shop>, mut prefs: View<Prefs, Shop>| {
            prefs.theme = "dark".into();
            body_with(session.detach())
        };
        let browser = Browser::new(&world.app(Router::new().route("/", post(both))));
        browser.post("/").await;
        let token = browser.token().expect("the view was stored");
        let session = world.sessions.open(&token).await.expect("works").expect("lives");
        assert_eq!(session.raw()["theme"], r#""dark""#);
    });
    assert_eq!(told, "");
}

#[tokio::test]
async fn server_sent_events_come_after_the_cookie() {
    let world = shop();
    let events = async |mut session: Session<Shop>| {
        session.visits += 1;
        let id = session.id().to_string();
        Sse::new(stream::iter([Ok::<_, std::convert::Infallible>(Event::default().data(id))]))
    };
    let browser = Browser::new(&world.app(Router::new().route("/events", get(events))));
    let answer = browser.get("/events").await;
    let token = browser.token().expect("a cookie");
    let session = world.sessions.open(&token).await.expect("works").expect("lives");
    assert_eq!((answer.text, session.visits), (format!("data: {}\n\n", session.id()), 1));
}

#[tokio::test]
async fn a_websocket_gets_its_cookie_before_the_101() {
    let world = shop();
    let upgrade = async |mut session: Session<Shop>, socket: WebSocketUpgrade| {
        session.visits += 1;
        session.save().await?;
        let mut session = session.detach();
        Ok::<_, SessionRejection>(socket.on_upgrade(async move |mut socket| {
            session.update(Shop::VISITS, |n| *n += 1).await.expect("works");
            let text = session.visits.to_string();
            socket.send(Message::text(text)).await.expect("sends");
        }))
    };
    let app = world.app(Router::new().route("/socket", get(upgrade)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let mut socket = TcpStream::connect(address).await.expect("connects");
    let request = "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("sends");
    let mut read = Vec::new();
    // The head of the answer, then one frame: a text of one byte.
    let all = async {
        while !read.ends_with(b"\x81\x012") {
            let mut bytes = [0; 1024];
            let count = socket.read(&mut bytes).await.expect("reads");
            assert_ne!(count, 0, "it ended too soon");
            read.extend(&bytes[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("an answer in time");
    let head = String::from_utf8_lossy(&read).to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("set-cookie: __host-session="), "{head}");
    server.abort();
}
