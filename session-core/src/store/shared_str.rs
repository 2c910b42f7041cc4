//! A text that is shared, not copied: a name of the program, or a part of a larger text.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Cloning shares the whole that it is a part of.
#[derive(Clone)]
pub(crate) enum SharedStr {
    Static(&'static str),
    Part { whole: Arc<str>, start: usize, end: usize },
}

impl SharedStr {
    pub(crate) fn new(text: &str) -> Self {
        Self::Part { whole: text.into(), start: 0, end: text.len() }
    }
}

impl From<String> for SharedStr {
    fn from(text: String) -> Self {
        let end = text.len();
        Self::Part { whole: text.into(), start: 0, end }
    }
}

impl Deref for SharedStr {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Part { whole, start, end } => &whole[*start..*end],
        }
    }
}

impl PartialEq for SharedStr {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedStr {}

impl PartialOrd for SharedStr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedStr {
    fn cmp(&self, other: &Self) -> Ordering {
        str::cmp(self, other)
    }
}

impl Hash for SharedStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        str::hash(self, state);
    }
}
