//! The fields of a record as stored: keys and texts, shared rather than copied.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::time::Timestamp;

/// The name under which a field is stored.
///
/// Keys that start with `$` are the library's own and never name a field.
///
/// ```
/// let key = typed_sessions::store::Key::new("cart");
/// assert_eq!(key.as_str(), "cart");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// A key of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a store keeps under a key: the field's JSON text, and when the field has a ttl, its
/// deadline before it (`@1767225600000 "123456"`). A store keeps it byte for byte and compares it
/// as a whole.
///
/// `Debug` shows its length only: the text is the user's data.
///
/// ```
/// use typed_sessions::store::Text;
///
/// let text = Text::from_stored("\"de\"");
/// assert_eq!(text.as_str(), "\"de\"");
/// assert_eq!(format!("{text:?}"), "[4 bytes]");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Arc<str>);

impl Text {
    /// A value as it came out of a store.
    pub fn from_stored(stored: &str) -> Self {
        Self(stored.into())
    }

    pub(crate) fn lasting(json: &str) -> Self {
        Self(json.into())
    }

    pub(crate) fn until(deadline: Timestamp, json: &str) -> Self {
        Self(format!("@{} {json}", deadline.as_millis()).into())
    }

    /// The value as a store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The JSON text, unless its deadline has passed, or lies after the latest that it can be.
    ///
    /// A deadline that cannot be read is handed out as it is, for the JSON decoder to refuse:
    /// garbage is an error, not an absent field.
    pub(crate) fn live_at(&self, now: Timestamp, latest: Option<Timestamp>) -> Option<&str> {
        let split = self.0.strip_prefix('@').and_then(|rest| rest.split_once(' '));
        match split.and_then(|(millis, json)| Some((millis.parse().ok()?, json))) {
            Some((millis, json)) => {
                let deadline = Timestamp::from_millis(millis);
                let is_possible = latest.is_none_or(|latest| deadline <= latest);
                (now < deadline && is_possible).then_some(json)
            }
            None => Some(&self.0),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// The fields of a record, in the order of their keys. Cloning shares the whole.
///
/// ```
/// use typed_sessions::store::{Fields, Key, Text};
///
/// let fields: Fields = [(Key::new("cart"), Text::from_stored("[]"))].into_iter().collect();
/// assert_eq!(fields.get("cart").map(Text::as_str), Some("[]"));
/// assert_eq!((fields.len(), fields.bytes()), (1, 6));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Arc<BTreeMap<Key, Text>>);

impl Fields {
    /// What is stored under `key`.
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.0.get(key)
    }

    /// Every key with what is stored under it.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Text)> {
        self.0.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of all keys and texts.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(key, text)| key.0.len() + text.0.len()).sum()
    }

    /// The fields after an edit.
    ///
    /// ```
    /// use typed_sessions::store::{Edit, Fields, Key, Text};
    ///
    /// let before = Fields::from_iter([(Key::new("cart"), Text::from_stored("[]"))]);
    /// let mut edit = Edit::default();
    /// edit.set.push((Key::new("visits"), Text::from_stored("1")));
    /// edit.remove.push(Key::new("cart"));
    /// let after = before.with(&edit);
    /// let keys: Vec<&str> = after.iter().map(|(key, _)| key.as_str()).collect();
    /// assert_eq!(keys, ["visits"]);
    /// assert!(before.get("cart").is_some());
    /// ```
    #[must_use]
    pub fn with(&self, edit: &Edit) -> Self {
        let mut next = self.clone();
        if !edit.is_empty() {
            let map = Arc::make_mut(&mut next.0);
            for key in &edit.remove {
                map.remove(key);
            }
            for (key, text) in &edit.set {
                map.insert(key.clone(), text.clone());
            }
        }
        next
    }
}

/// Fields to write and keys to remove. What is written wins over what is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Fields to write.
    pub set: Vec<(Key, Text)>,
    /// Keys to remove; some may not be there.
    pub remove: Vec<Key>,
}

impl Edit {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

impl FromIterator<(Key, Text)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Key, Text)>>(fields: I) -> Self {
        Self(Arc::new(fields.into_iter().collect()))
    }
}
