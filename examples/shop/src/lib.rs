//! A small shop on typed-sessions and axum. It is rendered on the server and works without
//! JavaScript; a few lines of it make pages follow what happens on other devices.
//!
//! - `visit`: what a session holds.
//! - `page`: what all pages have in common.
//! - `catalogue`, `cart`, `checkout`: buying, with a one-time code.
//! - `sign_in`, `account`: who somebody is, and the proof before an account is deleted.
//! - `devices`, `live`: where somebody is signed in, and pages that follow it.

mod account;
mod accounts;
mod cart;
mod catalogue;
mod checkout;
mod devices;
mod live;
mod page;
mod sign_in;
mod teas;
pub mod visit;

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;
use typed_sessions::axum::{SessionLayer, require_login, require_recent, same_origin};
use typed_sessions::{Backend, Clock, Hub, Overflow, Reason, Result, Sessions, minutes};

use crate::accounts::Accounts;
use crate::visit::{Member, Visit};

/// What all handlers share.
#[derive(Clone)]
pub struct Shop {
    sessions: Sessions<Visit>,
    hub: Hub<Visit>,
    accounts: Arc<Accounts>,
    clock: Arc<dyn Clock>,
}

impl Shop {
    /// A shop whose sessions are in this store; its server has this name among those that share it.
    pub async fn open(
        store: Arc<dyn Backend>,
        server: &str,
        clock: impl Clock + Clone,
    ) -> Result<Self> {
        let sessions = Sessions::<Visit>::builder(Arc::clone(&store))
            .bus(store)
            .max_sessions_per_user(5, Overflow::EvictOldest)
            .clock(clock.clone())
            .build()?;
        let hub = sessions.hub(server).await?;
        let accounts = Arc::new(Accounts::with_demo_members());
        Ok(Self { sessions, hub, accounts, clock: Arc::new(clock) })
    }

    /// The shop's sessions.
    pub fn sessions(&self) -> &Sessions<Visit> {
        &self.sessions
    }

    /// Ends all live connections: before the server goes.
    pub async fn close(&self) -> Result<()> {
        self.hub.close_all(Reason::ShuttingDown).await
    }

    /// All pages of a member, on all devices, show the list of devices anew. It is news only: if
    /// the bus is down, the request that brought it does not fail.
    async fn tell_devices(&self, member: &Member) {
        let _ = self.sessions.user(&member.id).send(&b"devices"[..]).await;
    }
}

/// Whether cookies may travel without encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http://localhost`.
    LocalHttp,
    /// Anything else, behind a proxy that ends TLS.
    Https,
}

/// The shop as an application.
pub fn app(shop: Shop, scheme: Scheme) -> Router {
    layered(shop, scheme, routes())
}

/// The shop's pages.
pub fn routes() -> Router<Shop> {
    let recent = Router::new()
        .route("/account/delete", get(account::ask_to_delete).post(account::delete))
        .route_layer(require_recent::<Visit>(minutes(2), "/confirm"));
    let signed_in = Router::new()
        .route("/account", get(account::show))
        .route("/checkout", get(checkout::show).post(checkout::order))
        .route("/checkout/code", post(checkout::send_code))
        .route("/confirm", get(sign_in::ask_to_confirm).post(sign_in::confirm))
        .route("/devices", get(devices::show))
        .route("/devices/sign-out", post(devices::sign_out_one))
        .route("/devices/sign-out-everywhere", post(devices::sign_out_everywhere))
        .route("/live", get(live::follow))
        .route("/sign-out", post(sign_in::sign_out));
    Router::new()
        .merge(recent)
        .merge(signed_in)
        .route_layer(require_login::<Visit>("/sign-in"))
        .route("/", get(catalogue::show))
        .route("/cart", get(cart::show).post(cart::add))
        .route("/cart/quantity", post(cart::set_quantity))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/look", post(page::set_look))
        .route("/style.css", get(page::style))
        .route("/live.js", get(live::script))
        .route("/icon.svg", get(page::icon))
        .fallback(page::not_found)
}

/// Routes with all that goes around them.
pub fn layered(shop: Shop, scheme: Scheme, routes: Router<Shop>) -> Router {
    let layer = SessionLayer::new(shop.sessions.clone()).on_error(page::sorry);
    let layer = match scheme {
        Scheme::LocalHttp => layer.development(),
        Scheme::Https => layer,
    };
    routes
        .layer(same_origin())
        .layer(layer)
        .layer(header(
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
        ))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .with_state(shop)
}

fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}
