//! What an answer tells the client about its token, and caches about itself.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use tokio::task::JoinHandle;
use typed_sessions::axum::{
    SameSite, Session, SessionCookie, SessionLayer, SessionRejection, User,
};
use typed_sessions::{Login, days, minutes};
use typed_sessions_web_tests::{Answer, Browser, Gate, Shop, World, ada, shop};

type Outcome = Result<(), SessionRejection>;

async fn visit(mut session: Session<Shop>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn remember(mut session: Session<Shop>) -> Outcome {
    Ok(session.login_with(ada(), Login::new().remember(days(30))).await?)
}

fn routes() -> Router {
    Router::new()
        .route("/visit", get(visit))
        .route("/look", get(|session: Session<Shop>| async move { session.visits.to_string() }))
        .route("/maybe", get(|s: Option<Session<Shop>>| async move { s.is_some().to_string() }))
        .route(
            "/login",
            post(async |mut s: Session<Shop>| -> Outcome { Ok(s.login(ada()).await?) }),
        )
        .route("/logout", post(async |mut s: Session<Shop>| -> Outcome { Ok(s.logout().await?) }))
        .route(
            "/proof",
            post(async |mut s: Session<Shop>| -> Outcome { Ok(s.reauthenticate().await?) }),
        )
        .route("/end", post(async |mut s: Session<Shop>| -> Outcome { Ok(s.destroy().await?) }))
        .route("/remember", post(remember))
}

fn set_cookie(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.map(|value| value.to_str().expect("visible")).collect()
}

#[tokio::test]
async fn the_cookie_has_the_safe_attributes() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    let answer = browser.get("/visit").await;
    let token = browser.token().expect("a cookie");
    let expected = format!("__Host-session={token}; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert_eq!(set_cookie(&answer), [expected]);
    assert!(!format!("{:?}", answer.headers).contains(&token), "no log shows it");
}

#[tokio::test]
async fn the_cookie_is_configured() {
    let world = shop();
    let cookie = SessionCookie::builder().name("shop").domain("example.com").path("/app");
    let cookie = cookie.same_site(SameSite::Strict).build().expect("no contradiction");
    let browser = Browser::new(&routes().layer(world.layer().cookie(cookie)));
    let answer = browser.get("/visit").await;
    let token = browser.cookie("shop").expect("a cookie");
    let attributes = "Path=/app; Domain=example.com; Secure; HttpOnly; SameSite=Strict";
    assert_eq!(set_cookie(&answer), [format!("shop={token}; {attributes}")]);
    let answer = browser.post("/end").await;
    assert_eq!(set_cookie(&answer), [format!("shop=; {attributes}; Max-Age=0")]);
}

#[tokio::test]
async fn set_cookie_is_appended_to_the_handlers() {
    let world = shop();
    let both = async |mut session: Session<Shop>| {
        session.visits += 1;
        [("set-cookie", "lang=de")]
    };
    let browser = Browser::new(&world.app(routes().route("/both", get(both))));
    browser.get("/both").await;
    assert!(browser.token().is_some());
    assert_eq!(browser.cookie("lang").as_deref(), Some("de"));
}

#[tokio::test]
async fn max_age_comes_only_when_remembered_and_with_a_fresh_token() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    assert!(!set_cookie(&browser.get("/visit").await)[0].contains("Max-Age"));
    let answer = browser.post("/remember").await;
    assert!(set_cookie(&answer)[0].ends_with("; Max-Age=2592000"), "{answer:?}");
    assert!(browser.get("/visit").await.cookies().is_empty(), "not again by itself");
    world.clock.advance(days(1));
    let renewed = browser.get("/visit").await;
    assert!(set_cookie(&renewed)[0].ends_with("; Max-Age=2505600"), "{renewed:?}");
    let answer = browser.post("/logout").await;
    assert!(!set_cookie(&answer)[0].contains("Max-Age"), "an anonymous session's again");
}

