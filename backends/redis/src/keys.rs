//! Names: the keys in Redis and the members of an index.

use std::fmt;
use std::str::FromStr;

use typed_sessions_core::{SessionId, UserId};

/// Makes the keys of one application.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub(crate) fn session(&self, id: &SessionId) -> String {
        format!("{}:id:{id}", self.prefix)
    }

    pub(crate) fn user(&self, user: &UserId) -> String {
        format!("{}:user:{user}", self.prefix)
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

/// A member of a user's index: a session and the seat that it took by one login. No two logins share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) id: SessionId,
    pub(crate) seat: String,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.seat)
    }
}

impl FromStr for Member {
    type Err = NotAMember;

    fn from_str(text: &str) -> Result<Self, NotAMember> {
        let (id, seat) = text.split_once('.').ok_or(NotAMember)?;
        Ok(Self { id: id.parse().map_err(|_| NotAMember)?, seat: seat.to_owned() })
    }
}

#[derive(Debug)]
pub(crate) struct NotAMember;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_others_are_told_apart() {
        let keys = Keys::new("a*[b]");
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
    fn members_read_back() {
        let member =
            Member { id: SessionId::from_bytes([7; 16]), seat: "1795384800123456".to_owned() };
        assert_eq!(member.to_string().parse::<Member>().ok(), Some(member));
        assert!("BwcHBwcHBwcHBwcHBwcHBw".parse::<Member>().is_err());
        assert!("x.1".parse::<Member>().is_err());
    }
}
