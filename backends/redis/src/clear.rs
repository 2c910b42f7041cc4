//! Ends the sessions of everybody.

use futures::future::join_all;
use redis::Value;
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::store::{More, Owned};
use typed_sessions_core::{Error, ErrorKind, Result, SessionId};

use crate::commands::{BATCH, Commands};
use crate::error::{from_driver, unexpected};
use crate::net::{Answer, Node, Route};
use crate::reply::{Ended, text};
use crate::session_hash::OnlyIf;

/// Keys that one `SCAN` looks at.
const SCANNED_AT_ONCE: usize = 1000;

/// The cursor with which a scan begins.
const FIRST: &str = "0";

/// Where keys are.
#[derive(Debug, PartialEq, Eq)]
enum Masters {
    One,
    /// The masters of a Cluster, each with the slots that it has.
    Cluster(Vec<(Node, String)>),
}

impl Commands<'_> {
    /// Ends about so many sessions, from the beginning of the database.
    pub(crate) async fn clear(&self, at_most: usize) -> Result<More> {
        let mut ended = 0;
        match self.clear_all(at_most.max(1), &mut ended).await {
            // The time is up, and was not spent in vain.
            Err(error) if error.kind() == ErrorKind::Unavailable && ended > 0 => Ok(More::Yes),
            outcome => outcome,
        }
    }

    async fn clear_all(&self, at_most: usize, ended: &mut usize) -> Result<More> {
        let masters = self.masters().await?;
        for route in masters.routes() {
            let mut cursor = FIRST.to_owned();
            loop {
                let (next, sessions) = self.scan(&route, &cursor).await?;
                let mut sessions = &sessions[..];
                while !sessions.is_empty() {
                    if *ended >= at_most {
                        return Ok(More::Yes);
                    }
                    let (batch, rest) =
                        sessions.split_at(sessions.len().min(BATCH).min(at_most - *ended));
                    self.end_all(batch, ended).await?;
                    sessions = rest;
                }
                // The last page points to the first one again.
                if next == FIRST {
                    break;
                }
                cursor = next;
            }
        }
        // Keys that moved from one master to another meanwhile may have been passed over.
        if self.masters().await? == masters { Ok(More::No) } else { Ok(More::Yes) }
    }

    /// Ends these sessions, and counts them. One that cannot be ended keeps no other from it.
    async fn end_all(&self, sessions: &[SessionId], ended: &mut usize) -> Result<()> {
        let all = sessions.iter().map(|id| self.end(id, OnlyIf::Owned(&Owned::Anyones)));
        let mut outcome = Ok(());
        for one in join_all(all).await {
            match one {
                Ok(Ended::Yes { .. }) => *ended += 1,
                Ok(Ended::Missing | Ended::Superseded) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    async fn masters(&self) -> Result<Masters> {
        if !self.call.is_cluster() {
            return Ok(Masters::One);
        }
        let mut command = redis::cmd("CLUSTER");
        command.arg("NODES");
        let reply = self.send(&command).await?;
        let nodes =
            redis::from_redis_value::<String>(reply).map_err(|_| unexpected("no list of nodes"))?;
        let masters: Result<Vec<_>> = nodes.lines().filter_map(parse_master).collect();
        let mut masters = masters?;
        masters.sort_unstable_by(|(_, slots), (_, others)| slots.cmp(others));
        Ok(Masters::Cluster(masters))
    }

    /// A page of keys. All but the first are asked for once: to another server, which has perhaps
    /// taken over meanwhile, a cursor means something else.
    async fn scan(&self, route: &Route, cursor: &str) -> Result<(String, Vec<SessionId>)> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(self.keys.all_sessions());
        command.arg("COUNT").arg(SCANNED_AT_ONCE).arg("TYPE").arg("hash");
        let effect = if cursor == FIRST { Effect::Repeatable } else { Effect::Once };
        let reply = self.call.send_to(&command, effect, route).await;
        let Value::Array(parts) =
            reply.and_then(Answer::into_value).map_err(|error| from_driver(&error))?
        else {
            return Err(unexpected("no page of keys"));
        };
        let Ok([next, Value::Array(keys)]) = <[Value; 2]>::try_from(parts) else {
            return Err(unexpected("no page of keys"));
        };
        let session = |key| match key {
            Value::BulkString(key) => self.keys.session_of(&key),
            _ => None,
        };
        Ok((text(next)?, keys.into_iter().filter_map(session).collect()))
    }
}

impl Masters {
    fn routes(&self) -> Vec<Route> {
        match self {
            Self::One => vec![Route::ByKey],
            Self::Cluster(masters) => {
                masters.iter().map(|(node, _)| Route::Node(node.clone())).collect()
            }
        }
    }
}

/// A master that has slots, from a line of `CLUSTER NODES`; `None` for any other node.
///
/// `<id> <ip:port@bus,host> <flags> <master> <ping> <pong> <config epoch> <state> <slots> ...`
fn parse_master(line: &str) -> Option<Result<(Node, String)>> {
    let columns: Vec<&str> = line.split(' ').collect();
    let [_, address, flags, _, _, _, epoch, _, slots @ ..] = &columns[..] else { return None };
    if slots.is_empty() || !flags.split(',').any(|flag| flag == "master") {
        return None;
    }
    let node = address.split(['@', ',']).next().and_then(Node::parse);
    // Without those that are about to move, which the node itself tells in brackets.
    let slots: Vec<&str> = slots.iter().copied().filter(|slot| !slot.starts_with('[')).collect();
    let slots = format!("{epoch} {}", slots.join(" "));
    // Not to be passed over: its sessions may come back with it, or with its replica.
    Some(node.map(|node| (node, slots)).ok_or_else(|| {
        Error::unavailable("a node of the Cluster that has slots has no known address")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_found() {
        let parsed = |line| match parse_master(line) {
            Some(Ok((node, slots))) => format!("{}:{} has {slots}", node.host, node.port),
            Some(Err(error)) => format!("{:?}", error.kind()),
            None => "none".to_owned(),
        };
        for (line, expected) in [
            ("07c3 127.0.0.1:30004@31004,host slave e7d1 0 1426 4 connected", "none"),
            (
                "67ed 127.0.0.1:30002@31002 master - 0 1426 2 connected 5461-10922 7 [8->-e7d1]",
                "127.0.0.1:30002 has 2 5461-10922 7",
            ),
            (
                "e7d1 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460",
                "127.0.0.1:30001 has 1 0-5460",
            ),
            ("e7d1 127.0.0.1:30001@31001 master - 0 0 1 connected", "none"),
            (
                "e7d1 127.0.0.1:30001@31001 master,fail - 0 0 1 disconnected 0-5460",
                "127.0.0.1:30001 has 1 0-5460",
            ),
            ("e7d1 :0@0 master,noaddr - 0 0 1 disconnected 0-5460", "Unavailable"),
            ("", "none"),
        ] {
            assert_eq!(parsed(line), expected, "{line}");
        }
    }
}
