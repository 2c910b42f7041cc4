//! Requests that cross each other, sent by the browser itself.

use typed_sessions::minutes;
use typed_sessions_browser_tests::{Browser, Options, PASSWORD, Server};

/// Somebody with a stored session: there is something in the cart.
async fn visitor(server: &Server) -> Browser {
    let browser = Browser::new(server).await;
    browser.visit("/").await;
    browser.click(".card button").await;
    browser.is_on("/cart").await;
    browser
}

/// Sends a request and lets the page go on; `late` is its answer.
async fn send(browser: &Browser, path: &str) {
    browser.script(&format!("window.late = fetch('{path}')")).await;
}

/// The status of the answer to what was sent.
async fn status(browser: &Browser) -> u64 {
    let status = browser.script("return (await window.late).status").await;
    status.as_u64().expect("a number")
}

/// Signs in without leaving the page.
async fn fetch_login(browser: &Browser, how_often: usize) -> u64 {
    let login = format!(
        "const form = {{ name: 'ada', password: '{PASSWORD}' }};
         const login = () =>
             fetch('/sign-in', {{ method: 'POST', body: new URLSearchParams(form) }});
         const answers = await Promise.all(Array.from({{ length: {how_often} }}, login));
         return answers.filter((it) => it.ok).length;"
    );
    browser.script(&login).await.as_u64().expect("a number")
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.visit("/account").await;
    browser.text().await.contains("Hello, Ada")
}

#[tokio::test(flavor = "multi_thread")]
async fn late_answer_with_a_renewal_does_not_take_the_logins_cookie_away() {
    let server = Server::start().await;
    let browser = visitor(&server).await;
    server.clock.advance(minutes(11));
    send(&browser, "/test/opened").await;
    server.gate.arrival().await;
    assert_eq!(fetch_login(&browser, 1).await, 1);
    let login = browser.token().await;
    server.gate.let_go();
    assert_eq!(status(&browser).await, 200);
    assert_eq!(browser.token().await, login);
    assert!(is_signed_in(&browser).await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_answer_that_found_nothing_does_not_take_the_logins_cookie_away() {
    let server = Server::start().await;
    let browser = visitor(&server).await;
    send(&browser, "/test/unopened?save").await;
    server.gate.arrival().await;
    assert_eq!(fetch_login(&browser, 1).await, 1);
    let login = browser.token().await;
    server.gate.let_go();
    assert_eq!(status(&browser).await, 409, "what it wanted to save has no place");
    assert_eq!(browser.token().await, login);
    assert!(is_signed_in(&browser).await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn save_beside_a_logout_brings_nothing_back() {
    let server = Server::start().await;
    let browser = visitor(&server).await;
    // The page is a visitor's: it does not leave when somebody signs out.
    assert_eq!(fetch_login(&browser, 1).await, 1);
    let before = browser.token().await;
    send(&browser, "/test/opened?save").await;
    server.gate.arrival().await;
    browser.script("await fetch('/sign-out', { method: 'POST' })").await;
    let after = browser.token().await;
    assert_ne!(before, after);
    server.gate.let_go();
    assert_eq!(status(&browser).await, 409);
    assert_eq!(browser.token().await, after);
    assert!(!is_signed_in(&browser).await);
    browser.visit("/cart").await;
    browser.shows("There is nothing in it yet").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_fetches_across_a_renewal_end_with_one_working_cookie() {
    let server = Server::start().await;
    let browser = visitor(&server).await;
    browser.sign_in("ada").await;
    let before = browser.token().await;
    server.clock.advance(minutes(11));
    let fetches = "const all = Array.from({ length: 10 }, () => fetch('/cart'));
         return (await Promise.all(all)).map((it) => it.status);";
    let statuses = browser.script(fetches).await;
    assert_eq!(statuses, serde_json::json!(vec![200; 10]));
    let renewed = browser.token().await;
    assert_ne!(before, renewed);
    // The grace of the old one is over.
    server.clock.advance(minutes(3));
    assert!(is_signed_in(&browser).await);
    assert_eq!(browser.token().await, renewed);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_race_end_with_a_working_cookie() {
    let server = Server::start().await;
    let browser = visitor(&server).await;
    let succeeded = fetch_login(&browser, 4).await;
    assert!(succeeded >= 1, "{succeeded}");
    assert!(is_signed_in(&browser).await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_sign_in_at_once_are_both_signed_in() {
    let server = Server::start().await;
    let browser = visitor(&server).await;
    let (first, second) = (browser.tab().await, browser.new_tab().await);
    for tab in [&first, &second] {
        browser.look_at(tab).await;
        browser.visit("/sign-in").await;
        browser.fill("name", "ada").await;
        browser.fill("password", PASSWORD).await;
    }
    // Both passwords are checked at the same time, which takes longer than to change the tab.
    for tab in [&second, &first] {
        browser.look_at(tab).await;
        browser.script("setTimeout(() => document.querySelector('main form').submit())").await;
    }
    for tab in [&first, &second] {
        browser.look_at(tab).await;
        let is_answered = async || {
            let text = browser.text().await;
            text.contains("Good tea") || text.contains("That did not work")
        };
        browser.until("the form is answered", is_answered).await;
    }
    for tab in [&first, &second] {
        browser.look_at(tab).await;
        assert!(is_signed_in(&browser).await);
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_button_after_logout_shows_nothing() {
    let server = Server::start().await;
    // Pages with scripts load themselves again when a browser has kept them; the others show what
    // caches have.
    for has_no_scripts in [false, true] {
        let options = Options { has_no_scripts, ..Options::default() };
        let browser = Browser::with(&server, options).await;
        browser.sign_in("ada").await;
        assert!(is_signed_in(&browser).await);
        browser.click("[action='/sign-out'] button").await;
        browser.shows("You are signed out").await;
        browser.back().await;
        browser.is_on("/sign-in?next=/account").await;
        assert!(!browser.source().await.contains("Hello"));
        browser.close().await;
    }
}
