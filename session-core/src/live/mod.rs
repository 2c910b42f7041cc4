//! Connections that live longer than a request, bound to their session on every server.

mod bus;
mod registry;

pub use self::bus::{Backend, Bus, Channel, MAX_MESSAGE_BYTES, Subscription};
pub use self::registry::{Beat, ConnectionEntry, ConnectionId, Incarnation, Pulse, Server, Whose};
