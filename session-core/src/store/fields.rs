//! The fields of a record as stored: keys and texts, shared rather than copied.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::shared_str::SharedStr;
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
pub struct Key(SharedStr);

impl Key {
    /// A key of this name.
    pub fn new(name: &str) -> Self {
        Self(SharedStr::new(name))
    }

    /// A key of a struct's field.
    pub(crate) const fn of_field(name: &'static str) -> Self {
        Self(SharedStr::Static(name))
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
        fmt::Debug::fmt(&*self.0, f)
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
pub struct Text(SharedStr);

impl Text {
    /// A value as it came out of a store.
    pub fn from_stored(stored: &str) -> Self {
        Self(SharedStr::new(stored))
    }

    pub(crate) fn lasting(json: SharedStr) -> Self {
        Self(json)
    }

    pub(crate) fn until(deadline: Timestamp, json: &str) -> Self {
        Self(SharedStr::from(format!("@{} {json}", deadline.as_millis())))
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
pub struct Fields(Arc<Vec<(Key, Text)>>);

impl Fields {
    /// The fields of a record as it came out of a store: keys, each with what is stored under it.
    /// They are copied, together into one allocation.
    ///
    /// ```
    /// use typed_sessions::store::{Fields, Text};
    ///
    /// let fields = Fields::from_stored(&[("visits", "1"), ("cart", "[]")]);
    /// assert_eq!(fields.get("visits").map(Text::as_str), Some("1"));
    /// ```
    pub fn from_stored(stored: &[(&str, &str)]) -> Self {
        let length = stored.iter().map(|(key, text)| key.len() + text.len()).sum();
        let mut whole = String::with_capacity(length);
        for (key, text) in stored {
            whole.extend([*key, *text]);
        }
        let whole: Arc<str> = whole.into();
        let mut next = 0;
        let mut part = |text: &str| {
            let start = next;
            next += text.len();
            SharedStr::Part { whole: Arc::clone(&whole), start, end: next }
        };
        stored.iter().map(|(key, text)| (Key(part(key)), Text(part(text)))).collect()
    }

    /// What is stored under `key`.
    pub fn get(&self, key: &str) -> Option<&Text> {
        self.place(key).ok().map(|place| &self.0[place].1)
    }

    /// Where the key is, or would be.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(its, _)| its.as_str().cmp(key))
    }

    /// Every key with what is stored under it.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Text)> {
        self.0.iter().map(|(key, text)| (key, text))
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
        for key in &edit.remove {
            if let Ok(place) = next.place(key.as_str()) {
                Arc::make_mut(&mut next.0).remove(place);
            }
        }
        for (key, text) in &edit.set {
            let place = next.place(key.as_str());
            let fields = Arc::make_mut(&mut next.0);
            match place {
                Ok(place) => fields[place].1 = text.clone(),
                Err(place) => fields.insert(place, (key.clone(), text.clone())),
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
    /// Of several texts under one key the last one counts.
    fn from_iter<I: IntoIterator<Item = (Key, Text)>>(fields: I) -> Self {
        let mut fields: Vec<(Key, Text)> = fields.into_iter().collect();
        if !fields.is_sorted_by(|(one, _), (other, _)| one < other) {
            fields.reverse();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields.dedup_by(|(later, _), (first, _)| later == first);
        }
        Self(Arc::new(fields))
    }
}
