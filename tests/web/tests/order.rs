//! What other layers do to a session, inside of its layer and outside: the guide's page on axum
//! says so.

use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::routing::{get, post};
use tower_http::timeout::TimeoutLayer;
use typed_sessions::axum::{Session, SessionRejection, require_login, same_origin};
use typed_sessions_web_tests::{Answer, Browser, Shop, World, ada, shop};

async fn visit(mut session: Session<Shop>) {
    session.visits += 1;
}

/// Does half of its work, and then waits for ever.
async fn half(mut session: Session<Shop>) -> Result<(), SessionRejection> {
    session.login(ada()).await?;
    session.visits += 1;
    pending().await
}

fn routes() -> Router {
    Router::new().route("/visit", get(visit)).route("/half", post(half))
}

/// Time is paused in the tests that use it: it passes once all tasks wait.
fn timeout(status: StatusCode) -> TimeoutLayer {
    TimeoutLayer::with_status_code(status, Duration::from_secs(5))
}

/// What half of the work comes to, for a visitor who came once.
async fn half_done(world: &World, app: Router) -> (Answer, Option<(Option<u64>, u32)>) {
    let browser = Browser::new(&app);
    browser.get("/visit").await;
    let answer = browser.post("/half").await;
    let token = browser.token().expect("a cookie");
    let session = world.sessions.open(&token).await.expect("works");
    (answer, session.map(|session| (session.user_id(), session.visits)))
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_drops_changes_at_500_and_hands_a_fresh_token_over() {
    let world = shop();
    let app = world.app(routes().layer(timeout(StatusCode::GATEWAY_TIMEOUT)));
    let (answer, session) = half_done(&world, app).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(session, Some((Some(7), 1)));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_as_408_saves_no_half_of_the_work() {
    let world = shop();
    let app = world.app(routes().layer(timeout(StatusCode::REQUEST_TIMEOUT)));
    let (answer, session) = half_done(&world, app).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(session, Some((Some(7), 1)));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_loses_the_token_of_a_login() {
    let world = shop();
    let app = world.app(routes()).layer(timeout(StatusCode::GATEWAY_TIMEOUT));
    let (answer, session) = half_done(&world, app).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::GATEWAY_TIMEOUT, 0));
    assert_eq!(session, None);
}

#[tokio::test]
async fn require_login_as_a_route_layer_leaves_paths_that_do_not_exist_alone() {
    let world = shop();
    let status = async |routes: Router| {
        let browser = Browser::new(&world.app(routes));
        browser.get("/nowhere").await.status
    };
    let inside = routes().route_layer(require_login::<Shop>("/sign-in"));
    assert_eq!(status(inside).await, StatusCode::NOT_FOUND);
    let around = routes().layer(require_login::<Shop>("/sign-in"));
    assert_ne!(status(around).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn on_error_renders_what_same_origin_refuses_inside() {
    let world = shop();
    let layer = world.layer().on_error(|why| (why.status(), format!("Sorry: {why}")));
    let app = routes().layer(same_origin()).layer(layer);
    let browser = Browser::new(&app);
    let mut request = browser.prepare(Method::POST, "/half");
    request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
    let answer = browser.send(request).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.starts_with("Sorry: "), "{}", answer.text);
}
