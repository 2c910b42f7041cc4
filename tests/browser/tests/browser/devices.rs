//! Two profiles are two devices, and one can end the other.

use typed_sessions_browser_tests::{Browser, Options, Server};

async fn two_devices(server: &Server, other: Options) -> (Browser, Browser) {
    let (here, there) = (Browser::new(server).await, Browser::with(server, other).await);
    here.sign_in("ada").await;
    there.sign_in("ada").await;
    (here, there)
}

async fn rows(browser: &Browser) -> u64 {
    let rows = browser.script("return document.querySelectorAll('#devices li').length").await;
    rows.as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_page_follows_sign_ins_elsewhere() {
    let server = Server::start().await;
    let (here, there) = (Browser::new(&server).await, Browser::new(&server).await);
    here.sign_in("ada").await;
    here.visit("/devices").await;
    here.shows("Chrome on Linux").await;
    here.script("window.isTheSamePage = true").await;
    assert_eq!(rows(&here).await, 1);

    there.sign_in("ada").await;
    here.until("the other one appears", async || rows(&here).await == 2).await;
    there.visit("/account").await;
    there.click("[action='/sign-out'] button").await;
    here.until("and goes", async || rows(&here).await == 1).await;
    assert_eq!(here.script("return window.isTheSamePage").await, true);

    there.sign_in("grace").await;
    there.visit("/devices").await;
    assert_eq!(rows(&there).await, 1, "of one's own alone");
    assert_eq!(rows(&here).await, 1);
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kicked_browser_leaves_at_once() {
    let server = Server::start().await;
    let (here, there) = two_devices(&server, Options::default()).await;
    there.visit("/cart").await;
    here.visit("/devices").await;
    here.click("#devices button").await;
    there.is_on("/sign-in?ended").await;
    there.shows("This device was signed out").await;
    here.shows("That device is signed out").await;
    here.visit("/account").await;
    here.shows("Hello, Ada").await;
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kicked_browser_without_scripts_leaves_with_the_next_click() {
    let server = Server::start().await;
    let no_scripts = Options { has_no_scripts: true, ..Options::default() };
    let (here, there) = two_devices(&server, no_scripts).await;
    here.visit("/devices").await;
    here.click("#devices button").await;
    here.shows("That device is signed out").await;
    assert_eq!(there.path().await, "/");
    there.click("nav [href='/account']").await;
    there.is_on("/sign-in?next=/account").await;
    assert!(!there.text().await.contains("Ada"));
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_everywhere_ends_all() {
    let server = Server::start().await;
    let (here, there) = two_devices(&server, Options::default()).await;
    here.visit("/devices").await;
    here.click("[action='/devices/sign-out-everywhere'] button").await;
    here.shows("You are signed out on all devices").await;
    there.is_on("/sign-in?ended").await;
    for browser in [&here, &there] {
        browser.visit("/account").await;
        assert_eq!(browser.path().await, "/sign-in?next=/account");
    }
    assert_eq!(server.sessions.user(&1).count().await.expect("counted"), 0);
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_is_deleted_after_a_proof_and_everywhere() {
    let server = Server::start().await;
    let (here, there) = two_devices(&server, Options::default()).await;
    server.clock.advance(typed_sessions::minutes(3));
    here.visit("/account").await;
    let before = here.token().await;
    here.click("[href='/account/delete']").await;
    here.is_on("/confirm?next=/account/delete").await;
    here.fill("password", "wrong").await;
    here.click("main form .primary").await;
    here.shows("The password is wrong").await;
    here.fill("password", typed_sessions_browser_tests::PASSWORD).await;
    here.click("main form .primary").await;
    here.is_on("/account/delete").await;
    assert_ne!(here.token().await, before, "a proof rotates the token");
    here.click("main form .danger").await;
    here.shows("Your account is deleted").await;
    there.is_on("/sign-in?ended").await;
    assert_eq!(server.sessions.user(&1).count().await.expect("counted"), 0);
    here.close().await;
    there.close().await;
}
