//! The contract that a backend implements, and the words in which the core speaks to it.

mod applied;
mod change;
mod ending;
mod fields;
mod header_text;
mod limit;
mod page;
mod record;
mod session_store;
mod shared_str;
mod user_id;

pub use self::applied::Applied;
pub use self::change::{Change, Create, Owner, Rewrite, Save};
pub use self::ending::{Deleted, More, Owned};
pub use self::fields::{Edit, Fields, Key, Text};
pub use self::limit::{Limit, Overflow};
pub use self::page::{Cursor, Found, Page};
pub(crate) use self::record::{CurrentSecret, Persistence, PreviousSecret, SuccessorState};
pub use self::record::{Header, Record};
pub use self::session_store::SessionStore;
pub(crate) use self::shared_str::SharedStr;
pub(crate) use self::user_id::LoginInfo;
pub use self::user_id::UserId;
