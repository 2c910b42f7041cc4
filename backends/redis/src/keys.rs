//! Names: the keys in Redis, what a session's hash holds beside its fields, and the members of an
//! index.

use std::fmt;
use std::str::FromStr;

use typed_sessions_core::bus::{Channel, Incarnation};
use typed_sessions_core::{Error, Result, SessionId, UserId};

/// In a session's hash: the header's text.
pub(crate) const HEADER: &str = "$header";
/// In a session's hash: the [guard](crate::guard).
pub(crate) const GUARD: &str = "$guard";
/// In a session's hash: the seat that the session has in its user's index.
pub(crate) const SEAT: &str = "$seat";
/// In a session's hash: until when the index of its user lasts at least, as far as the session was
/// told; by Redis's clock, in ms.
pub(crate) const INDEXED_UNTIL: &str = "$indexed_until";

/// Makes the keys of one application: `<prefix>:id:<session>` and `<prefix>:user:<user>`. Those of
/// the bus begin with `<prefix>:{<prefix>:live}:`, which puts them into one slot of a Cluster.
///
/// A user's id may be any text. So that no two of prefix and user make the same key, the prefix
/// ends with the first colon, and has none.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self> {
        if prefix.contains(':') {
            return Err(Error::config(format!(
                "the prefix `{prefix}` has a colon, which ends a prefix in the names of keys: with \
                 it, applications with different prefixes could share a key; take another \
                 character, such as `-` or `.`"
            )));
        }
        if prefix.contains("{}") {
            return Err(Error::config(format!(
                "the prefix `{prefix}` has `{{}}`, with which a Cluster keeps no two keys together: \
                 leave it out"
            )));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    pub(crate) fn session(&self, id: &SessionId) -> String {
        format!("{}:id:{id}", self.prefix)
    }

    pub(crate) fn user(&self, user: &UserId) -> String {
        format!("{}:user:{user}", self.prefix)
    }

    /// The servers that have connections.
    pub(crate) fn servers(&self) -> String {
        self.live("servers")
    }

    /// The connections of one of them.
    pub(crate) fn connections_on(&self, server: Incarnation) -> String {
        self.live(format_args!("on:{server}"))
    }

    pub(crate) fn channel(&self, channel: &Channel) -> String {
        match channel {
            Channel::Control => self.live("control"),
            Channel::Server(incarnation) => self.live(format_args!("to:{incarnation}")),
        }
    }

    fn live(&self, name: impl fmt::Display) -> String {
        format!("{0}:{{{0}:live}}:{name}", self.prefix)
    }

    /// The session that a key belongs to; `None` for any other key.
    pub(crate) fn session_of(&self, key: &[u8]) -> Option<SessionId> {
        let rest = key.strip_prefix(self.prefix.as_bytes())?.strip_prefix(b":id:")?;
        std::str::from_utf8(rest).ok()?.parse().ok()
    }

    /// What `SCAN` must match: all sessions, and perhaps keys of others.
    pub(crate) fn all_sessions(&self) -> String {
        let mut pattern = String::new();
        for char in self.prefix.chars() {
            if matches!(char, '*' | '?' | '[' | ']' | '^' | '\\') {
                pattern.push('\\');
            }
            pattern.push(char);
        }
        pattern + ":id:*"
    }
}

/// A member of a user's index: a session, and the seat that one login to it took.
///
/// A **seat** is taken before a login is written to the session, and left when the next login or
/// logout has been, or when the session has ended. Its number is the server's time in microseconds;
/// each is above all others in the index. The session's hash says which seat is the session's. So a
/// login that is refused gives up its own seat and no other's, and no two logins to one session can
/// undo each other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) id: SessionId,
    pub(crate) seat: u64,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.seat)
    }
}

impl FromStr for Member {
    type Err = NotAMember;

    fn from_str(text: &str) -> std::result::Result<Self, NotAMember> {
        let (id, seat) = text.split_once('.').ok_or(NotAMember)?;
        let id = id.parse().map_err(|_| NotAMember)?;
        Ok(Self { id, seat: seat.parse().map_err(|_| NotAMember)? })
    }
}

#[derive(Debug)]
pub(crate) struct NotAMember;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_others_are_told_apart() {
        let keys = Keys::new("a*[b]").expect("a prefix");
        let id = SessionId::from_bytes([7; 16]);
        assert_eq!(keys.session_of(keys.session(&id).as_bytes()), Some(id));
        assert_eq!(keys.all_sessions(), r"a\*\[b\]:id:*");
        for foreign in [
            "a*[b]:id:",
            "a*[b]:id:x",
            "axb:id:BwcHBwcHBwcHBwcHBwcHBw",
            "a*[b]:user:BwcHBwcHBwcHBwcHBwcHBw",
        ] {
            assert_eq!(keys.session_of(foreign.as_bytes()), None, "{foreign}");
        }
        assert_eq!(keys.session_of(b"a*[b]:id:\xff"), None);
    }

    #[test]
    fn a_prefix_ends_where_it_cannot_be_continued() {
        for prefix in ["a:", ":", "acme:user", ":id", "a:b"] {
            let error = Keys::new(prefix).expect_err(prefix);
            assert!(error.to_string().contains(&format!("`{prefix}` has a colon")), "{error}");
        }
        let mut seen = std::collections::HashSet::new();
        for prefix in ["", "acme", "acme-user", "user", "id"] {
            let keys = Keys::new(prefix).expect(prefix);
            for user in ["bob", "user:bob", ":user:bob", "id:bob"] {
                assert!(seen.insert(keys.user(&UserId::new(user).expect(user))), "{prefix} {user}");
            }
        }
    }

    #[test]
    fn members_read_back() {
        let member = Member { id: SessionId::from_bytes([7; 16]), seat: 1_795_384_800_123_456 };
        assert_eq!(member.to_string().parse::<Member>().ok(), Some(member));
        for odd in ["", ".", "BwcHBwcHBwcHBwcHBwcHBw", "BwcHBwcHBwcHBwcHBwcHBw.x", "x.1"] {
            assert!(odd.parse::<Member>().is_err(), "{odd}");
        }
    }
}
