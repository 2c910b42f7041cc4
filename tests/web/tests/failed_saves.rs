//! What takes the place of an answer whose session cannot be saved or read.

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse as _};
use axum::routing::{get, post};
use tracing::Level;
use typed_sessions::axum::{Session, SessionLayer, SessionRejection, Unreadable};
use typed_sessions::{Error, Login, SessionData};
use typed_sessions_conformance::faulty::Fault;
use typed_sessions_conformance::log::told;
use typed_sessions_web_tests::{Answer, Browser, Gate, Shop, World, ada, shop};

async fn visit(mut session: Session<Shop>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn login(mut session: Session<Shop>) -> Result<(), SessionRejection> {
    Ok(session.login_with(ada(), Login::new()).await?)
}

async fn destroy(mut session: Session<Shop>) -> Result<(), SessionRejection> {
    Ok(session.destroy().await?)
}

fn routes() -> Router {
    Router::new()
        .route("/visit", get(visit))
        .route("/login", post(login))
        .route("/destroy", post(destroy))
}

#[test]
fn the_log_tells_the_cause_of_a_500() {
    let (told, status) = told(Level::ERROR, async {
        SessionRejection::from(Error::store("the disk is full")).into_response().status()
    });
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(told.contains("refused the operation: the disk is full"), "{told}");
}

/// A request whose handler changes the session, and meanwhile another tab posts to this path. Its
/// answer, and the browser before that answer arrives.
async fn beside(world: &World, path: &str) -> (Answer, Browser) {
    let gate = Gate::new();
    let inside = gate.clone();
    let slow = async move |mut session: Session<Shop>| {
        session.visits += 1;
        inside.stop().await;
        "saved"
    };
    let browser = Browser::new(&world.app(routes().route("/slow", post(slow))));
    browser.get("/visit").await;
    let tab = browser.clone();
    let answer = tokio::spawn(async move { tab.request(Method::POST, "/slow").await });
    gate.pass().await;
    assert_eq!(browser.post(path).await.status, StatusCode::OK);
    gate.pass().await;
    (answer.await.expect("no panic"), browser)
}

#[tokio::test]
async fn a_superseded_save_is_409_and_not_a_sign_out() {
    let world = shop();
    let (answer, browser) = beside(&world, "/login").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let token = browser.token().expect("the login's");
    browser.keep(&answer);
    assert_eq!(browser.token().as_ref(), Some(&token));
    let session = world.sessions.open(&token).await.expect("works").expect("lives");
    assert_eq!((session.user_id(), session.visits), (Some(7), 1));
}

#[tokio::test]
async fn a_save_beside_a_logout_is_401_and_brings_nothing_back() {
    let world = shop();
    let (answer, browser) = beside(&world, "/destroy").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.cookies().is_empty());
    browser.keep(&answer);
    assert_eq!(browser.token(), None);
    assert_eq!(world.calls.take().changes.len(), 2);
}

#[tokio::test]
async fn a_failed_save_replaces_the_answer_and_keeps_set_cookie() {
    let world = shop();
    let faults = world.faults.clone();
    let fail = async move |mut session: Session<Shop>| {
        session.login(ada()).await.expect("works");
        session.visits = 9;
        faults.set(Fault::WritesFail);
        ([("set-cookie", "lang=de")], "saved")
    };
    let browser = Browser::new(&world.app(routes().route("/fail", post(fail))));
    browser.get("/visit").await;
    let answer = browser.post("/fail").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_ne!(answer.text, "saved");
    assert_eq!(browser.cookie("lang").as_deref(), Some("de"));
    let token = browser.token().expect("a cookie");
    let session = world.sessions.open(&token).await.expect("works").expect("lives");
    assert_eq!((session.user_id(), session.visits), (Some(7), 1));
}

#[tokio::test]
async fn what_is_too_large_is_413() {
    let world = shop();
    let large = async |mut session: Session<Shop>| session.note = "x".repeat(100 << 10);
    let browser = Browser::new(&world.app(routes().route("/large", post(large))));
    assert_eq!(browser.post("/large").await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.calls.cost(), "nothing");
}

#[tokio::test]
async fn what_cannot_be_encoded_is_500() {
    let world = shop();
    let nan = async |mut session: Session<Shop>| session.score = f64::NAN;
    let browser = Browser::new(&world.app(routes().route("/nan", post(nan))));
    assert_eq!(browser.post("/nan").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(world.calls.cost(), "nothing");
}

#[tokio::test]
async fn a_conflict_in_a_handler_is_409() {
    let world = shop();
    let count = async |mut session: Session<Shop>| {
        session.update(Shop::VISITS, |n| *n += 1).await?;
        Ok::<_, SessionRejection>(())
    };
    let browser = Browser::new(&world.app(routes().route("/count", post(count))));
    browser.get("/visit").await;
    world.faults.set(Fault::AlwaysConflict);
    assert_eq!(browser.post("/count").await.status, StatusCode::CONFLICT);
}

/// The same keys with other types.
#[derive(SessionData)]
struct Other {
    visits: String,
}

/// A browser whose session `Shop` cannot read.
async fn unreadable(world: &World, layer: SessionLayer) -> Browser {
    let browser = Browser::new(&routes().layer(layer));
    let mut session = world.sessions.view::<Other>().start();
    session.visits = "many".into();
    session.save().await.expect("works");
    browser.has_token(&session.token().expose());
    browser
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_500() {
    let world = shop();
    let browser = unreadable(&world, world.layer()).await;
    let token = browser.token();
    assert_eq!(browser.get("/visit").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.token(), token);
}

#[tokio::test]
async fn on_unreadable_a_new_one_can_be_started() {
    let world = shop();
    let layer = world.layer().on_unreadable(Unreadable::StartNew);
    let browser = unreadable(&world, layer).await;
    let token = browser.token();
    assert_eq!(browser.get("/visit").await.text, "1");
    assert_ne!(browser.token(), token);
    assert_eq!(browser.get("/visit").await.text, "2");
}

#[tokio::test]
async fn whoever_has_a_session_that_cannot_be_read_can_sign_out() {
    let world = shop();
    let (sessions, layer) = (world.sessions.clone(), world.layer());
    let sign_out = async move |headers: HeaderMap| {
        let token = layer.token_in(&headers).expect("the cookie's");
        Ok::<_, SessionRejection>(sessions.revoke_token(token.expose()).await?.to_string())
    };
    let layer = world.layer();
    let token = unreadable(&world, layer.clone()).await.token().expect("a cookie");
    let browser = Browser::new(&routes().route("/sign-out", post(sign_out)).layer(layer));
    browser.has_token(&token);
    assert_eq!(browser.get("/visit").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.post("/sign-out").await.text, "true");
    assert_eq!(browser.get("/visit").await.text, "1");
}

#[tokio::test]
async fn errors_are_rendered_as_the_application_likes() {
    let world = shop();
    let layer = world
        .layer()
        .on_error(|why| (why.status(), Html(format!("<h1>Sorry</h1>{}", why.error().is_some()))));
    let browser = Browser::new(&routes().layer(layer));
    browser.get("/visit").await;
    for (fault, text) in [(Fault::Unreachable, "an extractor"), (Fault::WritesFail, "the save")] {
        world.faults.set(fault);
        let answer = browser.get("/visit").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
        assert_eq!(answer.text, "<h1>Sorry</h1>true", "{text}");
        assert_eq!(answer.header("retry-after"), Some("5"), "{text}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{text}");
    }
}
