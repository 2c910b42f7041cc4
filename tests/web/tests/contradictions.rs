//! Settings that contradict each other, or that no request can meet, fail when they are made.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::{Router, routing::get};
use typed_sessions::axum::{
    Session, SessionCookie, SessionLayer, require_login, require_recent, same_origin,
};
use typed_sessions::minutes;
use typed_sessions_web_tests::{Browser, Shop, shop};

/// Making this panics, and the message names all of this.
fn refused<T>(names: &[&str], make: impl FnOnce() -> T) {
    let panic = catch_unwind(AssertUnwindSafe(make)).err().expect("a contradiction");
    let text = panic.downcast_ref::<String>().expect("a text");
    for name in names {
        assert!(text.contains(name), "{name} is missing in: {text}");
    }
}

#[test]
fn a_layer_has_one_way_for_its_tokens() {
    let layer = || -> SessionLayer { shop().layer() };
    let cookie = || SessionCookie::builder().name("basket").build().expect("no contradiction");
    refused(&["`__Host-basket`", "development"], || layer().cookie(cookie()).development());
    refused(&["`__Host-basket`", "development"], || layer().development().cookie(cookie()));
    refused(&["`__Host-basket`", "x-session-token"], || layer().cookie(cookie()).header());
    refused(&["`__Host-basket`", "x-session-token"], || layer().header().cookie(cookie()));
}

#[test]
fn a_header_is_not_one_that_means_something_else() {
    for name in [AUTHORIZATION, COOKIE, SET_COOKIE, CONTENT_LENGTH] {
        refused(&[name.as_str()], || shop().layer().header_named(name.clone()));
    }
}

#[test]
fn a_trusted_origin_is_written_as_browsers_send_it() {
    for origin in [
        "a.example",
        "https://a.example/",
        "https://A.example",
        "https://a.example:443",
        "https://me@a.example",
        "https://",
        "null",
        "*",
    ] {
        refused(&[origin, "https://admin.example.com"], || same_origin().trust(origin));
    }
    let _ = same_origin().trust("https://a.example").trust("http://localhost:3000");
}

#[test]
fn a_guard_sends_people_to_a_path_or_a_url() {
    for path in ["", "sign-in", "//evil.example", "/sign-in#form", "/sign in", "/\u{fc}"] {
        refused(&[&format!("{path:?}"), "`/sign-in`"], || require_login::<Shop>(path));
        refused(&[&format!("{path:?}"), "`/sign-in`"], || require_recent::<Shop>(minutes(5), path));
    }
    let _ = require_login::<Shop>("/sign-in?lang=de");
    let _ = require_login::<Shop>("https://id.example/sign-in");
}

#[tokio::test]
async fn development_leaves_the_header_mode_as_it_is() {
    let world = shop();
    let visit = async |mut session: Session<Shop>| session.visits += 1;
    for layer in [world.layer().header().development(), world.layer().development().header()] {
        let browser = Browser::new(&Router::new().route("/", get(visit)).layer(layer));
        let answer = browser.get("/").await;
        assert!(answer.cookies().is_empty() && answer.header("x-session-token").is_some());
        let mut elsewhere = browser.prepare(Method::GET, "/");
        elsewhere.headers_mut().insert("host", HeaderValue::from_static("shop.example"));
        assert_eq!(browser.send(elsewhere).await.status, StatusCode::MISDIRECTED_REQUEST);
    }
}
