//! Using the shop: by keyboard alone, without scripts, on a phone, and with what axe-core knows.

use fantoccini::key::Key;
use typed_sessions::minutes;
use typed_sessions_browser_tests::{Browser, Options, PASSWORD, Server, violations};

fn enter() -> String {
    char::from(Key::Enter).to_string()
}

/// The six digits that the page tells.
async fn code(browser: &Browser) -> String {
    browser.shows("Your code is ").await;
    let text = browser.text().await;
    let (_, code) = text.split_once("Your code is ").expect("it was there");
    code[..6].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_alone_signs_in_and_checks_out() {
    let server = Server::start().await;
    let browser = Browser::new(&server).await;
    browser.visit("/").await;
    browser.tab_to("Skip to content").await;
    browser.tab_to("Sign in").await;
    browser.press(&enter()).await;
    browser.is_on("/sign-in").await;
    browser.tab_to("Name").await;
    browser.press("ada").await;
    browser.tab_to("Password").await;
    browser.press(PASSWORD).await;
    browser.tab_to("Remember me for 30 days").await;
    browser.press(" ").await;
    browser.tab_to("Sign in").await;
    browser.press(&enter()).await;
    browser.is_on("/").await;
    browser.shows("Welcome, Ada").await;

    browser.tab_to("Skip to content").await;
    browser.press(&enter()).await;
    browser.tab_to("Add to cart: Assam Hathikuli").await;
    browser.press(&enter()).await;
    browser.is_on("/cart").await;
    browser.tab_to("Quantity of Assam Hathikuli").await;
    browser.press(&char::from(Key::Up).to_string()).await;
    browser.press(&enter()).await;
    browser.shows("€17.80").await;
    browser.tab_to("Check out").await;
    browser.press(&enter()).await;
    browser.is_on("/checkout").await;
    browser.tab_to("Send me a code").await;
    browser.press(&enter()).await;
    let code = code(&browser).await;
    browser.tab_to("Your code").await;
    browser.press(&code).await;
    browser.press(&enter()).await;
    browser.is_on("/account").await;
    browser.shows("2 × 100 g, €17.80").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn works_without_scripts_and_a_code_orders_once() {
    let server = Server::start().await;
    let options = Options { has_no_scripts: true, ..Options::default() };
    let browser = Browser::with(&server, options).await;
    browser.visit("/").await;
    browser.click(".card button").await;
    browser.is_on("/cart").await;
    browser.click("main .primary").await;
    browser.is_on("/sign-in?next=/checkout").await;
    browser.fill("name", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.click("main form .primary").await;
    browser.is_on("/checkout").await;

    browser.click("main form .primary").await;
    let first = code(&browser).await;
    let wrong = if first == "000000" { "000001" } else { "000000" };
    browser.fill("code", wrong).await;
    browser.click("main form .primary").await;
    browser.shows("That was not the code").await;
    browser.click("main form .primary").await;
    let _ = code(&browser).await;
    server.clock.advance(minutes(5));
    browser.visit("/checkout").await;
    assert!(browser.text().await.contains("Send me a code"), "a code holds for five minutes");
    browser.click("main form .primary").await;
    let last = code(&browser).await;
    browser.fill("code", &last).await;
    browser.click("main form .primary").await;
    browser.is_on("/account").await;
    browser.shows("1 × 100 g, €8.90").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn theme_outlives_signing_out_and_follows_the_system() {
    let server = Server::start().await;
    let system_is_dark = Options { is_dark: true, ..Options::default() };
    let browser = Browser::with(&server, system_is_dark).await;
    let background = "return getComputedStyle(document.body).backgroundColor";
    browser.visit("/").await;
    let dark = browser.script(background).await;
    browser.click(".look [value=light]").await;
    browser.until("it is light", async || browser.script(background).await != dark).await;
    browser.sign_in("ada").await;
    browser.visit("/account").await;
    browser.click("[action='/sign-out'] button").await;
    browser.shows("You are signed out").await;
    assert_ne!(browser.script(background).await, dark);
    browser.close().await;
}

/// Goes through all pages and looks at each.
async fn each_page(server: &Server, browser: &Browser, look: impl AsyncFn(&str)) {
    for path in ["/", "/cart", "/nowhere", "/sign-in?ended"] {
        browser.visit(path).await;
        look(path).await;
    }
    for (password, outcome) in [("wrong", "is wrong"), (PASSWORD, "Welcome")] {
        browser.fill("name", "ada").await;
        browser.fill("password", password).await;
        browser.click("main form .primary").await;
        browser.shows(outcome).await;
        look(outcome).await;
    }
    browser.click(".card button").await;
    browser.is_on("/cart").await;
    look("filled cart").await;
    browser.visit("/checkout").await;
    look("checkout").await;
    browser.click("main form .primary").await;
    let code = code(browser).await;
    look("code").await;
    browser.fill("code", &code).await;
    browser.click("main form .primary").await;
    browser.is_on("/account").await;
    look("account with an order").await;
    let another = Browser::new(server).await;
    another.sign_in("ada").await;
    another.close().await;
    browser.visit("/devices").await;
    look("devices").await;
    browser.visit("/account/delete").await;
    look("delete").await;
    server.clock.advance(minutes(3));
    browser.visit("/account/delete").await;
    browser.is_on("/confirm?next=/account/delete").await;
    look("confirm").await;
    // Another form than the session's own.
    browser.visit("/devices").await;
    browser
        .script("document.querySelectorAll('[name=csrf]').forEach((it) => it.value = 'x')")
        .await;
    browser.click("main .danger").await;
    browser.shows("That did not work").await;
    look("sorry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_narrow_screen_nothing_is_wider_and_nothing_moves() {
    let server = Server::start().await;
    let narrow = Options { is_narrow: true, ..Options::default() };
    let browser = Browser::with(&server, narrow).await;
    let width = "return [innerWidth, document.documentElement.scrollWidth]";
    // How much of the page has moved while it was loaded. The observer is told of it before the
    // second frame.
    let shifts = "let moved = 0;
        const add = (list) => list.getEntries().forEach((it) => moved += it.value);
        new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
        const frame = () => new Promise(requestAnimationFrame);
        await frame(); await frame();
        return moved";
    each_page(&server, &browser, async |page| {
        assert_eq!(browser.script(width).await, serde_json::json!([360, 360]), "{page}");
        assert_eq!(browser.script(shifts).await, 0, "{page}");
    })
    .await;
    browser.close().await;
}

async fn axe_finds_nothing(options: Options) {
    let server = Server::start().await;
    let browser = Browser::with(&server, options).await;
    each_page(&server, &browser, async |page| {
        let found = violations(&browser).await;
        assert!(found.is_empty(), "{page}: {found:#?}");
    })
    .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_light_and_wide() {
    axe_finds_nothing(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_dark_and_narrow() {
    axe_finds_nothing(Options { is_dark: true, is_narrow: true, ..Options::default() }).await;
}
