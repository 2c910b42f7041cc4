//! How a command travels: within the time limit of its call, over shared connections, to the server
//! that has its key.

mod answer;
mod cluster;
mod connect;
mod connection;
mod driver;
mod greeting;
mod incoming;
mod line;
mod pipe;
pub(crate) mod resp;
mod shared;
mod slots;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod url;

pub(crate) use self::answer::Answer;
pub(crate) use self::connect::{Credentials, Settings};
pub use self::connection::RedisConnection;
pub(crate) use self::connection::{Connection, Node, Route};
pub(crate) use self::line::Line;
pub(crate) use self::shared::Keeping;
pub(crate) use self::transport::{Call, Transport};
