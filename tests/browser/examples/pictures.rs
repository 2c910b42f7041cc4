//! Pictures of the shop's pages, to be looked at: wide, narrow and dark, into the folder that is
//! named. `readme.png` is the README's.
//!
//! `cargo run -p typed-sessions-browser-tests --example pictures -- target/pictures`

use std::path::{Path, PathBuf};

use typed_sessions::minutes;
use typed_sessions_browser_tests::{Browser, Options, Server};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
     (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
     (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder as the only argument"));
    std::fs::create_dir_all(&folder).expect("the folder");
    let wide = Options { user_agent: Some(FIREFOX), ..Options::default() };
    let narrow = Options { is_narrow: true, user_agent: Some(IPHONE), ..wide };
    for (name, options, theme) in
        [("wide", wide, "light"), ("narrow", narrow, "light"), ("dark", wide, "dark")]
    {
        each_page(&folder, name, options, theme).await;
    }
    for_readme(&folder, wide, narrow).await;
}

async fn each_page(folder: &Path, name: &str, options: Options, theme: &str) {
    let server = Server::start().await;
    let browser = Browser::with(&server, options).await;
    let take = async |page: &str| {
        std::fs::write(folder.join(format!("{name}-{page}.png")), browser.picture().await)
            .expect("written");
    };
    browser.visit("/").await;
    browser.click(&format!(".look [value={theme}]")).await;
    take("home").await;
    browser.visit("/cart").await;
    take("cart-empty").await;
    browser.visit("/sign-in").await;
    browser.fill("name", "ada").await;
    browser.fill("password", "wrong").await;
    browser.click("main form .primary").await;
    browser.shows("is wrong").await;
    take("sign-in").await;
    sign_in_elsewhere(&server).await;
    browser.sign_in("ada").await;
    fill_cart(&browser).await;
    take("cart").await;
    browser.visit("/devices").await;
    take("devices").await;
    browser.visit("/checkout").await;
    browser.click("main form .primary").await;
    browser.shows("Your code is").await;
    take("checkout").await;
    browser.visit("/account").await;
    take("account").await;
    browser.visit("/account/delete").await;
    take("delete").await;
    server.clock.advance(minutes(3));
    browser.visit("/account/delete").await;
    take("confirm").await;
    browser.close().await;
}

/// On two other devices, some time ago.
async fn sign_in_elsewhere(server: &Server) {
    for agent in [EDGE, IPHONE] {
        let options = Options { user_agent: Some(agent), ..Options::default() };
        let other = Browser::with(server, options).await;
        other.sign_in("ada").await;
        other.close().await;
        server.clock.advance(minutes(12));
    }
}

async fn fill_cart(browser: &Browser) {
    for tea in ["assam", "sencha", "darjeeling"] {
        browser.visit("/").await;
        browser.click(&format!(".card:has([value={tea}]) button")).await;
        browser.is_on("/cart").await;
    }
}

/// Devices on a computer, with teas on a phone before it.
async fn for_readme(folder: &Path, wide: Options, narrow: Options) {
    let server = Server::start().await;
    sign_in_elsewhere(&server).await;
    let browser = Browser::with(&server, wide).await;
    browser.sign_in("ada").await;
    fill_cart(&browser).await;
    browser.visit("/devices").await;
    browser.shows("this device").await;
    let devices = browser.picture().await;
    let phone = Browser::with(&server, narrow).await;
    phone.visit("/").await;
    let teas = phone.picture().await;
    phone.close().await;

    for (name, picture) in [("devices.png", devices), ("teas.png", teas)] {
        std::fs::write(folder.join(name), picture).expect("written");
    }
    let page = folder.join("readme.html");
    std::fs::write(&page, README).expect("written");
    browser.open(&format!("file://{}", page.canonicalize().expect("it is there").display())).await;
    std::fs::write(folder.join("readme.png"), browser.picture().await).expect("written");
    browser.close().await;
}

const README: &str = r#"<!DOCTYPE html>
<style>
  body { margin: 0; height: 100vh; background: #dfe6dc; position: relative; overflow: hidden; }
  img { position: absolute; border-radius: 14px; box-shadow: 0 12px 40px #24302a40; }
  [src="devices.png"] { left: 48px; top: 56px; width: 940px; }
  [src="teas.png"] { right: 48px; top: 130px; width: 272px; border-radius: 22px; }
</style>
<img src="devices.png"><img src="teas.png">"#;
