//! Operations on one field: immediate and atomic.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::commit::{Ground, Plan, Unsaved};
use super::handle::{Session, Standing};
use crate::data::{Field, Role, SessionData, Stored, encode, expect_field, put, text_of};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Edit, SharedStr};
use crate::time::Timestamp;

impl<D: SessionData> Session<D> {
    /// Reads a field from the store, into the struct as well: an unsaved change of this one field
    /// is dropped. Before the first save it is the struct's own value.
    ///
    /// # Errors
    ///
    /// `Gone`, `Superseded`, `Decode` as [`reload`](Session::reload).
    ///
    /// # Cost
    ///
    /// One `load`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// other.set(Shop::VISITS, 5).await?;
    ///
    /// assert_eq!(session.visits, 0);  // as this handle last saw it
    /// assert_eq!(session.get(Shop::VISITS).await?, 5);
    /// assert_eq!(session.visits, 5);
    /// # Ok(()) });
    /// ```
    pub async fn get<T, V>(&mut self, field: Field<D, T, V>) -> Result<T> {
        if self.settle().await? == Standing::Unsent {
            let text = text_of(&self.data, field.index())?;
            return field.decode(text.as_deref());
        }
        let now = self.load().await?;
        let (value, copy) = (self.stored_value(field, now)?, self.stored_value(field, now)?);
        self.take_over(field, copy);
        Ok(value)
    }

    /// Writes a field, in the store and in the struct. Other fields that were changed stay unsaved.
    /// The first write of a new session stores all of it.
    ///
    /// A field with a ttl gets it anew, even when the value is the same.
    ///
    /// # Errors
    ///
    /// As [`save`](Session::save); `Invalid` for the user field. On an error the struct is as it
    /// was.
    ///
    /// # Cost
    ///
    /// One `apply`.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.set(Shop::LANGUAGE, "de".into()).await?;
    /// assert_eq!(session.language, "de");
    /// let later = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// assert_eq!(later.language, "de");
    /// # Ok(()) });
    /// ```
    pub async fn set<T, V>(&mut self, field: Field<D, T, V>, value: T) -> Result<()> {
        require_no_user(field, "set")?;
        let text = field.encode(&value)?;
        self.commit(Unsaved::Stays, |ground| {
            Ok(Plan::fields(written(field, text.clone(), ground.now), ()))
        })
        .await?;
        self.take_over(field, value);
        Ok(())
    }

    /// Removes a field's key: the struct gets the field's default, and so does whoever opens the
    /// session later. Tells whether the key was there.
    ///
    /// # Atomicity
    ///
    /// Exact under concurrency: of several callers who remove one value, one gets `true`.
    ///
    /// # Errors
    ///
    /// As [`take`](Session::take).
    ///
    /// # Cost
    ///
    /// As [`take`](Session::take).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.set(Shop::LANGUAGE, "de".into()).await?;
    /// assert!(session.remove(Shop::LANGUAGE).await?);
    /// assert_eq!(session.language, "en");
    /// assert!(!session.remove(Shop::LANGUAGE).await?);
    /// # Ok(()) });
    /// ```
    pub async fn remove<T, V>(&mut self, field: Field<D, T, V>) -> Result<bool> {
        let removed = self.remove_text(field, "remove", |_| Ok(())).await?;
        Ok(removed.is_some())
    }

    /// Removes a field's key and returns what it held: of any number of concurrent callers one gets
    /// the value, or nobody, if that one's answer is lost. For one-time codes, flash messages,
    /// pending jobs. Before the first save it takes the struct's own value.
    ///
    /// # Errors
    ///
    /// `Decode` for a value that does not decode: it stays. `Conflict` after 64 tries; otherwise as
    /// [`save`](Session::save); `Invalid` for the user field.
    ///
    /// # Cost
    ///
    /// One `apply`, if this handle knows the value. If others changed it since this handle last saw
    /// it, one `load` and, if there is something to take, one `apply` more.
    ///
    /// If this handle knows of no value, one `load` and, if there is something to take, one
    /// `apply`: another request may have set it meanwhile. If you need not see what was set since
    /// you opened the session, test `session.otp.is_some()` first: it costs nothing. Before the
    /// first save, nothing.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.set(Shop::OTP, Some("246810".into())).await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// assert_eq!(session.take(Shop::OTP).await?.as_deref(), Some("246810"));
    /// // too late, though this handle still held it
    /// assert_eq!(other.take(Shop::OTP).await?, None);
    /// # Ok(()) });
    /// ```
    pub async fn take<T, V>(&mut self, field: Field<D, T, V>) -> Result<Option<V>> {
        self.remove_text(field, "take", |text| field.decode_value(text)).await
    }

