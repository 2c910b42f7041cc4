//! Servers and their connections, as rows.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::PgInterval;
use typed_sessions_core::bus::{ConnectionEntry, ConnectionId, Incarnation, Pulse, Server};
use typed_sessions_core::{__backend::CENTURY, Result, SessionId, Timestamp, UserId};

use crate::arguments::{PgQuery, instant};
use crate::error::unexpected;
use crate::retention::interval;

/// Connections as columns.
#[derive(Debug)]
pub(super) struct Entries<'e> {
    connections: Vec<&'e [u8]>,
    sessions: Vec<&'e [u8]>,
    users: Vec<Option<&'e [u8]>>,
    since: Vec<i64>,
}

impl<'e> Entries<'e> {
    pub(super) fn of(entries: &'e [ConnectionEntry]) -> Self {
        let user = |entry: &'e ConnectionEntry| Some(entry.user.as_ref()?.as_str().as_bytes());
        Self {
            connections: entries.iter().map(|entry| &entry.connection.as_bytes()[..]).collect(),
            sessions: entries.iter().map(|entry| &entry.session.as_bytes()[..]).collect(),
            users: entries.iter().map(user).collect(),
            since: entries.iter().map(|entry| instant(entry.since)).collect(),
        }
    }

    pub(super) fn bind<'q>(&'q self, query: PgQuery<'q>) -> PgQuery<'q> {
        query.bind(&self.connections).bind(&self.sessions).bind(&self.users).bind(&self.since)
    }
}

/// A lease as PostgreSQL counts it; none is longer than a century.
pub(super) fn interval_of(lease: Duration) -> PgInterval {
    // It counts in microseconds, and what is shorter is no goodbye.
    let shortest = if lease.is_zero() { Duration::ZERO } else { Duration::from_micros(1) };
    interval(lease.clamp(shortest, CENTURY))
}

/// The answer of a heartbeat.
pub(super) fn pulse(rows: &[PgRow]) -> Result<Pulse> {
    match rows.first().and_then(|row| row.try_get(0).ok()) {
        Some(true) => Ok(Pulse::Known),
        Some(false) => Ok(Pulse::Unknown),
        None => Err(unexpected("no pulse")),
    }
}

/// The columns `incarnation` and `name`. Nothing when somebody else has written them.
pub(super) fn server(row: &PgRow) -> Option<Server> {
    let name = std::str::from_utf8(row.try_get(1).ok()?).ok()?;
    Server::known(name, Incarnation::from_bytes(id(row, 0)?)).ok()
}

/// The same, and the columns of a connection.
pub(super) fn connection(row: &PgRow) -> Option<(Server, ConnectionEntry)> {
    let user = |bytes: &[u8]| UserId::new(std::str::from_utf8(bytes).ok()?).ok();
    let since: i64 = row.try_get(5).ok()?;
    let entry = ConnectionEntry {
        connection: ConnectionId::from_bytes(id(row, 2)?),
        session: SessionId::from_bytes(id(row, 3)?),
        user: match row.try_get::<Option<&[u8]>, _>(4).ok()? {
            Some(bytes) => Some(user(bytes)?),
            None => None,
        },
        since: Timestamp::from_millis(u64::try_from(since).ok()?),
    };
    Some((server(row)?, entry))
}

fn id(row: &PgRow, column: usize) -> Option<[u8; 16]> {
    row.try_get::<&[u8], _>(column).ok()?.try_into().ok()
}
