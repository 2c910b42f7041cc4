//! When a session is stored, when it is saved, and what takes the place of an answer when it cannot
//! be.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use typed_sessions::axum::{Session, SessionRejection};
use typed_sessions_conformance::faulty::Fault;
use typed_sessions_web_tests::{Browser, Shop, ada, shop};

async fn visit(mut session: Session<Shop>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn login(mut session: Session<Shop>) -> Result<&'static str, SessionRejection> {
    session.login(ada()).await?;
    Ok("welcome")
}

fn routes() -> Router {
    Router::new()
        .route("/plain", get(|| async { "hello" }))
        .route("/look", get(|session: Session<Shop>| async move { session.visits.to_string() }))
        .route("/visit", get(visit).post(visit))
        .route("/login", post(login))
}

#[tokio::test]
async fn a_handler_without_a_session_costs_no_store_call() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    world.calls.take();
    let answer = browser.get("/plain").await;
    assert_eq!((answer.text.as_str(), world.calls.cost().as_str()), ("hello", "nothing"));
    assert_eq!((answer.header("vary"), answer.header("cache-control")), (None, None));
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn an_untouched_new_session_is_not_stored() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    let answer = browser.get("/look").await;
    assert_eq!((answer.text.as_str(), world.calls.cost().as_str()), ("0", "nothing"));
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn what_a_handler_changes_is_saved_after_it() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    assert_eq!(browser.get("/visit").await.text, "1");
    assert_eq!(world.calls.cost(), "1 apply");
    assert_eq!(browser.get("/visit").await.text, "2");
    assert_eq!(world.calls.cost(), "1 load, 1 apply");
    assert_eq!(browser.get("/look").await.text, "2");
    assert_eq!(world.calls.cost(), "1 load");
}

#[tokio::test]
async fn a_store_that_is_down_is_503_only_for_handlers_that_use_the_session() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    let token = browser.token();
    world.faults.set(Fault::Unreachable);
    let answer = browser.get("/look").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(browser.get("/plain").await.status, StatusCode::OK);
    assert_eq!(browser.token(), token);
}

#[tokio::test]
async fn a_login_hands_the_token_over() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    let before = browser.token().expect("a cookie");
    browser.post("/login").await;
    let after = browser.token().expect("a cookie");
    assert_ne!(before, after);
    let session = world.sessions.open(&after).await.expect("works").expect("lives");
    assert_eq!(session.user_id(), Some(7));
}
