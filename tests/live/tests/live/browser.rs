//! A browser with a cookie, and its pages' WebSockets.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::chat::Chat;

/// No test waits longer for what is promised within a second: the machine may be busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) set_cookie: Option<String>,
    pub(crate) text: String,
}

/// A browser; its cookie is for all servers, as behind a balancer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    /// `name=value`.
    pub(crate) cookie: String,
}

impl Browser {
    /// One that has signed in, by the form.
    pub(crate) async fn signed_in(chat: &Chat, name: &str) -> Self {
        let mut browser = Self::default();
        browser.sign_in(chat, name).await;
        browser
    }

    pub(crate) async fn sign_in(&mut self, chat: &Chat, name: &str) {
        let answer = self.post(chat, "/sign-in", &[("name", name)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }

    /// Sends a form, as a page of this site.
    pub(crate) async fn post(&mut self, chat: &Chat, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_from(chat.origin(), chat, path, form).await
    }

    /// The same as a page of some site.
    pub(crate) async fn post_from(
        &mut self,
        origin: &str,
        chat: &Chat,
        path: &str,
        form: &[(&str, &str)],
    ) -> Answer {
        let (url, origin) = (format!("{}{path}", chat.origin()), origin.to_owned());
        let cookie = self.cookie.clone();
        let form: Vec<_> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let answer = asked(move |agent| {
            let request = agent.post(url).header("origin", origin).header("cookie", cookie);
            request.send_form(form)
        });
        let answer = answer.await;
        if let Some(cookie) = &answer.set_cookie {
            cookie.split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
        }
        answer
    }

    pub(crate) async fn get(&self, chat: &Chat, path: &str) -> Answer {
        let (url, cookie) = (format!("{}{path}", chat.origin()), self.cookie.clone());
        asked(move |agent| agent.get(url).header("cookie", cookie).call()).await
    }

    /// Where the user is connected.
    pub(crate) async fn connections(&self, chat: &Chat) -> Vec<Value> {
        let answer = self.get(chat, "/connections").await;
        assert_eq!(answer.status, 200, "{}\n{}", answer.text, chat.log());
        let listed: Value = serde_json::from_str(&answer.text).expect("JSON");
        listed["connections"].as_array().expect("a list").clone()
    }

    /// The names of the servers where the user is connected.
    pub(crate) async fn servers(&self, chat: &Chat) -> Vec<String> {
        let connections = self.connections(chat).await;
        let mut servers: Vec<_> = connections
            .iter()
            .map(|listed| listed["server"].as_str().expect("a name").to_owned())
            .collect();
        servers.sort();
        servers
    }

    /// Waits until the user is connected to these servers, as listed by `chat`; how long it took.
    pub(crate) async fn wait_for_servers(&self, chat: &Chat, expected: &[&str]) -> Duration {
        let begin = Instant::now();
        loop {
            let servers = self.servers(chat).await;
            if servers == expected {
                return begin.elapsed();
            }
            assert!(begin.elapsed() < LIMIT, "still {servers:?} instead of {expected:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn upgrade(&self, chat: &Chat, origin: Option<&str>) -> Request {
        let url = format!("{}/socket", chat.origin().replace("http:", "ws:"));
        let mut request = url.into_client_request().expect("a URL");
        let headers = request.headers_mut();
        headers.insert("cookie", self.cookie.parse().expect("visible"));
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().expect("visible"));
        }
        request
    }

    /// Opens a WebSocket as a page of the site does.
    pub(crate) async fn socket(&self, chat: &Chat) -> Socket {
        let request = self.upgrade(chat, Some(chat.origin()));
        let connecting = timeout(LIMIT, connect_async(request)).await.expect("in time");
        match connecting {
            Ok((stream, _)) => Socket(stream),
            Err(error) => panic!("no WebSocket: {error}\n{}", chat.log()),
        }
    }

    /// The status with which it is refused a WebSocket when a page of this origin asks.
    pub(crate) async fn refused(&self, chat: &Chat, origin: Option<&str>) -> u16 {
        match connect_async(self.upgrade(chat, origin)).await {
            Err(Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("{other:?} instead of a refusal"),
        }
    }
}

async fn asked<F>(ask: F) -> Answer
where
    F: FnOnce(&ureq::Agent) -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    F: Send + 'static,
{
    let asking = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent = config.timeout_global(Some(LIMIT)).build().new_agent();
        let mut answer = ask(&agent).expect("the chat answers");
        let header = answer.headers().get("set-cookie");
        let set_cookie = header.map(|value| value.to_str().expect("visible").to_owned());
        let status = answer.status().as_u16();
        Answer { status, set_cookie, text: answer.body_mut().read_to_string().expect("text") }
    });
    asking.await.expect("no panic")
}

/// The WebSocket of a page.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Says something, to everybody when `to` is empty.
    pub(crate) async fn say(&mut self, to: &str, text: &str) {
        let said = json!({ "to": to, "text": text }).to_string();
        self.0.send(Message::text(said)).await.expect("the connection is open");
    }

    /// Waits for this text; others may come before it. From whom it was.
    pub(crate) async fn hears(&mut self, text: &str) -> String {
        loop {
            match self.next().await {
                Message::Text(news) => {
                    let news: Value = serde_json::from_str(&news).expect("JSON");
                    assert_ne!(news["kind"], "failed", "{news}");
                    if news["text"] == text {
                        return news["from"].as_str().expect("a name").to_owned();
                    }
                }
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Waits until the server closes it: the code and the reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.next().await {
                let frame = frame.expect("the server says why");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }

    async fn next(&mut self) -> Message {
        let next = timeout(LIMIT, self.0.next()).await;
        match next.unwrap_or_else(|_| panic!("nothing comes within {LIMIT:?}")) {
            Some(Ok(message)) => message,
            other => panic!("the connection broke: {other:?}"),
        }
    }
}
