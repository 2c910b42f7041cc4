//! What all of them store: six fields, one of them a note of 200 bytes.

use dce_session::session::user::UidGetter;
use serde::{Deserialize, Serialize};
use typed_sessions::{SessionData, SessionUser};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) email: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

impl UidGetter for Member {
    fn uid(&self) -> u64 {
        self.id
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preferences {
    pub(crate) theme: String,
    pub(crate) page_size: u16,
    pub(crate) newsletter: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionData)]
pub(crate) struct Shop {
    #[session(user)]
    pub(crate) member: Option<Member>,
    pub(crate) cart: Vec<String>,
    pub(crate) language: String,
    pub(crate) visits: u32,
    pub(crate) preferences: Preferences,
    pub(crate) note: String,
}

impl Shop {
    /// As it is before its visitor logs in.
    pub(crate) fn filled() -> Self {
        Self {
            member: None,
            cart: ["tea, green, 100 g", "a pot", "two cups"].map(str::to_owned).into(),
            language: "en-GB".to_owned(),
            visits: 7,
            preferences: Preferences { theme: "dark".to_owned(), page_size: 50, newsletter: true },
            note: "Please ring twice, the bell is old. ".repeat(6)[..200].to_owned(),
        }
    }

    /// As it is when this user has logged in.
    pub(crate) fn of(user: u64) -> Self {
        Self { member: Some(member(user)), ..Self::filled() }
    }
}

pub(crate) fn member(user: u64) -> Member {
    Member { id: user, name: format!("Member {user}"), email: format!("member.{user}@example.org") }
}
