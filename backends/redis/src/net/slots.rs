//! Which node of a Cluster has which slots.

use std::collections::{BTreeMap, HashMap};

use redis::{ErrorKind, RedisError, RedisResult, Value};

use super::connection::Node;

/// What a node answered to `CLUSTER SLOTS`, and what redirections have said since.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    /// By the last slot of a range: its first one, and who has it.
    ranges: BTreeMap<u16, (u16, Node)>,
    moved: HashMap<u16, Node>,
}

impl Slots {
    /// Reads the answer of a node that is reached at this address.
    pub(crate) fn parse(answer: Value, asked: &Node) -> RedisResult<Self> {
        let Value::Array(ranges) = answer else { return Err(no_slots()) };
        let ranges: BTreeMap<_, _> =
            ranges.into_iter().filter_map(|range| parse_range(range, asked)).collect();
        if ranges.is_empty() { Err(no_slots()) } else { Ok(Self { ranges, moved: HashMap::new() }) }
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<&Node> {
        self.moved.get(&slot).or_else(|| {
            let (_, (first, node)) = self.ranges.range(slot..).next()?;
            (*first <= slot).then_some(node)
        })
    }

    /// A redirection told who has a slot.
    pub(crate) fn moved(&mut self, slot: u16, node: Node) {
        self.moved.insert(slot, node);
    }

    /// Everybody who has slots, some of them more than once.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &Node> {
        self.ranges.values().map(|(_, node)| node).chain(self.moved.values())
    }
}

/// `[first, last, [host, port, ...], replica, ...]`.
fn parse_range(range: Value, asked: &Node) -> Option<(u16, (u16, Node))> {
    let Value::Array(parts) = range else { return None };
    let mut parts = parts.into_iter();
    let (first, last) = (number(&parts.next()?)?, number(&parts.next()?)?);
    let Value::Array(master) = parts.next()? else { return None };
    let [host, port, ..] = &master[..] else { return None };
    let host = match host {
        Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
        Value::SimpleString(host) => host.clone(),
        Value::Nil => String::new(),
        _ => return None,
    };
    // A node that does not know its own address means the one at which it was asked.
    let host = if host.is_empty() { asked.host.clone() } else { host };
    Some((last, (first, Node { host, port: number(port)? })))
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

fn no_slots() -> RedisError {
    (
        ErrorKind::ClusterConnectionNotFound,
        "a node of the Cluster does not know who has which slots",
    )
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str, port: u16) -> Node {
        Node { host: host.to_owned(), port }
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let master = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master.clone(), master])
    }

    #[test]
    fn slots_have_owners_until_they_move() {
        let host = |name: &str| Value::BulkString(name.as_bytes().to_vec());
        let answer = vec![
            range(0, 5, host("a"), 1),
            range(6, 6, host(""), 2),
            range(8, 16383, Value::Nil, 3),
        ];
        let mut slots = Slots::parse(Value::Array(answer), &node("asked", 9)).expect("an answer");
        for (slot, owner) in [(0, "a"), (5, "a"), (6, "asked"), (8, "asked"), (16383, "asked")] {
            assert_eq!(slots.owner(slot).map(|node| &*node.host), Some(owner), "{slot}");
        }
        assert_eq!(slots.owner(7), None, "nobody has it");
        slots.moved(5, node("b", 4));
        slots.moved(7, node("b", 4));
        assert_eq!(
            [4, 5, 7].map(|slot| slots.owner(slot).map(|node| node.port)),
            [Some(1), Some(4), Some(4)]
        );
        assert!(slots.owners().any(|owner| *owner == node("b", 4)));
    }

    #[test]
    fn what_names_nobody_is_no_answer() {
        let odd = range(0, 70000, Value::Nil, 1);
        let short = Value::Array(vec![Value::Int(0)]);
        for answer in [
            Value::Nil,
            Value::Okay,
            Value::Array(vec![]),
            Value::Array(vec![odd, short, Value::Int(1)]),
        ] {
            assert!(Slots::parse(answer, &node("a", 1)).is_err());
        }
    }
}
