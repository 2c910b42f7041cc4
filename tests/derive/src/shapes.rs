//! Structs of every shape, with every attribute.

use serde::{Deserialize, Serialize};
use typed_sessions::{SessionData, SessionUser};

/// Somebody who can log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who it is.
    pub id: u64,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// Every attribute.
#[derive(Debug, SessionData)]
#[session(namespace = "all", crate = typed_sessions)]
pub struct Everything {
    /// Who is logged in.
    #[session(user, key = "who", alias = "member")]
    pub member: Option<Member>,
    /// A doc comment with "quotes", a `backtick`, a \ and a `{brace}`.
    #[session(key = "lang", alias = "language", alias = "locale")]
    #[session(default = "en".to_owned(), until_logout)]
    pub language: String,
    #[session(ttl = "1h30m", or_default)]
    pub(crate) code: Option<String>,
    #[session(default = Some(3))]
    #[session(ttl = "5m")]
    tries: Option<u8>,
    #[session(skip, default = vec![1, 2])]
    /// Kept for a while.
    pub cache: Vec<u8>,
    #[session(skip)]
    /// Kept for a while.
    pub unstored: Option<NotStored>,
    /// Not used any more.
    #[deprecated = "use `language`"]
    pub old: u8,
    #[doc(hidden)]
    pub secret: u8,
    #[doc = concat!("Made ", "by a macro.")]
    pub made: u8,
}

/// Neither `Serialize` nor `Default`.
#[derive(Debug)]
pub struct NotStored;

/// No field at all.
#[derive(Debug, SessionData)]
pub struct Empty {}

/// No stored field.
#[derive(Debug, SessionData)]
pub struct Unstored {
    #[session(skip)]
    /// Kept for a while.
    pub cache: u8,
}

/// One field.
#[derive(Debug, SessionData)]
pub struct One {
    one: u8,
}

/// A struct that contains itself.
#[derive(Debug, Default, Serialize, Deserialize, SessionData)]
pub struct Node {
    /// What is below.
    pub children: Vec<Self>,
    /// What is beside.
    pub next: Option<Box<Self>>,
}

/// A struct inside a function.
#[must_use]
pub fn local() -> &'static str {
    #[derive(Debug, SessionData)]
    struct Local {
        inner: Vec<u8>,
        #[session(default = twice(2))]
        pub outer: u8,
    }

    const fn twice(number: u8) -> u8 {
        number * 2
    }

    Local::INNER.key()
}

macro_rules! made {
    ($name:ident, $field:ident: $ty:ty, $option:ty, $key:literal, $default:expr) => {
        /// A struct from a macro.
        #[derive(Debug, SessionData)]
        pub struct $name {
            #[session(key = $key, default = $default)]
            $field: $ty,
            #[session(ttl = "5m")]
            code: $option,
        }
    };
}

made!(Made, field: u8, Option<u8>, "made", 1 + 1);

mod inner {
    use typed_sessions::SessionData;

    #[derive(Debug, SessionData)]
    pub(super) struct Visible {
        pub(in crate::shapes) here: u8,
        pub(super) there: u8,
        hidden: u8,
    }
}

/// The constants have the visibility of their fields.
#[must_use]
pub fn keys() -> [&'static str; 2] {
    [inner::Visible::HERE.key(), inner::Visible::THERE.key()]
}
