//! The driver's errors, as the library's: mapped here and nowhere else.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use typed_sessions_core::Error;

/// Why a call failed, for people. No value of a field and no password is in it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Redis answered with {0}, which no command of this store does")]
    Unexpected(&'static str),
    #[error(
        "Redis refused the credentials, or asks for some ({0}): check username and password of \
         the store's URL or builder"
    )]
    Credentials(String),
    #[error(
        "the Redis user lacks a permission ({0}): the guide's page on Redis lists the commands \
         that the store needs"
    )]
    Permission(String),
    #[error(
        "the Redis user lacks the permission for the channels of live connections ({0}): give it \
         `&<prefix>:*`, by default `ACL SETUSER <user> &session:*`"
    )]
    Channels(String),
    #[error(
        "Redis has reached `maxmemory` and may evict nothing: raise it; sessions that expire make \
         room by themselves"
    )]
    OutOfMemory,
    #[error(
        "a key of this store holds something else ({0}): give each application on a Redis its own \
         `prefix`"
    )]
    WrongType(String),
    #[error(
        "this Redis is a read-only replica: connect to the master; Sentinel (`redis+sentinel:`) or \
         Cluster (`redis+cluster:`) URLs follow a failover"
    )]
    ReadOnly,
    #[error("this Redis is a node of a Cluster: connect with `redis+cluster://host:port`")]
    IsCluster,
    #[error(
        "Redis takes no more clients: raise its `maxclients`, or lower `connections` of the stores"
    )]
    Crowded,
    #[error("Redis: {0}")]
    Other(String),
}

impl Failure {
    fn denied(text: String) -> Self {
        if text.contains("channel") { Self::Channels(text) } else { Self::Permission(text) }
    }
}

/// What a script may not do has no code of its own.
fn is_denied_in_script(text: &str) -> bool {
    text.contains("The user executing the script can't") || text.contains("ACL failure in script")
}

pub(crate) fn unexpected(what: &'static str) -> Error {
    Error::store(Failure::Unexpected(what))
}

pub(crate) fn is_noscript(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The keys of one command are not on one server.
pub(crate) fn is_cross_slot(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::CrossSlot)
}

/// Said by the server itself, or by a script before Redis 7.
pub(crate) fn is_read_only(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || error.to_string().contains("-READONLY ")
}

/// What a driver's error means to the library.
pub(crate) fn from_driver(error: &RedisError) -> Error {
    use ServerErrorKind as Server;
    let text = without_arguments(&error.to_string());
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::Server(
            Server::BusyLoading
            | Server::TryAgain
            | Server::ClusterDown
            | Server::MasterDown
            | Server::Ask,
        ) => Error::unavailable(Failure::Other(text)),
        ErrorKind::Server(Server::ReadOnly) => Error::unavailable(Failure::ReadOnly),
        ErrorKind::Server(Server::Moved) => Error::store(Failure::IsCluster),
        ErrorKind::Server(Server::NoPerm) => Error::store(Failure::denied(text)),
        ErrorKind::AuthenticationFailed => Error::store(Failure::Credentials(text)),
        ErrorKind::InvalidClientConfig | ErrorKind::EmptySentinelList => {
            Error::config(format!("the Redis connection cannot be made: {text}"))
        }
        _ => from_code(error.code().unwrap_or_default(), text),
    }
}

/// Redis quotes the arguments of a command that it does not know: a field's value could be among
/// them.
fn without_arguments(text: &str) -> String {
    text.split(", with args").next().unwrap_or_default().to_owned()
}

/// Errors that the driver does not know by name, and those that a script passes on.
fn from_code(code: &str, text: String) -> Error {
    // Before Redis 7 an error inside a script has the script's code: `ERR Error running script ...
    // -OOM command`.
    let is = |name: &str| code == name || (code == "ERR" && text.contains(&format!("-{name} ")));
    if text.contains("max number of clients reached") {
        Error::unavailable(Failure::Crowded)
    } else if is("OOM") {
        Error::store(Failure::OutOfMemory)
    } else if is("WRONGTYPE") {
        Error::store(Failure::WrongType(text))
    } else if is("NOPERM") || is_denied_in_script(&text) {
        Error::store(Failure::denied(text))
    } else if is("NOAUTH") || is("WRONGPASS") {
        Error::store(Failure::Credentials(text))
    } else if is("READONLY") {
        Error::unavailable(Failure::ReadOnly)
    } else if ["BUSY", "NOREPLICAS", "MISCONF", "UNBLOCKED", "LOADING", "MASTERDOWN"]
        .into_iter()
        .any(is)
    {
        Error::unavailable(Failure::Other(text))
    } else {
        Error::store(Failure::Other(text))
    }
}
