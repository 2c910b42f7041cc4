//! Who is connected where: the servers with their leases, and a sorted set for each of them.

use futures::future::try_join_all;
use redis::{Cmd, Value};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::Result;
use typed_sessions_core::bus::{Beat, ConnectionEntry, Incarnation, Pulse, Server, Whose};

use super::entry::{beginning, members, read};
use crate::commands::{BATCH, Commands};
use crate::error::unexpected;
use crate::script::{self, millis_rounded_up};

/// How many connections come with one answer.
const PAGE: usize = 1000;

impl Commands<'_> {
    /// Not sent twice: the second time the server would be known, by the first.
    pub(super) async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
        let keys = [self.keys.servers(), self.keys.connections_on(server.incarnation())];
        let fill = |command: &mut Cmd| {
            let lease = if beat.lease.is_zero() { 0 } else { millis_rounded_up(beat.lease) };
            let all = |entries: &[ConnectionEntry]| -> Vec<String> {
                entries.iter().flat_map(members).collect()
            };
            let (left, joined) = (all(&beat.left), all(&beat.joined));
            let member = format!("{}{}", server.incarnation(), server.name());
            command.arg(member).arg(lease).arg(left.len()).arg(left).arg(joined);
        };
        match self.run(&script::HEARTBEAT, Effect::Once, &keys, fill).await? {
            Value::Int(0) => Ok(Pulse::Unknown),
            Value::Int(1) => Ok(Pulse::Known),
            _ => Err(unexpected("no outcome of a heartbeat")),
        }
    }

    /// What is no server is left out.
    pub(super) async fn servers(&self) -> Result<Vec<Server>> {
        let reply =
            self.run(&script::SERVERS, Effect::Repeatable, &[self.keys.servers()], |_| {}).await?;
        Ok(texts(reply)?.iter().filter_map(|member| read_server(member)).collect())
    }

    /// What is no connection is left out.
    pub(super) async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
        let servers = self.servers().await?;
        let mut all = Vec::new();
        for batch in servers.chunks(BATCH) {
            let listed = batch.iter().map(|server| self.connections_on(server, of));
            all.extend(try_join_all(listed).await?.into_iter().flatten());
        }
        Ok(all)
    }

    async fn connections_on(
        &self,
        server: &Server,
        of: &Whose,
    ) -> Result<Vec<(Server, ConnectionEntry)>> {
        let beginning = beginning(of).into_bytes();
        // No byte of a text is so high, so it is above all that goes on from there.
        let last = [b"(", &beginning[..], b"\xff"].concat();
        let mut first = [b"[", &beginning[..]].concat();
        let mut all = Vec::new();
        loop {
            let mut command = redis::cmd("ZRANGE");
            command.arg(self.keys.connections_on(server.incarnation())).arg(&first).arg(&last);
            command.arg("BYLEX").arg("LIMIT").arg(0).arg(PAGE);
            let page = texts(self.send(&command).await?)?;
            let entries = page.iter().filter_map(|member| read(of, member));
            all.extend(entries.map(|entry| (server.clone(), entry)));
            match page.last() {
                Some(member) if page.len() == PAGE => first = [b"(", &member[..]].concat(),
                _ => return Ok(all),
            }
        }
    }
}

/// A member of the servers: the incarnation, and then the name.
fn read_server(member: &[u8]) -> Option<Server> {
    let (incarnation, name) = str::from_utf8(member).ok()?.split_at_checked(INCARNATION_LENGTH)?;
    Server::known(name, incarnation.parse::<Incarnation>().ok()?).ok()
}

const INCARNATION_LENGTH: usize = 22;

/// Any bytes: others may have written them.
fn texts(reply: Value) -> Result<Vec<Vec<u8>>> {
    let Value::Array(items) = reply else { return Err(unexpected("no list")) };
    let text = |item| match item {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(unexpected("no text where one should be")),
    };
    items.into_iter().map(text).collect()
}
