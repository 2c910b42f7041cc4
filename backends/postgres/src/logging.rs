//! Whether PostgreSQL logs what happens to the table.

/// Whether writes to the table go through the write-ahead log, and so survive a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logging {
    Logged,
    Unlogged,
}
