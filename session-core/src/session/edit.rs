//! Fields to write and remove, as a change carries them.

use crate::change::Change;
use crate::data::{FieldSpec, SessionData};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::{Fields, Key, Text};
use crate::policy::Policy;
use crate::time::Timestamp;

/// What one write does to the fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    set: Vec<(Key, Text)>,
    remove: Vec<Key>,
}

impl Edit {
    /// Writes a field's text under its key, or removes it. Older keys of the field go either way.
    pub(crate) fn put(&mut self, spec: &FieldSpec, json: Option<&str>, now: Timestamp) {
        let key = Key::new(spec.key);
        match (json, spec.ttl) {
            (None, _) => self.remove.push(key),
            (Some(json), None) => self.set.push((key, Text::lasting(json))),
            (Some(json), Some(ttl)) => self.set.push((key, Text::until(now.after(ttl), json))),
        }
        self.remove.extend(spec.aliases.iter().map(|alias| Key::new(alias)));
    }

    pub(super) fn put_unknown(&mut self, key: &str, json: &str) {
        self.set.push((Key::new(key), Text::lasting(json)));
    }

    /// The fields after this edit; `TooLarge` if the policy does not allow it (W8).
    pub(crate) fn check(&self, fields: &Fields, policy: &Policy) -> Result<Fields> {
        for (key, text) in &self.set {
            let (bytes, max) = (text.as_str().len(), policy.max_value_bytes);
            if bytes > max {
                let key = key.as_str();
                let message =
                    format!("the value of `{key}` has {bytes} bytes, max_value_bytes allows {max}");
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
        }
        let next = fields.with(&self.set, &self.remove);
        let (bytes, max) = (next.bytes(), policy.max_session_bytes);
        // A session that is too large already, since the limit was lowered, may still shrink.
        if bytes > max && bytes > fields.bytes() {
            let message =
                format!("the session would have {bytes} bytes, max_session_bytes allows {max}");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(next)
    }

    /// The edit alone, as if nothing else were stored.
    pub(super) fn alone(&self) -> Fields {
        Fields::default().with(&self.set, &self.remove)
    }

    pub(crate) fn fill(self, change: &mut Change) {
        change.set = self.set;
        change.remove = self.remove;
    }
}

/// Everything that a read of this field depends on, for a compare-and-swap.
pub(super) fn expect_field<'a>(
    spec: &'a FieldSpec,
    fields: &'a Fields,
) -> impl Iterator<Item = (Key, Option<Text>)> + 'a {
    let keys = std::iter::once(&spec.key).chain(spec.aliases);
    keys.map(|key| (Key::new(key), fields.get(key).cloned()))
}

/// The same for all fields of a struct.
pub(super) fn expect_all<D: SessionData>(fields: &Fields) -> Vec<(Key, Option<Text>)> {
    D::FIELDS.iter().flat_map(|spec| expect_field(spec, fields)).collect()
}
