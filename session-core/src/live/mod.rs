//! Connections that live longer than a request, bound to their session on every server.
//!
//! `news` tells what has happened, over a `bus`; a `hub` holds the connections of a server. Its
//! tasks `listen` to the news and `verify` with the store, and `reason` decides; `beat` keeps its
//! lease.

mod beat;
mod bus;
mod connection;
mod held;
mod hub;
mod listen;
mod mailbox;
mod message;
mod news;
mod pause;
mod reach;
mod reason;
mod register;
mod registry;
mod shared;
mod suspects;
mod verify;

pub use self::bus::{Backend, Bus, Channel, MAX_MESSAGE_BYTES, Subscription};
pub use self::connection::Connection;
pub use self::hub::{Hub, HubBuilder};
pub(crate) use self::message::Whom;
pub(crate) use self::news::{Due, News};
pub use self::reach::ConnectionInfo;
pub use self::reason::{Push, Reason};
pub use self::registry::{Beat, ConnectionEntry, ConnectionId, Incarnation, Pulse, Server, Whose};
