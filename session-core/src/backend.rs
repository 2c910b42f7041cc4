//! What the stores of this project share. Not part of the public API.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::event;
use crate::store::UserId;
use crate::token::SessionId;

/// Whether a command may be sent again when its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reads, or does the same when it is carried out twice.
    Repeatable,
    /// It writes under a condition. Sent again, it could be refused because it has been carried
    /// out already; so the caller is told that the outcome is not known.
    Once,
}

/// The longest that a server keeps a session: beyond it the clocks of servers could overflow.
pub const CENTURY: Duration = Duration::from_hours(100 * 366 * 24);

/// However short the time limit of a call, connecting has this long.
const CONNECTING_HAS_AT_LEAST: Duration = Duration::from_secs(5);

/// How long one attempt to connect may take, where a call may take so long.
pub fn connecting_limit(time_limit: Duration) -> Duration {
    time_limit.max(CONNECTING_HAS_AT_LEAST)
}

/// Locks a mutex whose content is whole after every single change of it, so that a panic elsewhere
/// leaves nothing half done.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells that a login of `user` ended this session, to make room for itself.
pub fn evicted(id: &SessionId, user: &UserId) {
    event::evicted(id, user);
}

/// Tells that a login of `user` is written, and that making room for it failed.
pub fn eviction_failed(user: &UserId, error: &Error) {
    event::eviction_failed(user, error);
}
