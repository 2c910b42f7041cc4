//! How a command travels: within the time limit of its call, over shared connections, to the server
//! that has its key.

mod cluster;
mod connect;
mod connection;
mod shared;
mod slots;
mod tls;
mod transport;
mod url;

pub(crate) use self::connect::{Credentials, Settings};
pub use self::connection::RedisConnection;
pub(crate) use self::connection::{Connection, Node, Route};
pub(crate) use self::transport::{Call, Transport};
