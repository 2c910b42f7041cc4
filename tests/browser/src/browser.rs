//! A browser with a profile of its own.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cookie::Cookie;
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use typed_sessions_test_servers::chromium::Chromedriver;

use crate::server::{PASSWORD, Server};

/// How a browser is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A phone's screen: 360 points wide.
    pub is_narrow: bool,
    /// Scripts of pages are not run.
    pub has_no_scripts: bool,
    /// The system prefers dark colours.
    pub is_dark: bool,
    /// What it says it is; by default, what it is.
    pub user_agent: Option<&'static str>,
}

/// A browser. It ends with this, or with the test process.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    home: String,
}

impl Browser {
    /// One that has never been anywhere; it will visit this shop.
    pub async fn new(server: &Server) -> Self {
        Self::with(server, Options::default()).await
    }

    /// The same, made as told.
    pub async fn with(server: &Server, options: Options) -> Self {
        static DRIVER: OnceLock<Chromedriver> = OnceLock::new();
        Self::driven_by(DRIVER.get_or_init(Chromedriver::start), server, options).await
    }

    /// The same, by a chromedriver of one's own.
    ///
    /// # Panics
    /// When Chromium does not start.
    pub async fn driven_by(driver: &Chromedriver, server: &Server, options: Options) -> Self {
        let agent = options.user_agent.map(|agent| format!("--user-agent={agent}"));
        let mut args = vec![
            "--headless=new",
            // The tests may run as root, in a container with little shared memory.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--window-size=1280,900",
        ];
        if options.is_dark {
            args.push("--force-dark-mode");
        }
        args.extend(agent.as_deref());
        let mut chrome = json!({ "args": args });
        if options.is_narrow {
            let metrics = json!({ "width": 360, "height": 740, "pixelRatio": 1, "touch": true });
            chrome["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        if options.has_no_scripts {
            chrome["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), chrome);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url())
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}\n{}", driver.log()));
        Self { client, home: server.url("") }
    }

    /// Ends it now.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn close(self) {
        self.client.close().await.expect("it ends");
    }

    /// Opens a page by its address.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn visit(&self, path: &str) {
        self.open(&format!("{}{path}", self.home)).await;
    }

    /// Opens a page of anywhere.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("a page");
    }

    /// The address of the page, without that of the shop.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("a page");
        url.as_str().strip_prefix(&self.home).unwrap_or(url.as_str()).to_owned()
    }

    /// Waits until the page is another one.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn is_on(&self, path: &str) {
        self.until(&format!("it is on {path}"), async || self.path().await == path).await;
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When it does not come about.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begin = Instant::now();
        while !is_so().await {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "not within 20 s: {what}; on {} there is:\n{}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All that can be read on the page.
    pub async fn text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            // It is just being replaced.
            Err(_) => String::new(),
        }
    }

    /// Waits until this can be read on the page.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn shows(&self, text: &str) {
        self.until(&format!("it shows {text:?}"), async || self.text().await.contains(text)).await;
    }

    /// Clicks on what this CSS selector finds first, and waits until the page that this leads to is
    /// there.
    ///
    /// # Panics
    /// When there is no such thing.
    pub async fn click(&self, selector: &str) {
        let found = self.client.find(Locator::Css(selector)).await;
        found.expect("it is there").click().await.expect("it can be clicked");
    }

    /// Fills in a field of a form.
    ///
    /// # Panics
    /// When there is none of this name.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.client.find(Locator::Css(&format!("main [name={name}]"))).await;
        let field = field.expect("a field");
        field.clear().await.expect("cleared");
        field.send_keys(text).await.expect("typed");
    }

    /// Signs somebody in.
    pub async fn sign_in(&self, name: &str) {
        self.visit("/sign-in").await;
        self.fill("name", name).await;
        self.fill("password", PASSWORD).await;
        self.click("main form .primary").await;
        self.is_on("/").await;
    }

    /// Presses keys where the focus is.
    ///
    /// # Panics
    /// When nothing has it.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("pressed");
    }

    /// Goes on with the tabulator until what has the focus is called this.
    ///
    /// # Panics
    /// When the tabulator does not lead there.
    pub async fn tab_to(&self, name: &str) {
        for _ in 0..40 {
            self.press(&char::from(Key::Tab).to_string()).await;
            let focused = self
                .script(
                    "const it = document.activeElement;
                     return it.labels?.[0]?.textContent ?? it.textContent;",
                )
                .await;
            if focused.as_str().is_some_and(|text| text.trim() == name) {
                return;
            }
        }
        panic!("the tabulator does not lead to {name:?}");
    }

    /// Runs a function's body in the page, and waits for its promise.
    ///
    /// # Panics
    /// When it throws.
    pub async fn script(&self, body: &str) -> Value {
        let call = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {body} }})()
               .then((it) => done({{ it }}), (error) => done({{ error: String(error) }}));"
        );
        let mut outcome = self.client.execute_async(&call, Vec::new()).await.expect("it runs");
        assert!(outcome["error"].is_null(), "{body}: {}", outcome["error"]);
        outcome["it"].take()
    }

    /// The session's cookie.
    ///
    /// # Panics
    /// When there is another one beside it.
    pub async fn cookie(&self) -> Option<Cookie<'static>> {
        let mut cookies = self.cookies().await;
        assert!(cookies.len() <= 1, "more than one cookie: {cookies:?}");
        cookies.pop()
    }

    /// The session's token.
    pub async fn token(&self) -> Option<String> {
        Some(self.cookie().await?.value().to_owned())
    }

    /// All cookies for the page.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn cookies(&self) -> Vec<Cookie<'static>> {
        self.client.get_all_cookies().await.expect("cookies")
    }

    /// Loses all cookies.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn forget_cookies(&self) {
        self.client.delete_all_cookies().await.expect("forgotten");
    }

    /// Presses the button that leads back.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn back(&self) {
        self.client.back().await.expect("a page");
    }

    /// The page's markup.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn source(&self) -> String {
        self.client.source().await.expect("a page")
    }

    /// The tab that is looked at.
    ///
    /// # Panics
    /// When it is closed.
    pub async fn tab(&self) -> WindowHandle {
        self.client.window().await.expect("a tab")
    }

    /// Opens another tab; the one that is looked at stays.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn new_tab(&self) -> WindowHandle {
        self.client.new_window(true).await.expect("a tab").handle
    }

    /// Looks at a tab from now on.
    ///
    /// # Panics
    /// When it is closed.
    pub async fn look_at(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.expect("a tab");
    }

    /// A picture of what is on the screen, as PNG.
    ///
    /// # Panics
    /// When there is no page.
    pub async fn picture(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture")
    }
}