#[tokio::test]
async fn the_cookie_is_removed_only_after_a_destroy_that_ended_what_the_request_carried() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    // Nothing was carried.
    assert!(browser.post("/end").await.cookies().is_empty());
    // A token that opens nothing is not taken away.
    let mut unsaved = world.sessions.start();
    let dead = unsaved.token().expose();
    browser.has_token(&dead);
    for path in ["/look", "/maybe"] {
        assert!(browser.get(path).await.cookies().is_empty());
    }
    assert!(browser.post("/end").await.cookies().is_empty());
    unsaved.save().await.expect("works");
    // One that is ended is.
    browser.post("/end").await;
    assert_eq!(browser.token(), None);
    assert!(world.sessions.open(&dead).await.expect("works").is_none());
}

#[tokio::test]
async fn nothing_is_removed_that_the_request_did_not_carry() {
    let world = shop();
    let at_once = async |mut session: Session<Shop>| -> Outcome {
        session.save().await?;
        Ok(session.destroy().await?)
    };
    let browser = Browser::new(&world.app(routes().route("/at-once", post(at_once))));
    assert!(browser.post("/at-once").await.cookies().is_empty());
    assert_eq!(world.calls.cost(), "1 apply, 1 delete");
}

#[tokio::test]
async fn nothing_is_removed_when_somebody_else_had_ended_the_session() {
    let world = shop();
    let sessions = world.sessions.clone();
    let revoked = async move |mut session: Session<Shop>| -> Outcome {
        sessions.revoke(session.id()).await?;
        Ok(session.destroy().await?)
    };
    let browser = Browser::new(&world.app(routes().route("/revoked", post(revoked))));
    browser.get("/visit").await;
    let answer = browser.post("/revoked").await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn the_cookie_stays_when_destroy_was_superseded() {
    let world = shop();
    let gate = Gate::new();
    let inside = gate.clone();
    let end = async move |mut session: Session<Shop>| {
        inside.stop().await;
        session.destroy().await?;
        Ok::<_, SessionRejection>(())
    };
    let browser = Browser::new(&world.app(routes().route("/slow-end", post(end))));
    browser.get("/visit").await;
    let tab = browser.clone();
    let answer = tokio::spawn(async move { tab.request(Method::POST, "/slow-end").await });
    gate.pass().await;
    browser.post("/login").await;
    gate.pass().await;
    let answer = answer.await.expect("no panic");
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.cookies().is_empty());
    browser.keep(&answer);
    let token = browser.token().expect("the login's");
    assert!(world.sessions.open(&token).await.expect("works").is_some());
}

/// A request that has renewed the session waits at a gate, before it answers.
async fn renewed_and_waiting() -> (World, Gate, Browser, JoinHandle<Answer>) {
    let world = shop();
    let gate = Gate::new();
    let inside = gate.clone();
    let slow = async move |session: Session<Shop>| {
        inside.stop().await;
        drop(session);
    };
    let browser = Browser::new(&world.app(routes().route("/slow", get(slow))));
    browser.post("/login").await;
    world.clock.advance(minutes(10));
    let tab = browser.clone();
    let answer = tokio::spawn(async move { tab.request(Method::GET, "/slow").await });
    gate.pass().await;
    (world, gate, browser, answer)
}

/// A renewal is due, and after the handler has opened the session another tab posts to this path:
/// the late answer.
async fn late_beside(path: &'static str) -> (Answer, Browser) {
    let (world, gate, browser, answer) = renewed_and_waiting().await;
    world.calls.take();
    let other = browser.post(path).await;
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(other.cookies().len(), 1);
    world.calls.take();
    gate.pass().await;
    let answer = answer.await.expect("no panic");
    assert_eq!(world.calls.cost(), "1 headers");
    (answer, browser)
}

