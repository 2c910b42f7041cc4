//! What a browser keeps of the session's cookie.

use std::time::{Duration, SystemTime};

use cookie::{Cookie, SameSite};
use typed_sessions_browser_tests::{Browser, PASSWORD, Server};

/// For how long the browser keeps it; `None` for as long as it runs.
fn kept_for(cookie: &Cookie<'_>) -> Option<Duration> {
    let until = cookie.expires()?.datetime()?;
    Some(SystemTime::from(until).duration_since(SystemTime::now()).expect("not yet over"))
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_without_data_get_no_cookie() {
    let server = Server::start().await;
    let browser = Browser::new(&server).await;
    for path in ["/", "/cart", "/sign-in", "/nowhere"] {
        browser.visit(path).await;
        assert!(browser.cookies().await.is_empty(), "{path}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn development_cookie_works_on_plain_localhost() {
    let server = Server::start().await;
    let browser = Browser::new(&server).await;
    browser.sign_in("ada").await;
    let cookie = browser.cookie().await.expect("signed in");
    assert_eq!((cookie.name(), cookie.path()), ("session", Some("/")));
    assert_eq!((cookie.http_only(), cookie.secure()), (Some(true), Some(false)));
    assert_eq!(cookie.same_site(), Some(SameSite::Lax));
    assert_eq!(kept_for(&cookie), None, "nobody asked to be remembered");
    assert_eq!(browser.script("return document.cookie").await, "", "HttpOnly");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_of_production_is_bound_to_its_host_and_secure() {
    let server = Server::production().await;
    let browser = Browser::new(&server).await;
    browser.sign_in("ada").await;
    let cookie = browser.cookie().await.expect("signed in");
    assert_eq!((cookie.name(), cookie.path()), ("__Host-session", Some("/")));
    assert_eq!((cookie.http_only(), cookie.secure()), (Some(true), Some(true)));
    assert_eq!(cookie.same_site(), Some(SameSite::Lax));
    assert_eq!(cookie.domain(), Some("localhost"), "without a dot: of this host alone");
    browser.visit("/account").await;
    browser.shows("Hello, Ada").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remember_me_keeps_the_cookie_for_30_days() {
    let server = Server::start().await;
    let browser = Browser::new(&server).await;
    browser.visit("/sign-in").await;
    browser.fill("name", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.click("[name=remember]").await;
    browser.click("main form .primary").await;
    browser.is_on("/").await;
    let kept = kept_for(&browser.cookie().await.expect("signed in")).expect("an end");
    let days = 24.0 * 3600.0;
    assert!((kept.as_secs_f64() / days - 30.0).abs() < 0.01, "{kept:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_and_logout_rotate_the_token() {
    let server = Server::start().await;
    let (browser, thief) = (Browser::new(&server).await, Browser::new(&server).await);
    browser.visit("/").await;
    browser.click(".card button").await;
    browser.is_on("/cart").await;
    let visitors = browser.cookie().await.expect("the cart is stored");

    browser.sign_in("ada").await;
    let adas = browser.cookie().await.expect("signed in");
    assert_ne!(visitors.value(), adas.value());
    browser.visit("/cart").await;
    browser.shows("Assam Hathikuli").await;

    browser.visit("/account").await;
    browser.click("[action='/sign-out'] button").await;
    browser.shows("You are signed out").await;
    assert_ne!(browser.token().await.as_deref(), Some(adas.value()));
    assert_eq!(browser.cookies().await.len(), 1, "it is replaced, not set beside");

    for stolen in [visitors, adas] {
        thief.visit("/").await;
        thief.script(&format!("document.cookie = 'session={}'", stolen.value())).await;
        thief.visit("/account").await;
        assert_eq!(thief.path().await, "/sign-in?next=/account");
        thief.forget_cookies().await;
    }
    browser.close().await;
    thief.close().await;
}
