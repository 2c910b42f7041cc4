//! The example shop in a real browser: what the tests share.

mod axe;
mod browser;
mod gate;
mod server;

pub use crate::axe::violations;
pub use crate::browser::{Browser, Options};
pub use crate::gate::Gate;
pub use crate::server::{PASSWORD, Server};
