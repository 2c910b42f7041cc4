//! The driver's errors, as the library's: mapped here and nowhere else.

use std::time::Duration;

use sqlx::Error as DriverError;
use sqlx::error::DatabaseError;
use typed_sessions_core::Error;

/// Why a call failed, for people. No value of a field and no password is in it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "PostgreSQL answered with {0}, which no statement of this store does: the table or its \
         function is another program's, or was changed. `migrate` says which; or give the store a \
         `schema` or a `table` of its own"
    )]
    Unexpected(&'static str),
    #[error(
        "the table of sessions is not there, or is another ({0}): call `migrate` on the store, or \
         run the SQL that `migration_sql` gives; or correct `schema` and `table`"
    )]
    NotMigrated(String),
    #[error(
        "something else has this name already ({0}): give the store a `schema` or a `table` of \
         its own"
    )]
    NameTaken(String),
    #[error("PostgreSQL refused the credentials ({0}): check user and password of the store's URL")]
    Credentials(String),
    #[error(
        "the PostgreSQL user lacks a permission ({0}): the guide's page on Postgres lists what the \
         store needs"
    )]
    Permission(String),
    #[error(
        "this PostgreSQL takes no writes ({0}): connect to the primary, or to an address that \
         follows it after a failover"
    )]
    ReadOnly(String),
    #[error(
        "PostgreSQL does not know a statement that was prepared, or knows another ({0}): behind \
         PgBouncer in transaction mode set its `max_prepared_statements` (1.21 or later)"
    )]
    Unprepared(String),
    #[error(
        "the pooler in front of PostgreSQL refuses a parameter ({0}): add it to \
         `ignore_startup_parameters` in `pgbouncer.ini`"
    )]
    RefusedAtStart(String),
    #[error("PostgreSQL cannot store a text (code {0}): the database's encoding must be UTF8")]
    Encoding(String),
    #[error("PostgreSQL refused a value (code {0}); its log says which")]
    Value(String),
    #[error(
        "the database is not there ({0}): `CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE \
         template0`, or correct the store's URL"
    )]
    NoDatabase(String),
    #[error(
        "PostgreSQL does not let this user in from here ({0}): check `pg_hba.conf`, and whether it \
         asks for TLS (`sslmode=verify-full`)"
    )]
    NotLetIn(String),
    #[error(
        "PostgreSQL takes no more connections ({0}), and none of the pool's own was free in time: \
         lower `max_connections` of the stores, so that all nodes together stay below the limit; \
         or raise it: `max_connections` of the server, `CONNECTION LIMIT` of the role or of the \
         database"
    )]
    Crowded(String),
    #[error(
        "no connection was free, and none could be made, within {0:?}: PostgreSQL cannot be \
         reached, or other calls hold all connections of the pool; then enlarge it, or look for \
         slow queries in it"
    )]
    NoConnection(Duration),
    #[error(
        "PostgreSQL did not answer within {0:?}; of a write the outcome is not known. Look for \
         locks in `pg_stat_activity`"
    )]
    TimedOut(Duration),
    #[error(
        "others kept changing the session, or a trigger keeps writes from it: nothing was written"
    )]
    Contended,
    #[error(
        "the encrypted connection cannot be made: {0}; check `sslmode` and `sslrootcert` of the \
         store's URL, and that the feature `tls` is on (`postgres-tls` of typed-sessions)"
    )]
    Tls(String),
    #[error(
        "the connection on which the bus listens could not be made within {0:?}: PostgreSQL cannot \
         be reached, or takes no more connections (each hub needs one beside the pool)"
    )]
    NotListening(Duration),
    #[error(
        "a notification came on a connection that does not listen ({0}): a pooler in transaction \
         mode gives a connection to others on which somebody listened. Let nobody `LISTEN` through \
         it; for the bus, give the store's builder a `listen_url`"
    )]
    Overheard(String),
    #[error("PostgreSQL: {0}")]
    Other(String),
}

