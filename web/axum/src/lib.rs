//! [typed-sessions](https://docs.rs/typed-sessions) in axum: a layer that opens, saves and hands
//! over sessions, and extractors. It is the feature `axum` of the facade, and stands there as
//! `typed_sessions::axum`.
//!
//! - [`SessionLayer`] goes around the routes; [`SessionCookie`] has the cookie's settings.
//! - Handlers take [`Session`] or `Option<Session>`, [`User`] or [`Fresh`]; beside them
//!   [`View`], [`Flash`], [`Csrf`], [`Device`], [`CurrentUser`] and [`Next`].
//! - Routes are guarded by [`require_login`], [`require_recent`] and [`same_origin`].
//! - [`SessionRejection`] is what a request is answered when its session cannot be had.
//!
//! ```
//! use axum::response::Redirect;
//! use axum::routing::{get, post};
//! use axum::{Form, Router};
//! use typed_sessions::axum::{Session, SessionLayer, SessionRejection, require_login};
//! use typed_sessions::{MemoryStore, SessionData, Sessions};
//!
//! #[derive(SessionData)]
//! struct Shop { cart: Vec<String> }
//!
//! #[derive(serde::Deserialize)]
//! struct Add { item: String }
//!
//! async fn add(mut session: Session<Shop>, Form(form): Form<Add>) -> Redirect {
//!     session.cart.push(form.item); // saved after the handler, only if changed
//!     Redirect::to("/cart")
//! }
//!
//! async fn cart(session: Option<Session<Shop>>) -> String {
//!     session.map_or_else(|| "empty".to_owned(), |session| session.cart.join(", "))
//! }
//!
//! let sessions = Sessions::<Shop>::new(MemoryStore::new());
//! let app: Router = Router::new()
//!     .route("/cart", get(cart).post(add))
//!     .layer(SessionLayer::new(sessions)); // the cookie: __Host-session; Secure; HttpOnly
//! # let _ = app;
//! ```

mod answer;
mod csrf;
mod device;
mod flash;
mod layer;
mod next;
mod opener;
mod rejection;
mod require;
mod same_origin;
mod service;
mod session;
mod slot;
mod user;
mod view;

pub use crate::csrf::Csrf;
pub use crate::device::Device;
pub use crate::flash::{Flash, Level, Message};
pub use crate::layer::{SessionLayer, Unreadable};
pub use crate::next::Next;
pub use crate::rejection::SessionRejection;
pub use crate::require::{Require, RequireService, require_login, require_recent};
pub use crate::same_origin::{SameOrigin, SameOriginService, same_origin};
pub use crate::service::{ResponseFuture, SessionService};
pub use crate::session::Session;
pub use crate::user::{CurrentUser, Fresh, User};
pub use crate::view::View;
pub use typed_sessions_http::{SameSite, SessionCookie, SessionCookieBuilder};
