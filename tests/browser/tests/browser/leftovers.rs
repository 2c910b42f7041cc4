//! What tests start is gone with them.

use std::process::Command;

use typed_sessions_browser_tests::{Browser, Options, Server};
use typed_sessions_test_servers::chromium::Chromedriver;
use typed_sessions_test_servers::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_browser_that_nobody_closed() {
    let server = Server::start().await;
    let driver = Chromedriver::start();
    let dir = driver.dir().to_owned();
    let browser = Browser::driven_by(&driver, &server, Options::default()).await;
    browser.visit("/").await;
    let is_running = || {
        let found = Command::new("pgrep").arg("-f").arg(&dir).output().expect("pgrep runs");
        !found.stdout.is_empty()
    };
    assert!(is_running() && dir.is_dir());
    drop(driver);
    eventually("its processes end", || !is_running());
    assert!(!dir.exists(), "{}", dir.display());
}
