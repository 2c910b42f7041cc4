//! A Cluster: a connection to each of its nodes, and the way from a key to its node.
//!
//! The driver has this as well, for all nodes in one task: there a node that hangs holds up the
//! callers of the others, and a slot that moves at a busy moment stops them for good (redis 1.8 on
//! tokio 1.54: the task waits for a lock that commands of its own hold).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{FutureExt as _, select_ok};
use redis::{Arg, Cmd, ErrorKind, RedisResult};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use typed_sessions_core::__backend::lock;

use super::connection::{Node, Route};
use super::pipe::Failure;
use super::shared::{Connect, Keeping, SharedConnection};
use super::slots::Slots;

/// The nodes are not asked for their slots more often than this.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a command waits to hear who has which slots when it knows already where it might go.
const PATIENCE: Duration = Duration::from_millis(250);

pub(crate) struct Cluster {
    /// Those that the URL names.
    seeds: Vec<Node>,
    connect: Box<dyn Fn(&Node) -> Connect + Send + Sync>,
    keeping: Keeping,
    connections: Mutex<HashMap<Node, Arc<SharedConnection>>>,
    slots: Mutex<Slots>,
    /// Nodes where something went wrong: their slots may have other owners now, and they may be the
    /// last to know.
    doubted: Mutex<HashSet<Node>>,
    /// When the nodes were asked last.
    asked: Mutex<Asked>,
    /// Told when they have answered.
    answered: Notify,
}

/// When the nodes were asked last, and whether that is over. Nobody waits for whoever asks longer
/// than until the next time: their runtime may stand still.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    at: Option<Instant>,
    is_over: bool,
}

impl Cluster {
    pub(crate) fn new(
        seeds: Vec<Node>,
        keeping: Keeping,
        connect: impl Fn(&Node) -> Connect + Send + Sync + 'static,
    ) -> Self {
        Self {
            seeds,
            connect: Box::new(connect),
            keeping,
            connections: Mutex::default(),
            slots: Mutex::default(),
            doubted: Mutex::default(),
            asked: Mutex::default(),
            answered: Notify::new(),
        }
    }

    /// The connection to the node that has the command's key, or to that of the route.
    pub(crate) async fn connection(
        &self,
        command: &Cmd,
        route: &Route,
    ) -> RedisResult<Arc<SharedConnection>> {
        if let Route::Node(node) | Route::Asking(node) = route {
            return Ok(self.connection_to(node));
        }
        if self.owner(command).is_none() {
            self.ask().await?;
        } else if !lock(&self.doubted).is_empty() {
            // Without an answer: the node that had the slot may still have it.
            let _ = timeout(PATIENCE, self.ask()).await;
        }
        match self.owner(command) {
            Some(node) => Ok(self.connection_to(&node)),
            None => Err((
                ErrorKind::ClusterConnectionNotFound,
                "no node of the Cluster has the key's slot",
            )
                .into()),
        }
    }

    /// A redirection told who has the command's key.
    pub(crate) fn moved(&self, command: &Cmd, node: &Node) {
        if let Some(key) = key(command) {
            lock(&self.slots).moved(slot(key), node.clone());
        }
    }

    /// A command did not succeed at its node: the next one asks other nodes who has which slots.
    pub(crate) fn doubt(&self, command: &Cmd, route: &Route) {
        let node = match route {
            Route::ByKey => self.owner(command),
            Route::Node(node) | Route::Asking(node) => Some(node.clone()),
        };
        lock(&self.doubted).extend(node);
    }

    /// Asks the nodes who has which slots; the first answer counts.
    pub(crate) async fn ask(&self) -> RedisResult<()> {
        loop {
            let answered = self.answered.notified();
            let recently = {
                let mut asked = lock(&self.asked);
                let recently = asked.at.filter(|at| at.elapsed() < PAUSE);
                if recently.is_some() && asked.is_over {
                    return Ok(());
                }
                if recently.is_none() {
                    *asked = Asked { at: Some(Instant::now()), is_over: false };
                }
                recently
            };
            match recently {
                None => break,
                // Somebody asks.
                Some(at) => drop(timeout_at(at + PAUSE, answered).await),
            }
        }
        let answer = self.ask_now().await;
        lock(&self.asked).is_over = true;
        self.answered.notify_waiters();
        answer
    }

