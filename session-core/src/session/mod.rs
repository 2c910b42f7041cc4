//! A handle on one session: the struct, and what may be done with it.
//!
//! `open` leads from a token to a handle, `follow` from a live connection; `commit` is the one way
//! to write, and `creation` the part of it that makes the record; every operation is a plan that
//! `commit` carries out.

mod accessors;
mod commit;
mod creation;
mod destroy;
mod field_ops;
mod follow;
mod handle;
mod handover;
mod login;
mod open;
mod origin;
mod raw;
mod renew;
mod save;
mod step_up;
mod together;
mod transact;
mod view;

pub(crate) use self::follow::follow;
pub(crate) use self::handle::Mode;
pub use self::handle::Session;
pub use self::handover::{Handover, handover, is_current, login_epoch};
pub use self::open::Opened;
pub(crate) use self::open::{open, open_token};
pub(crate) use self::step_up::TagNow;
pub use self::together::{Bare, Handle, catch_up, save_together};
