//! The core of [typed-sessions](https://docs.rs/typed-sessions): tokens, all session policy and the
//! contract that a store fulfils. Applications use the facade `typed-sessions`; this crate is for
//! those who write a store.
//!
//! A request's way through it: [`Token::parse`] -> [`SessionStore::load`] -> policy decides over
//! `(header, now)` -> [`SessionStore::apply`] writes the [`store::Change`] -> [`Session`] hands out
//! the struct.

mod bounds;
mod builder;
mod context;
mod data;
mod device;
mod error;
mod event;
mod info;
mod live;
mod login;
mod policy;
mod retry;
mod revocation;
mod session;
mod sessions;
pub mod store;
mod time;
mod token;
mod user_sessions;

/// What a bus fulfils, and the words in which the core speaks to it: for authors of buses.
pub mod bus {
    pub use crate::live::{
        Beat, Bus, Channel, ConnectionEntry, ConnectionId, Incarnation, MAX_MESSAGE_BYTES, Pulse,
        Server, Subscription, Whose,
    };
}

#[doc(hidden)]
#[path = "backend.rs"]
pub mod __backend;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[doc(hidden)]
#[path = "web.rs"]
pub mod __web;

pub use crate::builder::SessionsBuilder;
pub use crate::data::{Field, NoUser, SessionData, SessionUser};
pub use crate::device::Device;
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::info::SessionInfo;
pub use crate::live::{Backend, Bus, Connection, ConnectionInfo, Hub, HubBuilder, Push, Reason};
pub use crate::login::Login;
pub use crate::policy::{Reuse, Timeouts};
pub use crate::session::Session;
pub use crate::sessions::Sessions;
pub use crate::store::{Overflow, SessionStore, UserId};
pub use crate::time::{Clock, ManualClock, SystemClock, Timestamp, days, hours, minutes, seconds};
pub use crate::token::{SessionId, Token};
pub use crate::user_sessions::UserSessions;