    async fn ask_now(&self) -> RedisResult<()> {
        let doubted = lock(&self.doubted).clone();
        let known: HashSet<Node> =
            lock(&self.connections).keys().chain(&self.seeds).cloned().collect();
        let mut nodes: Vec<&Node> = known.difference(&doubted).collect();
        if nodes.is_empty() {
            nodes.extend(&known);
        }
        let (slots, _) = select_ok(nodes.iter().map(|node| self.ask_node(node).boxed())).await?;
        lock(&self.connections).retain(|node, _| {
            self.seeds.contains(node) || slots.owners().any(|owner| owner == node)
        });
        *lock(&self.slots) = slots;
        // What went wrong meanwhile is told again by the next one who meets with it.
        lock(&self.doubted).clear();
        Ok(())
    }

    async fn ask_node(&self, node: &Node) -> RedisResult<Slots> {
        let shared = self.connection_to(node);
        let (generation, mut connection) = shared.get(0).await?;
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let answer = connection.send(&command, Route::ByKey).await.map_err(Failure::into_error);
        if answer.as_ref().is_err_and(redis::RedisError::is_connection_dropped) {
            shared.discard(generation);
        }
        Slots::parse(answer?.into_value()?, node)
    }

    fn connection_to(&self, node: &Node) -> Arc<SharedConnection> {
        let mut connections = lock(&self.connections);
        let new = || Arc::new(SharedConnection::new((self.connect)(node), self.keeping));
        Arc::clone(connections.entry(node.clone()).or_insert_with(new))
    }

    /// Who has the command's key; for a command without one, anybody.
    fn owner(&self, command: &Cmd) -> Option<Node> {
        let slots = lock(&self.slots);
        match key(command) {
            Some(key) => slots.owner(slot(key)).cloned(),
            None => slots.owners().next().cloned(),
        }
    }
}

/// The key of a command, if it is about one.
pub(super) fn key(command: &Cmd) -> Option<&[u8]> {
    let mut words =
        command.args_iter().map(|word| if let Arg::Simple(word) = word { word } else { b"" });
    match words.next()? {
        b"EVALSHA" | b"EVAL" => words.nth(2),
        b"CLUSTER" | b"PING" | b"SCAN" => None,
        _ => words.next(),
    }
}

/// The slot of a key, or of what it has between braces (Redis Cluster Specification, "Key
/// distribution model").
fn slot(key: &[u8]) -> u16 {
    let find = |from: usize, brace: u8| {
        key.iter().skip(from).position(|byte| *byte == brace).map(|at| from + at)
    };
    let tag = find(0, b'{')
        .and_then(|open| Some(open + 1..find(open + 1, b'}')?))
        .filter(|tag| !tag.is_empty());
    crc16::State::<crc16::XMODEM>::calculate(tag.map_or(key, |tag| &key[tag])) % 16384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_where_the_commands_have_them() {
        let command = |words: &[&str]| {
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]);
            command
        };
        for (words, expected) in [
            (&["HGETALL", "k"][..], Some("k")),
            (&["EVALSHA", "hash", "1", "k", "v"], Some("k")),
            (&["EVAL", "return 1", "1", "k"], Some("k")),
            (&["ZREM", "k", "member"], Some("k")),
            (&["CLUSTER", "NODES"], None),
            (&["SCAN", "0"], None),
        ] {
            assert_eq!(key(&command(words)), expected.map(str::as_bytes), "{words:?}");
        }
    }

    #[test]
    fn slots_are_those_of_redis() {
        // What `CLUSTER KEYSLOT` answers.
        for (key, expected) in [
            ("123456789", 12739),
            ("{user1000}.following", slot(b"user1000")),
            ("foo{}{bar}", slot(b"foo{}{bar}")),
            ("foo{{bar}}zap", slot(b"{bar")),
            ("foo{bar}{zap}", slot(b"bar")),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"));
    }
}
