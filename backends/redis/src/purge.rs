//! Ends what is past its deadline but still stored.

use redis::Value;
use typed_sessions_core::{Header, Result, SessionId, Timestamp};

use crate::connection::{Node, Route};
use crate::error::{from_driver, unexpected};
use crate::link::Effect;
use crate::reply::texts;
use crate::store::RedisStore;

/// Keys that one `SCAN` looks at.
const BATCH: usize = 1000;

impl RedisStore {
    /// Looks at every session. Redis forgets sessions by itself: this is for those whose clock ran faster than its own.
    pub(crate) async fn purge(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let mut purged = 0;
        for route in self.masters().await? {
            let mut cursor = "0".to_owned();
            while purged < limit {
                let (next, sessions) = self.scan(&route, &cursor).await?;
                for id in sessions {
                    if purged < limit && self.purge_one(&id, now).await? {
                        purged += 1;
                    }
                }
                if next == "0" {
                    break;
                }
                cursor = next;
            }
        }
        Ok(purged)
    }

    /// Where keys are: the one server, or every master of the Cluster.
    async fn masters(&self) -> Result<Vec<Route>> {
        let call = self.call();
        if !call.is_cluster().await.map_err(|error| from_driver(&error))? {
            return Ok(vec![Route::ByKey]);
        }
        let mut command = redis::cmd("CLUSTER");
        command.arg("NODES");
        let reply =
            call.send(&command, Effect::Repeatable).await.map_err(|error| from_driver(&error))?;
        let nodes =
            redis::from_redis_value::<String>(reply).map_err(|_| unexpected("no list of nodes"))?;
        Ok(nodes.lines().filter_map(master).map(Route::Node).collect())
    }

    async fn scan(&self, route: &Route, cursor: &str) -> Result<(String, Vec<SessionId>)> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(self.keys().all_sessions()).arg("COUNT").arg(BATCH);
        let call = self.call();
        let reply = call.send_to(&command, Effect::Repeatable, route.clone()).await;
        let Value::Array(parts) = reply.map_err(|error| from_driver(&error))? else {
            return Err(unexpected("no page of keys"));
        };
        let Ok([Value::BulkString(next), keys]) = <[Value; 2]>::try_from(parts) else {
            return Err(unexpected("no page of keys"));
        };
        let next = String::from_utf8(next).map_err(|_| unexpected("a cursor that is no number"))?;
        let Value::Array(keys) = keys else { return Err(unexpected("no list of keys")) };
        let session = |key| match key {
            Value::BulkString(key) => self.keys().session_of(&key),
            _ => None,
        };
        Ok((next, keys.into_iter().filter_map(session).collect()))
    }

    async fn purge_one(&self, id: &SessionId, now: Timestamp) -> Result<bool> {
        let call = self.call();
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys().session(id)).arg("$header").arg("$guard");
        let reply =
            call.send(&command, Effect::Repeatable).await.map_err(|error| from_driver(&error))?;
        // Nothing, or something unreadable: neither is known to have ended.
        let Ok([header, guard]) = <[String; 2]>::try_from(texts(reply).unwrap_or_default()) else {
            return Ok(false);
        };
        if Header::from_text(&header).is_ok_and(|header| !header.is_live(now)) {
            // Unless it was touched meanwhile.
            return self.end_and_leave(&call, id, &guard).await;
        }
        Ok(false)
    }
}

/// The address of a node that serves keys, from a line of `CLUSTER NODES`: `id ip:port@bus,host flags ...`.
fn master(line: &str) -> Option<Node> {
    let mut columns = line.split(' ');
    let address = columns.nth(1)?;
    let flags = columns.next()?;
    let serves = flags.split(',').any(|flag| flag == "master")
        && !flags.contains("fail")
        && !flags.contains("noaddr");
    if serves { Node::parse(address.split(['@', ',']).next()?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_found() {
        let node = |port| Some(Node { host: "127.0.0.1".to_owned(), port });
        assert_eq!(master("07c3 127.0.0.1:30004@31004,host slave e7d1 0 1426 4 connected"), None);
        assert_eq!(
            master("67ed 127.0.0.1:30002@31002 master - 0 1426 2 connected 5461-10922"),
            node(30002)
        );
        assert_eq!(
            master("e7d1 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460"),
            node(30001)
        );
        assert_eq!(master("e7d1 127.0.0.1:30001@31001 master,fail - 0 0 1 disconnected"), None);
        assert_eq!(master("e7d1 :0@0 master,noaddr - 0 0 1 disconnected"), None);
        assert_eq!(master(""), None);
    }
}
