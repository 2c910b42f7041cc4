//! The shop on a port of its own, with a clock that tests put forward.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{RequestExt as _, Router};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use typed_sessions::axum::{Session, SessionRejection};
use typed_sessions::{ManualClock, MemoryStore, Sessions};
use typed_sessions_examples_shop::visit::Visit;
use typed_sessions_examples_shop::{Scheme, Shop, layered, routes};

use crate::gate::Gate;

/// That of the shop's members.
pub const PASSWORD: &str = "tea time";

/// A shop that nobody has visited.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    /// The sessions' time.
    pub clock: ManualClock,
    /// The shop's sessions.
    pub sessions: Sessions<Visit>,
    /// Where a request to `/test/opened` waits with an open session, and one to `/test/unopened`
    /// before it opens its own. Both then put something into the cart if the query says `?save`.
    pub gate: Gate,
}

impl Server {
    /// For `http://localhost`.
    pub async fn start() -> Self {
        Self::with(Scheme::LocalHttp).await
    }

    /// With the cookie of production. Browsers trust localhost as if it had TLS.
    pub async fn production() -> Self {
        Self::with(Scheme::Https).await
    }

    async fn with(scheme: Scheme) -> Self {
        let (clock, gate) = (ManualClock::default(), Gate::default());
        let store = std::sync::Arc::new(MemoryStore::new());
        let shop = Shop::open(store, "test", clock.clone()).await.expect("a shop");
        let sessions = shop.sessions().clone();
        let slow = Router::new()
            .route("/test/opened", get(opened))
            .route("/test/unopened", get(unopened))
            .with_state(gate.clone());
        let app = layered(shop, scheme, routes().merge(slow))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self { address, task, clock, sessions, gate }
    }

    /// A page's address.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn opened(
    State(gate): State<Gate>,
    visit: Session<Visit>,
    request: Request,
) -> Result<StatusCode, SessionRejection> {
    gate.pass().await;
    Ok(save_if_asked(visit, &request))
}

async fn unopened(State(gate): State<Gate>, mut request: Request) -> Response {
    gate.pass().await;
    match request.extract_parts::<Session<Visit>>().await {
        Ok(visit) => save_if_asked(visit, &request).into_response(),
        Err(rejection) => rejection.into_response(),
    }
}

fn save_if_asked(mut visit: Session<Visit>, request: &Request) -> StatusCode {
    if request.uri().query() == Some("save") {
        visit.cart.insert("late".into(), 1);
    }
    StatusCode::OK
}
