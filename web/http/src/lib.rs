//! The framework-neutral part of the web layer of
//! [typed-sessions](https://docs.rs/typed-sessions): pure functions over `http` types. No function
//! here asks a store, reads a clock or keeps anything; what a framework's layer does with sessions
//! is its own affair.
//!
//! - [`SessionCookie`]: the settings of a cookie, checked when they are built.
//! - [`Carrier`]: how a token travels. Which one a request carries, and what an answer must say.
//! - [`guard_caches`]: what keeps answers with session data out of caches.
//! - [`check_origin`]: whether a request comes from another site.
//! - [`next_path`]: which path of this site a `?next=` names.
//! - [`device_of`]: a name for the device that a request comes from.
//! - [`is_local`]: whether a request is for this machine, as in development.

mod caches;
mod carrier;
mod cookie;
mod device;
mod local;
mod next;
mod origin;

pub use crate::caches::guard_caches;
pub use crate::carrier::{Carrier, Instruction};
pub use crate::cookie::{SameSite, SessionCookie, SessionCookieBuilder};
pub use crate::device::device_of;
pub use crate::local::is_local;
pub use crate::next::{is_navigation, next_path, with_next};
pub use crate::origin::{CrossSite, check_origin};
