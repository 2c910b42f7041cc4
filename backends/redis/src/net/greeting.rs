//! How a connection begins: who logs in, and to which database.

use redis::{ConnectionInfo, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, cmd};

use super::line::Line;
use super::stream::Stream;
use super::tls::Encryption;

/// Connects to a server that then has answered once: one that takes no more clients says so here,
/// and not to somebody's command.
pub(crate) async fn connect(node: ConnectionInfo, encryption: Encryption) -> RedisResult<Stream> {
    let mut line = Line::over(Stream::connect(node.addr(), &encryption).await?);
    log_in(&mut line, node.redis_settings()).await?;
    match line.ask(&cmd("PING")).await {
        Err(error) if !has_business(&error) => Err(error),
        _ => line.into_stream(),
    }
}

async fn log_in(line: &mut Line, who: &RedisConnectionInfo) -> RedisResult<()> {
    if let Some(password) = who.password() {
        let mut auth = cmd("AUTH");
        if let Some(username) = who.username() {
            auth.arg(username);
        }
        line.ask(auth.arg(password)).await.map_err(refusal)?;
    }
    if who.db() != 0 {
        line.ask(cmd("SELECT").arg(who.db())).await?;
    }
    Ok(())
}

/// Servers before Redis 7 have no code of its own for credentials that they do not want.
fn refusal(error: RedisError) -> RedisError {
    let text = error.to_string();
    if error.code() == Some("ERR") && text.contains("AUTH") {
        return (ErrorKind::AuthenticationFailed, "Redis takes no such credentials", text).into();
    }
    error
}

/// Whether a server that answers with this error has something to do that will pass: the command
/// that the connection is for will hear of it, too.
fn has_business(error: &RedisError) -> bool {
    !error.is_io_error()
        && !matches!(error.code(), Some("ERR" | "DENIED" | "NOAUTH" | "NOPERM" | "WRONGPASS"))
}
