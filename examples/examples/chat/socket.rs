//! The live connection of one page.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use tokio::time::{interval, timeout};
use typed_sessions::{Connection, ErrorKind, Push, Result, seconds};

use crate::web::{Failure, with_cookie};
use crate::{App, Visit};

/// What browsers say, in bytes at most.
const LONGEST: usize = 16 << 10;

/// A client that does not answer a ping until the next one is gone. Proxies close what is silent
/// for a minute, as a rule: this keeps them from it.
const PING_EVERY: Duration = seconds(20);

/// A client that does not read for so long is gone.
const WRITE_LIMIT: Duration = seconds(5);

/// What a page sends.
#[derive(Deserialize)]
struct Said {
    /// To one user; to everybody when empty.
    to: String,
    text: String,
}

/// What a page gets.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum News<'a> {
    Message {
        from: &'a str,
        to: &'a str,
        text: &'a str,
    },
    /// The user's connections are not what they were.
    Connections,
    /// What the page sent could not be passed on.
    Failed {
        text: &'a str,
    },
}

impl News<'_> {
    fn json(&self) -> String {
        serde_json::to_string(self).expect("strings are JSON")
    }
}

/// `GET /socket`, which becomes a WebSocket.
pub(crate) async fn upgrade(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Failure> {
    if !app.site.is_ours(&headers) {
        return Err(Failure::OtherSite);
    }
    let session = app.open(&headers).await?.ok_or(Failure::SignedOut)?;
    let name = session.user_id().ok_or(Failure::SignedOut)?;
    let connection = app.hub.connect(&session).await?;
    // The secret may be due for renewal, like with any other request.
    let cookie = app.site.fresh(&session);
    let sockets = app.sockets.clone();
    let response = upgrade
        .max_message_size(LONGEST)
        // 128 KiB by default, for each client all the time.
        .read_buffer_size(4 << 10)
        .on_upgrade(move |socket| sockets.track_future(serve(app, name, connection, socket)));
    Ok(with_cookie(cookie, response).into_response())
}

/// Passes on what comes from both sides, until one of them ends it.
async fn serve(app: App, name: String, mut connection: Connection<Visit>, mut socket: WebSocket) {
    app.tell_of_connections(&name).await;
    let mut ping = interval(PING_EVERY);
    let mut is_alive = true;
    let goodbye = loop {
        tokio::select! {
            push = connection.next() => match push {
                Some(Push::Message(bytes)) => {
                    let Ok(text) = Utf8Bytes::try_from(bytes) else { continue };
                    if write(&mut socket, Message::Text(text)).await.is_err() {
                        break None;
                    }
                }
                Some(Push::Closed(reason)) => break Some(CloseFrame {
                    code: reason.close_code(),
                    reason: reason.to_string().into(),
                }),
                None => break None,
            },
            frame = socket.recv() => {
                is_alive = true;
                match frame {
                    Some(Ok(Message::Text(text))) => {
                        let failure = pass_on(&app, &name, &connection, &text).await.err();
                        let answer = failure.map(|text| News::Failed { text }.json());
                        if let Some(answer) = answer
                            && write(&mut socket, answer.into()).await.is_err()
                        {
                            break None;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break None,
                    // axum answers pings by itself.
                    Some(Ok(_)) => {}
                }
            },
            _ = ping.tick() => {
                let Ok(()) = write(&mut socket, Message::Ping(b"".as_slice().into())).await else {
                    break None;
                };
                if !std::mem::take(&mut is_alive) {
                    break None;
                }
            }
        }
    };
    if let Some(frame) = goodbye {
        close(socket, frame).await;
    } else {
        drop(socket);
    }
    // Where the bus is down, it hears of this later.
    let _ = connection.close().await;
    app.tell_of_connections(&name).await;
}

/// Sends on what a page said; otherwise tells why not.
async fn pass_on(
    app: &App,
    name: &String,
    connection: &Connection<Visit>,
    text: &str,
) -> Result<(), &'static str> {
    let said: Said = serde_json::from_str(text).map_err(|_| "That was no message.")?;
    // Whoever writes is active: their session's idle timeout begins anew.
    match connection.session().await {
        Ok(Some(_)) => {}
        // The connection is about to be closed, and its page told why.
        Ok(None) => return Ok(()),
        Err(_) => return Err("The server cannot look up your session now. Try again."),
    }
    let news = News::Message { from: name, to: &said.to, text: &said.text }.json();
    let sent = if said.to.is_empty() {
        app.sessions.broadcast(news).await.map(|()| true)
    } else {
        app.send_to_one(name, &said.to, news).await
    };
    match sent {
        Ok(true) => Ok(()),
        Ok(false) => Err("Nobody of that name is here."),
        Err(error) if error.kind() == ErrorKind::TooLarge => Err("That is too long."),
        Err(_) => Err("The message could not be sent. Try again."),
    }
}

impl App {
    /// To one user on all their pages, and to the writer's own; whether that user has any.
    async fn send_to_one(&self, from: &String, to: &String, news: String) -> Result<bool> {
        let receiver = self.sessions.user(to);
        if receiver.connections().await?.is_empty() {
            return Ok(false);
        }
        receiver.send(news.clone()).await?;
        if from != to {
            self.sessions.user(from).send(news).await?;
        }
        Ok(true)
    }

    /// The pages of this user show where the user is connected. They also ask by themselves from
    /// time to time, so it does not matter much if this fails.
    async fn tell_of_connections(&self, name: &String) {
        let _ = self.sessions.user(name).send(News::Connections.json()).await;
    }
}

async fn write(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match timeout(WRITE_LIMIT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

/// Says goodbye, and waits a moment for the answer: what a client has sent and nobody has read
/// would otherwise break the connection before it has heard why.
async fn close(mut socket: WebSocket, frame: CloseFrame) {
    if write(&mut socket, Message::Close(Some(frame))).await.is_ok() {
        let answer = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = timeout(seconds(1), answer).await;
    }
}
