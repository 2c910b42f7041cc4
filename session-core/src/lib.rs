//! The core of [typed-sessions](https://docs.rs/typed-sessions): tokens, records, all session policy and the contract
//! that a store fulfils. Applications use the facade `typed-sessions`; this crate is for those who write a store.
//!
//! A request's way through it: [`Token::parse`] -> [`SessionStore::load`] -> policy decides over `(record, now)` ->
//! [`SessionStore::apply`] writes the [`Change`] -> [`Session`] hands out the struct.

mod auth_tag;
mod base64url;
mod builder;
mod change;
mod data;
mod device;
mod error;
mod event;
mod field;
mod fields;
mod header_text;
mod info;
mod json;
mod login;
mod open;
mod policy;
mod record;
mod retry;
mod session;
mod sessions;
mod store;
mod stored;
mod time;
mod token;
mod user;
mod users;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use crate::builder::Builder;
pub use crate::change::{Applied, Change, Expected, Guard, IndexChange, Join, Limit, Overflow};
pub use crate::data::{NoUser, SessionData, SessionUser};
pub use crate::device::Device;
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::field::Field;
pub use crate::fields::{Fields, Key, Text};
pub use crate::info::SessionInfo;
pub use crate::login::Login;
pub use crate::policy::{Policy, Reuse};
pub use crate::record::{Header, Record};
pub use crate::session::Session;
pub use crate::sessions::Sessions;
pub use crate::store::SessionStore;
pub use crate::time::{Clock, ManualClock, SystemClock, Timestamp, days, hours, minutes, seconds};
pub use crate::token::{SessionId, Token};
pub use crate::user::UserId;
pub use crate::users::UserSessions;