#[tokio::test]
async fn a_late_answer_sets_no_token_that_a_login_a_logout_or_a_proof_has_replaced() {
    for path in ["/login", "/logout", "/proof", "/end"] {
        let (answer, browser) = late_beside(path).await;
        let before = browser.token();
        assert!(answer.cookies().is_empty(), "{path}");
        browser.keep(&answer);
        assert_eq!(browser.token(), before, "{path}");
    }
}

#[tokio::test]
async fn a_renewed_token_that_is_still_current_is_handed_over_for_one_headers() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.post("/login").await;
    let before = browser.token();
    world.clock.advance(minutes(10));
    world.calls.take();
    browser.get("/look").await;
    assert_eq!(world.calls.cost(), "1 load, 1 apply, 1 headers");
    assert_ne!(browser.token(), before);
    world.calls.take();
    browser.get("/look").await;
    assert_eq!(world.calls.cost(), "1 load, 1 apply", "its first use");
}

#[tokio::test]
async fn a_renewed_token_is_not_handed_over_once_a_later_renewal_has_replaced_it() {
    let (world, gate, browser, answer) = renewed_and_waiting().await;
    browser.get("/look").await;
    world.clock.advance(minutes(10));
    browser.get("/look").await;
    let token = browser.token();
    gate.pass().await;
    browser.keep(&answer.await.expect("no panic"));
    assert_eq!(browser.token(), token);
}

#[tokio::test]
async fn a_late_request_that_found_nothing_does_not_take_the_logins_cookie_away() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    let late = browser.prepare(Method::GET, "/visit");
    let early = browser.prepare(Method::GET, "/look");
    browser.post("/login").await;
    let token = browser.token().expect("the login's");
    world.calls.take();
    let answer = browser.send(late).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "what it wanted to save is not saved");
    assert_eq!(world.calls.cost(), "1 load");
    browser.keep(&answer);
    let answer = browser.send(early).await;
    assert_eq!(answer.status, StatusCode::OK, "it saves nothing");
    browser.keep(&answer);
    assert_eq!(browser.token().as_ref(), Some(&token));
}

#[tokio::test]
async fn a_client_whose_token_is_long_dead_gets_another_session() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    let lost = browser.token().expect("a cookie");
    browser.post("/login").await;
    world.clock.advance(minutes(3));
    browser.has_token(&lost);
    assert_eq!(browser.get("/visit").await.text, "1");
    assert_ne!(browser.token(), Some(lost));
}

#[tokio::test]
async fn a_late_request_that_logs_in_is_handed_its_token() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    let late = browser.prepare(Method::POST, "/login");
    browser.post("/login").await;
    let answer = browser.send(late).await;
    let token = answer.cookies()[0].value().to_owned();
    assert!(world.sessions.open(&token).await.expect("works").is_some_and(|s| s.is_logged_in()));
}

#[tokio::test]
async fn answers_that_used_a_session_are_kept_out_of_caches() {
    let world = shop();
    let own = [("cache-control", "private, max-age=60")];
    let cached = async move |_: Option<Session<Shop>>| own;
    let changing = async move |mut session: Session<Shop>| {
        session.visits += 1;
        own
    };
    let routes = routes()
        .route("/cached", get(cached))
        .route("/changing", get(changing))
        .route("/vary", get(async |_: Session<Shop>| [("vary", "accept, Cookie")]));
    let browser = Browser::new(&world.app(routes));
    let look = async |path: &str| {
        let answer = browser.get(path).await;
        let vary: Vec<_> = answer.headers.get_all("vary").iter().cloned().collect();
        (vary, answer.header("cache-control").map(str::to_owned))
    };
    let no_store = Some("no-store".to_owned());
    assert_eq!(look("/maybe").await, (vec!["cookie".parse().expect("valid")], no_store.clone()));
    assert_eq!(look("/look").await.1, no_store);
    assert_eq!(look("/cached").await.1.as_deref(), Some("private, max-age=60"));
    assert_eq!(look("/changing").await.1, no_store, "it sets the cookie");
    assert_eq!(look("/changing").await.1.as_deref(), Some("private, max-age=60"));
    assert_eq!(look("/vary").await.0, [axum::http::HeaderValue::from_static("accept, Cookie")]);
}

