//! What a session holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use typed_sessions::{SessionData, SessionUser};

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: u64,
    pub name: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// A visit to the shop. Whoever comes next to a shared computer finds nothing of it: what is marked
/// `until_logout` goes when its member signs out.
#[derive(Debug, SessionData)]
pub struct Visit {
    #[session(user)]
    pub member: Option<Member>,
    /// How many of which tea.
    #[session(until_logout)]
    pub cart: BTreeMap<String, u32>,
    /// The code that confirms an order.
    #[session(ttl = "5m", until_logout)]
    pub code: Option<String>,
}

/// How the pages look: another struct on the same session, which outlives a sign-out.
#[derive(Debug, SessionData)]
#[session(namespace = "look")]
pub struct Look {
    pub theme: Theme,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// As serde names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}
