//! A chat over WebSockets that follow their sessions, with axum alone:
//!
//! ```sh
//! cargo run --example chat --features chat
//! ```
//!
//! It prints its address: open it in two browsers. `site.rs` is what keeps other sites out (cookie
//! and Origin), `socket.rs` the live connection, `web.rs` the rest of the pages.
//!
//! Several servers share their users through a store, each with a port of its own:
//!
//! ```sh
//! cargo run --example chat --features chat,redis -- --store redis://127.0.0.1
//! cargo run --example chat --features chat,redis -- --store redis://127.0.0.1 \
//!     --listen 127.0.0.1:3001
//! cargo run --example chat --features chat,postgres -- --store postgres://chat:secret@db/chat
//! ```

mod site;
mod socket;
mod web;

use std::error::Error;
use std::future::IntoFuture as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use typed_sessions::{Hub, Reason, SessionData, SessionUser, Sessions, seconds};

use crate::site::Site;

/// Who chats: the name is all there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    name: String,
}

impl SessionUser for Member {
    type Id = String;

    fn id(&self) -> String {
        self.name.clone()
    }
}

/// The session.
#[derive(Debug, SessionData)]
struct Visit {
    #[session(user)]
    member: Option<Member>,
}

/// What handlers share.
#[derive(Clone)]
struct App {
    sessions: Sessions<Visit>,
    hub: Hub<Visit>,
    site: Site,
    /// The tasks that serve WebSockets: axum does not wait for them when it stops.
    sockets: TaskTracker,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let options = Options::read(std::env::args().skip(1))?;

    // The same code for every store. (Rows of ended sessions stay in PostgreSQL until they are
    // swept: see the guide.)
    let backend = typed_sessions::connect(&options.store).await?;
    let sessions = Sessions::<Visit>::builder(backend.clone()).bus(backend).build()?;

    let listener = TcpListener::bind(&options.listen).await?;
    let address = listener.local_addr()?;
    let hub = sessions
        .hub(options.name.unwrap_or_else(|| address.to_string()))
        .lease(options.lease)
        .verify_every(options.verify_every)
        .await?;
    let app = App { sessions, hub: hub.clone(), site: options.site, sockets: TaskTracker::new() };
    let sockets = app.sockets.clone();
    let stop = TaskTracker::new();
    let stopping = stop.clone();
    let server = axum::serve(listener, web::routes(app))
        .with_graceful_shutdown(async move { stopping.wait().await });
    let server = tokio::spawn(server.into_future());
    println!("http://{address}");

    asked_to_stop().await;
    // No new clients; those that are here hear why and come back to another server.
    stop.close();
    if let Err(error) = hub.close_all(Reason::ShuttingDown).await {
        eprintln!("other servers list these connections until the lease has run out: {error}");
    }
    sockets.close();
    let _ = timeout(seconds(10), async { (server.await, sockets.wait().await) }).await;
    Ok(())
}

/// Ctrl-C, or what service managers send.
async fn asked_to_stop() {
    #[cfg(unix)]
    if let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// What the command line says.
struct Options {
    store: String,
    listen: String,
    name: Option<String>,
    site: Site,
    lease: Duration,
    verify_every: Duration,
}

const USAGE: &str = "\
options, each with a value:
  --store URL           memory: (the default), redis://..., redis+cluster://..., postgres://...
  --listen ADDRESS      127.0.0.1:3000 by default; port 0 is any that is free
  --name NAME           of this server in listings; its address by default
  --origin URL          where browsers find it, https://chat.example.org; without, http on localhost
  --lease SECONDS       until a crashed server is in no listing any more; 15 by default
  --verify-every SECONDS  how late a revocation may be whose message was lost; 30 by default";

impl Options {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            store: "memory:".into(),
            listen: "127.0.0.1:3000".into(),
            name: None,
            site: Site::Localhost,
            lease: seconds(15),
            verify_every: seconds(30),
        };
        while let Some(flag) = args.next() {
            let value = args.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--store" => options.store = value,
                "--listen" => options.listen = value,
                "--name" => options.name = Some(value),
                "--origin" => options.site = Site::at(value)?,
                "--lease" => options.lease = seconds(value.parse()?),
                "--verify-every" => options.verify_every = seconds(value.parse()?),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}