#[tokio::test]
async fn the_back_button_after_a_logout_shows_nothing_cached() {
    let world = shop();
    let me = async |user: User<Shop>| user.user().name.clone();
    let browser = Browser::new(&world.app(routes().route("/me", get(me))));
    browser.post("/login").await;
    let page = browser.get("/me").await;
    assert_eq!(page.header("cache-control"), Some("no-store"));
    browser.post("/end").await;
    assert_eq!(browser.get("/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn header_mode_sets_and_reads_no_cookie() {
    let world = shop();
    let layer = SessionLayer::new(world.sessions.clone()).header();
    let browser = Browser::new(&routes().layer(layer.clone()));
    let answer = browser.get("/visit").await;
    assert!(answer.cookies().is_empty());
    assert_eq!(answer.header("vary"), Some("x-session-token"));
    let token = answer.header("x-session-token").expect("a token").to_owned();
    let session = world.sessions.open(&token).await.expect("works").expect("lives");
    let mut request = browser.prepare(Method::GET, "/visit");
    request.headers_mut().insert("x-session-token", layer.cookie_for(&session));
    assert_eq!(browser.send(request).await.text, "2");
    // A cookie counts for nothing there.
    browser.has_token(&token);
    assert_eq!(browser.get("/visit").await.text, "1");
    let mut request = browser.prepare(Method::POST, "/end");
    request.headers_mut().insert("x-session-token", layer.cookie_for(&session));
    assert_eq!(browser.send(request).await.header("x-session-token"), Some(""));
}

#[tokio::test]
async fn development_mode_works_on_localhost_and_refuses_other_hosts() {
    let world = shop();
    let browser = Browser::new(&routes().layer(world.layer().development()));
    let ask = async |host: &'static str| {
        let mut request = browser.prepare(Method::GET, "/visit");
        request.headers_mut().insert("host", axum::http::HeaderValue::from_static(host));
        browser.send(request).await
    };
    for host in ["localhost:3000", "127.0.0.1", "[::1]:80", "shop.localhost"] {
        let answer = ask(host).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
        let cookie = set_cookie(&answer)[0];
        assert!(cookie.starts_with("session=") && !cookie.contains("Secure"), "{cookie}");
    }
    for host in ["shop.example", "localhost.example", "10.0.0.1:3000", "127.0.0.1.example"] {
        let answer = ask(host).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert!(answer.text.contains("development"), "{answer:?}");
        assert!(answer.text.contains("open http://localhost"), "{answer:?}");
    }
}

#[tokio::test]
async fn development_mode_refuses_what_a_proxy_brings_to_localhost() {
    let world = shop();
    let browser = Browser::new(&routes().layer(world.layer().development()));
    let ask = async |headers: &[(&'static str, &'static str)]| {
        let mut request = browser.prepare(Method::POST, "/login");
        for (name, value) in [("host", "localhost:3000")].iter().chain(headers) {
            request.headers_mut().insert(*name, axum::http::HeaderValue::from_static(value));
        }
        browser.send(request).await.status
    };
    let own = ("sec-fetch-site", "same-origin");
    for headers in [
        &[own, ("origin", "https://shop.example")][..],
        &[("forwarded", "for=192.0.2.1, for=10.0.0.1;Host=\"shop.example:443\";proto=https")],
        &[("x-forwarded-host", "shop.example")],
    ] {
        assert_eq!(ask(headers).await, StatusCode::MISDIRECTED_REQUEST, "{headers:?}");
    }
    for headers in [
        &[own, ("origin", "http://localhost:3000")][..],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")],
        &[("forwarded", "for=192.0.2.1;host=localhost;proto=http")],
        &[("x-forwarded-host", "localhost:3000")],
    ] {
        assert_eq!(ask(headers).await, StatusCode::OK, "{headers:?}");
    }
}