pub(crate) fn unexpected(what: &'static str) -> Error {
    Error::store(Failure::Unexpected(what))
}

pub(crate) fn no_connection(limit: Duration) -> Error {
    Error::unavailable(Failure::NoConnection(limit))
}

pub(crate) fn crowded(reason: String) -> Error {
    Error::unavailable(Failure::Crowded(reason))
}

pub(crate) fn not_listening(limit: Duration) -> Error {
    Error::unavailable(Failure::NotListening(limit))
}

/// What is published does not come, although both connections work.
pub(crate) fn deaf() -> Error {
    Error::config(
        "the bus hears nothing of what it publishes: a pooler in transaction mode cannot carry \
         LISTEN, or `listen_url` leads to another database. Give the store's builder a \
         `listen_url` that leads to the same database past the pooler, or through one in session \
         mode",
    )
}

/// Whether a notification came where nobody listens.
pub(crate) fn is_overheard(error: &Error) -> bool {
    let failure = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    matches!(failure, Some(Failure::Overheard(_)))
}

pub(crate) fn timed_out(limit: Duration) -> Error {
    Error::unavailable(Failure::TimedOut(limit))
}

/// A write that nothing refused, and that was not carried out several times.
pub(crate) fn contended() -> Error {
    Error::unavailable(Failure::Contended)
}

/// What became of a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// PostgreSQL has undone it, and says that the same again may succeed.
    Undone,
    /// It was not carried out, for a reason that lies in this connection: another one may do it.
    Stale,
    /// PostgreSQL has said that it closes the connection, before the statement was complete: it was
    /// not read, or is undone.
    Closed,
    /// The connection is gone, and nobody knows.
    Unknown,
    /// It was refused.
    Refused,
}

/// PostgreSQL commits a statement only after it has said that it is complete, and what it says
/// arrives in that order. So when it closes a connection in words, a write that was not complete is
/// known to be undone: it waited in the connection when that had ended already, or was interrupted.
/// An end without words may be on either side of the commit.
pub(crate) fn outcome(error: &DriverError, is_complete: bool) -> Outcome {
    match error {
        DriverError::Io(_) | DriverError::Protocol(_) | DriverError::WorkerCrashed => {
            Outcome::Unknown
        }
        DriverError::Database(error) => match &*code(&**error) {
            "40001" | "40P01" => Outcome::Undone,
            // A primary that has become a standby; a statement that is not known although it was
            // prepared a moment ago.
            "25006" | "26000" => Outcome::Stale,
            _ if is_mixed_up(&**error) => Outcome::Stale,
            code if closes(code) && !is_complete => Outcome::Closed,
            code if code.starts_with("08") || closes(code) => Outcome::Unknown,
            _ => Outcome::Refused,
        },
        _ => Outcome::Refused,
    }
}

/// Whether the connection does not know a statement any more. It was not carried out.
pub(crate) fn is_unprepared(error: &DriverError) -> bool {
    matches!(error, DriverError::Database(error) if code(&**error) == "26000")
}

/// Whether the statement of this name has other parameters than ours: a pooler's other client has
/// prepared it. No two statements of the store have equally many, so that this is noticed. (From a
/// server that speaks another language it counts as a broken connection.)
fn is_mixed_up(error: &dyn DatabaseError) -> bool {
    code(error) == "08P01" && error.message().starts_with("bind message supplies")
}

/// Whether a pooler refuses how connections are begun.
fn is_refused_at_start(error: &dyn DatabaseError) -> bool {
    code(error) == "08P01" && error.message().contains("unsupported startup parameter")
}

/// Said by a server that closes the connection: shut down, crashed, idle for too long.
fn closes(code: &str) -> bool {
    ["57P01", "57P02", "57P05", "25P03", "25P04"].contains(&code)
}

