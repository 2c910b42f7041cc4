//! A user's sessions in pages, so that any number of them takes bounded memory.

use std::fmt;

use super::record::Header;
use crate::token::SessionId;

/// Which part of a user's sessions is asked for.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where the page before ended; `None` for the first one.
    pub after: Option<Cursor>,
    /// About how many sessions it should have: a store may give somewhat more, or fewer.
    pub at_most: usize,
}

/// A page of a user's sessions.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The sessions. `None` in the place of a header: the session is there and its header cannot be
    /// read, perhaps because a newer version wrote it. It can still be ended.
    pub sessions: Vec<(SessionId, Option<Header>)>,
    /// Where the next page begins; `None`: this was the last one. An empty page need not be it.
    pub next: Option<Cursor>,
}

/// Where a page ended, in bytes that mean something to the store alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Page {
    /// The first page of about so many sessions.
    pub fn first(at_most: usize) -> Self {
        Self { after: None, at_most }
    }

    /// The page that begins there.
    pub fn after(cursor: Cursor, at_most: usize) -> Self {
        Self { after: Some(cursor), at_most }
    }
}

impl Cursor {
    /// A cursor of these bytes, for stores.
    ///
    /// ```
    /// use typed_sessions::store::Cursor;
    ///
    /// assert_eq!(Cursor::new(*b"17").as_bytes(), b"17");
    /// ```
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// What the store put into it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({} bytes)", self.0.len())
    }
}
