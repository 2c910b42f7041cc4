//! The fields as stored, for tools and for moving data between structs.

use std::collections::BTreeMap;

use super::commit::{Plan, Unsaved};
use super::handle::Session;
use crate::data::{FieldChange, Role, SessionData, Stored, edit_of};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Fields, Key, SharedStr, Text};

impl<D: SessionData> Session<D> {
    /// The fields as stored, key to JSON text, as of the last store call of this handle; fields
    /// past their ttl are left out. Includes keys that `D` does not know. Empty before the first
    /// save.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.cart.push("tea".into());
    /// session.save().await?;
    /// let raw = session.raw();
    /// assert_eq!(raw["cart"], r#"["tea"]"#);
    /// assert_eq!(raw["visits"], "0");
    /// # Ok(()) });
    /// ```
    pub fn raw(&self) -> BTreeMap<String, String> {
        let now = self.context.now();
        let fields = self.record().into_iter().flat_map(|record| record.fields.iter());
        let spec = |key: &str| D::__FIELDS.iter().find(|spec| spec.keys().any(|it| it == key));
        fields
            .filter_map(|(key, text)| {
                let latest = spec(key.as_str()).and_then(|spec| spec.latest(now));
                Some((key.as_str().to_owned(), text.live_at(now, latest)?.to_owned()))
            })
            .collect()
    }

    /// Writes JSON texts under keys, known to `D` or not, and reads the known ones into the struct:
    /// unsaved changes of those fields are dropped. Fields with a ttl get it. Stores a new session.
    ///
    /// # Atomicity
    ///
    /// All of the texts or none.
    ///
    /// # Errors
    ///
    /// `Invalid` for a key that is empty, begins with `$` or holds the user, and for a text that is
    /// no JSON; `Decode` for a known key whose text does not fit; otherwise as
    /// [`save`](Session::save).
    ///
    /// # Cost
    ///
    /// One `apply`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.extend_raw([("visits", "5"), ("campaign", r#""spring""#)]).await?;
    /// assert_eq!(session.visits, 5);
    /// assert_eq!(session.raw()["campaign"], r#""spring""#);  // a key that `Shop` does not know
    ///
    /// let error = session.extend_raw([("visits", "many")]).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Invalid);          // no JSON
    /// # Ok(()) });
    /// ```
    pub async fn extend_raw<K, T>(&mut self, fields: impl IntoIterator<Item = (K, T)>) -> Result<()>
    where
        K: AsRef<str>,
        T: AsRef<str>,
    {
        let texts: BTreeMap<String, SharedStr> = fields
            .into_iter()
            .map(|(key, json)| (key.as_ref().to_owned(), SharedStr::new(json.as_ref())))
            .collect();
        texts.iter().try_for_each(|(key, json)| check_text::<D>(key, json))?;
        let now = self.context.now();
        let is_known = |key: &str| named_by::<D>(key);
        let known: Vec<FieldChange> = texts
            .iter()
            .filter_map(|(key, json)| Some((is_known(key)?, Some(json.clone()))))
            .collect();
        let alone = Fields::default().with(&edit_of::<D>(&known, now));
        let stored = Stored::new(&alone, now);
        let mut fresh = D::__initial();
        known.iter().try_for_each(|(index, _)| fresh.__read_field(*index, &stored))?;

        self.commit(Unsaved::Stays, |ground| {
            let mut edit = edit_of::<D>(&known, ground.now);
            let unknown = texts.iter().filter(|(key, _)| is_known(key).is_none());
            edit.set
                .extend(unknown.map(|(key, json)| (Key::new(key), Text::lasting(json.clone()))));
            Ok(Plan::fields(edit, ()))
        })
        .await?;
        for (index, _) in known {
            self.data.__read_field(index, &stored)?;
            self.mark_saved(index);
        }
        Ok(())
    }
}

/// The field that is stored under this key, or was.
fn named_by<D: SessionData>(key: &str) -> Option<usize> {
    D::__FIELDS.iter().position(|spec| spec.key == key || spec.aliases.contains(&key))
}

/// Whether the text may be written under the key.
fn check_text<D: SessionData>(key: &str, json: &str) -> Result<()> {
    let problem = if key.is_empty() {
        "an empty key names nothing"
    } else if key.starts_with('$') {
        "keys that begin with `$` are reserved"
    } else if named_by::<D>(key).is_some_and(|index| D::__FIELDS[index].role == Role::User) {
        "the user field is written by `login` and `logout`"
    } else if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        "the text is not JSON"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Invalid, format!("cannot write the key `{key}`: {problem}")))
}
