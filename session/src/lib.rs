//! Typed, storage-agnostic sessions.

#[doc(hidden)]
pub use typed_sessions_core::__private;
pub use typed_sessions_core::{
    Applied, Builder, Change, Clock, Device, Error, ErrorKind, Expected, Field, Fields, Guard, Header, IndexChange,
    Join, Key, Limit, Login, ManualClock, NoUser, Overflow, Record, Result, Reuse, Session, SessionData, SessionId,
    SessionInfo, SessionStore, SessionUser, Sessions, SystemClock, Text, Timestamp, Token, UserId, UserSessions, days,
    hours, minutes, seconds,
};
#[cfg(feature = "derive")]
pub use typed_sessions_derive::SessionData;
#[cfg(feature = "memory")]
pub use typed_sessions_memory::MemoryStore;