/// Why a connection is refused, when that is because there are too many, in PostgreSQL's words.
pub(crate) fn refuses_more(error: &DriverError) -> Option<String> {
    match error {
        DriverError::Database(error) if code(&**error) == "53300" => Some(words(&**error)),
        _ => None,
    }
}

/// Whether a connection that could not be made may be made soon.
pub(crate) fn may_connect_soon(error: &DriverError) -> bool {
    match error {
        DriverError::Io(_) | DriverError::Protocol(_) => !is_distrusted(error),
        DriverError::Database(error) => {
            let code = code(&**error);
            // A pooler has one code for all that goes wrong behind it.
            let is_pooler = code.starts_with("08") && !is_refused_at_start(&**error);
            ["57P03", "53300"].contains(&&*code) || closes(&code) || is_pooler
        }
        _ => false,
    }
}

/// A certificate that nobody vouches for comes as an error of reading.
fn is_distrusted(error: &DriverError) -> bool {
    matches!(error, DriverError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData)
}

fn code(error: &dyn DatabaseError) -> String {
    error.code().unwrap_or_default().into_owned()
}

/// What a driver's error means to the library.
pub(crate) fn from_driver(error: &DriverError) -> Error {
    match error {
        DriverError::Database(error) => from_database(&**error),
        error if is_distrusted(error) => Error::store(Failure::Tls(error.to_string())),
        DriverError::Protocol(error) if error.contains("NotificationResponse") => {
            Error::unavailable(Failure::Overheard(error.clone()))
        }
        DriverError::Io(_)
        | DriverError::Protocol(_)
        | DriverError::PoolTimedOut
        | DriverError::PoolClosed
        | DriverError::WorkerCrashed => Error::unavailable(Failure::Other(error.to_string())),
        DriverError::Tls(error) => Error::store(Failure::Tls(error.to_string())),
        // Its text could quote the URL.
        DriverError::Configuration(_) => Error::config(
            "the PostgreSQL connection cannot be made with these settings: check the store's URL, \
             and the files that it names",
        ),
        other => Error::store(Failure::Other(other.to_string())),
    }
}

/// Only the first line of what PostgreSQL says: details quote values.
fn words(error: &dyn DatabaseError) -> String {
    format!("{} (code {})", error.message(), code(error))
}

fn from_database(error: &dyn DatabaseError) -> Error {
    let (code, text) = (code(error), words(error));
    match &*code {
        "25006" => Error::unavailable(Failure::ReadOnly(text)),
        "28P01" => Error::store(Failure::Credentials(text)),
        "28000" => Error::store(Failure::NotLetIn(text)),
        "3D000" => Error::store(Failure::NoDatabase(text)),
        "42501" => Error::store(Failure::Permission(text)),
        "42P01" | "3F000" | "42703" | "42883" | "42P10" | "42804" | "42809" => {
            Error::store(Failure::NotMigrated(text))
        }
        "42P07" | "42710" | "42723" | "42725" => Error::store(Failure::NameTaken(text)),
        "26000" | "42P05" => Error::store(Failure::Unprepared(text)),
        // 57014 is a statement_timeout, 55P03 a lock_timeout.
        "57014" | "55P03" | "57P03" | "40001" | "40P01" | "40003" => {
            Error::unavailable(Failure::Other(text))
        }
        "53300" => crowded(text),
        "08P01" if is_refused_at_start(error) => Error::store(Failure::RefusedAtStart(text)),
        "08P01" if is_mixed_up(error) => Error::store(Failure::Unprepared(text)),
        code if code.starts_with("08")
            || code.starts_with("53") && code != "53100"
            || closes(code) =>
        {
            Error::unavailable(Failure::Other(text))
        }
        // Even the first line quotes bytes of a value.
        "22021" | "22P05" => Error::store(Failure::Encoding(code)),
        code if code.starts_with("22") => Error::store(Failure::Value(code.to_owned())),
        _ => Error::store(Failure::Other(text)),
    }
}