    /// Changes a field by compare-and-swap: `change` runs on the stored value, again if others were
    /// quicker, and no update is ever lost. Returns what `change` returned the last time.
    ///
    /// An unsaved change of this one field is dropped; other unsaved changes stay.
    ///
    /// # Errors
    ///
    /// `Conflict` after 64 tries, and nothing was written; `Decode` when the stored value does not
    /// decode; otherwise as [`set`](Session::set).
    ///
    /// # Cost
    ///
    /// One `apply`; for each time that others were quicker one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    ///
    /// session.update(Shop::VISITS, |n| *n += 1).await?;
    /// let visits = other.update(Shop::VISITS, |n| {
    ///     *n += 1;
    ///     *n
    /// });
    /// assert_eq!(visits.await?, 2);  // none is lost
    /// # Ok(()) });
    /// ```
    pub async fn update<T, V, R>(
        &mut self,
        field: Field<D, T, V>,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R> {
        require_no_user(field, "update")?;
        let (value, result) = self
            .commit(Unsaved::Stays, |Ground { record, now, .. }| {
                let before = Stored::new(&record.fields, *now).text(field.spec());
                let mut value = field.decode(before)?;
                let result = change(&mut value);
                let text = field.encode(&value)?;
                let edit = if text.as_deref() == before {
                    // Sent all the same: what `change` saw must have been the stored one.
                    Edit::default()
                } else {
                    written(field, text.clone(), *now)
                };
                let expected = expect_field(field.spec(), &record.fields);
                Ok(Plan::swap(expected, edit, (value, result)))
            })
            .await?;
        self.take_over(field, value);
        Ok(result)
    }

    /// Returns what a field holds; if its key is absent, stores what `make` returns, by
    /// compare-and-swap: all who race get the same value. For what each session has once and is
    /// random: a CSRF token, a seed, an id for the visitor. `make` runs again if others were
    /// quicker and the key is absent still.
    ///
    /// `#[session(default = random_token())]` cannot do that: it is evaluated at every open for as
    /// long as the key is absent, as in sessions stored before the field existed.
    ///
    /// The field is an `Option` without a `default`, whose `None` is an absent key. An unsaved
    /// change of this one field is dropped; other unsaved changes stay. A new session is stored,
    /// with what the struct has.
    ///
    /// # Errors
    ///
    /// As [`update`](Session::update).
    ///
    /// # Cost
    ///
    /// No call when this handle has seen a value: it returns that one, even if others have changed
    /// it since. Otherwise one `apply`; for each time that others were quicker one
    /// `load`, and one `apply` more if the key is absent still.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # fn random_token() -> String { "tok-1".to_owned() }
    /// #[derive(SessionData)]
    /// struct Forms {
    ///     csrf: Option<String>,
    /// }
    ///
    /// # let sessions = Sessions::<Forms>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    ///
    /// let csrf = session.get_or_insert_with(Forms::CSRF, random_token).await?;
    /// assert_eq!(session.csrf.as_ref(), Some(&csrf));
    /// // at the same time, in another request
    /// assert_eq!(other.get_or_insert_with(Forms::CSRF, random_token).await?, csrf);
    /// # Ok(()) });
    /// ```
    pub async fn get_or_insert_with<V>(
        &mut self,
        field: Field<D, Option<V>, V>,
        mut make: impl FnMut() -> V,
    ) -> Result<V>
    where
        V: Serialize + DeserializeOwned,
    {
        require_no_user(field, "get_or_insert_with")?;
        if self.settle().await? == Standing::Stored && self.is_ended() {
            self.load().await?;
        }
        let text = self
            .commit(Unsaved::Stays, |Ground { record, now, .. }| {
                let before = Stored::new(&record.fields, *now).text(field.spec());
                if let (Some(text), Some(_)) = (before, field.decode(before)?) {
                    return Ok(Plan::fields(Edit::default(), SharedStr::new(text)));
                }
                let made = encode(&make());
                let text = made.map_err(|failure| failure.encoding(field.key()))?;
                let expected = expect_field(field.spec(), &record.fields);
                Ok(Plan::swap(expected, written(field, Some(text.clone()), *now), text))
            })
            .await?;
        self.take_over(field, field.decode(Some(&text))?);
        field.decode_value(&text)
    }

    async fn remove_text<T, V, R>(
        &mut self,
        field: Field<D, T, V>,
        operation: &str,
        read: impl Fn(&str) -> Result<R>,
    ) -> Result<Option<R>> {
        require_no_user(field, operation)?;
        if self.settle().await? == Standing::Unsent {
            let text = text_of(&self.data, field.index())?;
            let taken = text.as_deref().map(read).transpose()?;
            *field.slot(&mut self.data) = field.absent();
            return Ok(taken);
        }
        let now = self.context.now();
        if Stored::new(&self.stored()?.fields, now).text(field.spec()).is_none() {
            // What this handle holds may be old: only the store can say that there is nothing.
            self.load().await?;
        }
        let taken = self
            .commit(Unsaved::Stays, |Ground { record, now, .. }| {
                match Stored::new(&record.fields, *now).text(field.spec()) {
                    None => Ok(Plan::fields(Edit::default(), None)),
                    Some(text) => {
                        let value = read(text)?;
                        let expected = expect_field(field.spec(), &record.fields);
                        Ok(Plan::swap(expected, written(field, None, *now), Some(value)))
                    }
                }
            })
            .await?;
        self.take_over(field, field.absent());
        Ok(taken)
    }

    fn stored_value<T, V>(&self, field: Field<D, T, V>, now: Timestamp) -> Result<T> {
        if field.spec().role == Role::User {
            // Whether the user is to be believed takes the whole struct.
            let mut fresh = self.read(now)?;
            return Ok(std::mem::replace(field.slot(&mut fresh), field.absent()));
        }
        field.decode(Stored::new(&self.stored()?.fields, now).text(field.spec()))
    }

    /// The struct takes over what was just written or found.
    fn take_over<T, V>(&mut self, field: Field<D, T, V>, value: T) {
        *field.slot(&mut self.data) = value;
        self.mark_saved(field.index());
    }
}

/// The edit that writes a field's text, or removes it.
fn written<D: SessionData, T, V>(
    field: Field<D, T, V>,
    text: Option<SharedStr>,
    now: Timestamp,
) -> Edit {
    let mut edit = Edit::default();
    put(&mut edit, field.spec(), text, now);
    edit
}

fn require_no_user<D: SessionData, T, V>(field: Field<D, T, V>, operation: &str) -> Result<()> {
    if field.spec().role != Role::User {
        return Ok(());
    }
    let key = field.key();
    let message =
        format!("`{operation}` cannot change the user field `{key}`: call `login` or `logout`");
    Err(Error::new(ErrorKind::Invalid, message))
}
