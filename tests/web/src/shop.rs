//! A shop's sessions, and the store below them, which counts its calls and fails on demand.

use std::sync::Arc;

use axum::Router;
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;
use typed_sessions::axum::SessionLayer;
use typed_sessions::{ManualClock, MemoryStore, SessionData, SessionUser, Sessions};
use typed_sessions_conformance::counting::Counting;
use typed_sessions_conformance::faulty::Faulty;

/// Who signs in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: u64,
    /// Their name.
    pub name: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// Somebody to sign in.
pub fn ada() -> Member {
    Member { id: 7, name: "Ada".into() }
}

/// What a session has.
#[derive(Debug, SessionData)]
pub struct Shop {
    /// Who is signed in.
    #[session(user)]
    pub member: Option<Member>,
    /// What they will buy.
    pub cart: Vec<String>,
    /// How often they came.
    pub visits: u32,
    /// Something that can be too large.
    pub note: String,
    /// Something that has no JSON form when it is not a number.
    pub score: f64,
}

/// Another struct on the same session.
#[derive(Debug, SessionData)]
pub struct Prefs {
    /// Light or dark.
    pub theme: String,
}

/// Sessions, and what can be done to what is below them.
#[derive(Clone, Debug)]
pub struct World {
    /// The sessions.
    pub sessions: Sessions<Shop>,
    /// Says what was called.
    pub calls: Counting,
    /// Makes it fail.
    pub faults: Faulty,
    /// The time.
    pub clock: ManualClock,
}

/// A shop that nobody has visited.
///
/// # Panics
/// When the configuration is refused.
pub fn shop() -> World {
    let faults = Faulty::new(MemoryStore::new());
    let calls = Counting::new(faults.clone());
    let clock = ManualClock::default();
    let sessions = Sessions::builder(calls.clone()).clock(clock.clone()).build();
    World { sessions: sessions.expect("no contradiction"), calls, faults, clock }
}

impl World {
    /// The default layer.
    pub fn layer(&self) -> SessionLayer {
        SessionLayer::new(self.sessions.clone())
    }

    /// These routes, with the default layer around them.
    pub fn app(&self, routes: Router) -> Router {
        routes.layer(self.layer())
    }
}

/// Where a handler waits in its middle, so that a test can do something meanwhile.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Barrier>);

impl Gate {
    /// For one handler and the test.
    pub fn new() -> Self {
        Self(Arc::new(Barrier::new(2)))
    }

    /// In the handler: it is here, and goes on when the test says so.
    pub async fn stop(&self) {
        self.0.wait().await;
        self.0.wait().await;
    }

    /// In the test: the handler has come so far, or may go on.
    pub async fn pass(&self) {
        self.0.wait().await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
