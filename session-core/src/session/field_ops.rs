//! Operations on one field: immediate and atomic.

use super::edit::{Edit, expect_field};
use super::{Outcome, Session, State};
use crate::data::{Role, SessionData};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Field;
use crate::retry::Retry;
use crate::stored::Stored;
use crate::time::Timestamp;

impl<D: SessionData> Session<D> {
    /// Reads a field from the store, into the struct as well: an unsaved change of this one field is dropped.
    ///
    /// Before the first save it is the struct's own value. Cost: one `load`.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// other.set(Shop::VISITS, 5).await?;
    ///
    /// assert_eq!(session.visits, 0);  // as this handle last saw it
    /// assert_eq!(session.get(Shop::VISITS).await?, 5);
    /// assert_eq!(session.visits, 5);
    /// # Ok(()) }
    /// ```
    pub async fn get<T, V>(&mut self, field: Field<D, T, V>) -> Result<T> {
        if let State::New { .. } = self.state {
            return field.decode(self.data.write_field(field.index())?.as_deref());
        }
        let now = self.load().await?;
        let (value, copy) = (self.field_in_record(field, now)?, self.field_in_record(field, now)?);
        self.settle(field, copy);
        Ok(value)
    }

    /// Writes a field, in the store and in the struct. Other fields that were changed stay unsaved.
    ///
    /// The first write of a new session stores all of it. On an error the struct is as it was. Cost: one `apply`.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { language: String }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.set(Shop::LANGUAGE, "de".into()).await?;
    /// assert_eq!(session.language, "de");
    /// let later = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// assert_eq!(later.language, "de");
    /// # Ok(()) }
    /// ```
    pub async fn set<T, V>(&mut self, field: Field<D, T, V>, value: T) -> Result<()> {
        require_no_user(field, "set")?;
        let text = field.encode(&value)?;
        if !self.created_with(field, text.as_deref()).await? {
            let now = self.context.now();
            let mut edit = Edit::default();
            edit.put(field.spec(), text.as_deref(), now);
            self.write(now, edit).await?;
        }
        self.settle(field, value);
        Ok(())
    }

    /// Removes a field's key: the struct gets the field's default, and so does whoever opens the session later. Tells
    /// whether the key was there.
    ///
    /// Exact under concurrency: of several callers who remove one value, one gets `true`. Cost as [`take`](Session::take).
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// #[derive(SessionData)]
    /// struct Shop {
    ///     #[session(default = "en".to_owned())]
    ///     language: String,
    /// }
    ///
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.set(Shop::LANGUAGE, "de".into()).await?;
    /// assert!(session.remove(Shop::LANGUAGE).await?);
    /// assert_eq!(session.language, "en");
    /// assert!(!session.remove(Shop::LANGUAGE).await?);
    /// # Ok(()) }
    /// ```
    pub async fn remove<T, V>(&mut self, field: Field<D, T, V>) -> Result<bool> {
        let removed = self.remove_text(field, "remove", |_| Ok(())).await?;
        Ok(removed.is_some())
    }

    /// Removes a field's key and returns what it held: of any number of concurrent callers exactly one gets the value.
    ///
    /// For one-time codes, flash messages, pending jobs. A value that does not decode is an error and stays.
    ///
    /// Cost: one `apply`; if this handle believes the key absent, or others changed it since this handle last saw it,
    /// one `load` and, if there is something to take, one `apply` more.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// #[derive(SessionData)]
    /// struct Shop {
    ///     #[session(ttl = "5m")]
    ///     otp: Option<String>,
    /// }
    ///
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.set(Shop::OTP, Some("246810".into())).await?;
    /// let mut other = sessions.open(session.token().expose()).await?.expect("the session lives");
    /// assert_eq!(session.take(Shop::OTP).await?.as_deref(), Some("246810"));
    /// assert_eq!(other.take(Shop::OTP).await?, None);  // too late, though this handle still held it
    /// # Ok(()) }
    /// ```
    pub async fn take<T, V>(&mut self, field: Field<D, T, V>) -> Result<Option<V>> {
        self.remove_text(field, "take", |text| field.decode_value(text)).await
    }

    /// Changes a field by compare-and-swap: `change` runs on the stored value, again if others were quicker, and no
    /// update is ever lost. Returns what `change` returned the last time.
    ///
    /// An unsaved change of this one field is dropped; other unsaved changes stay. After 64 tries `Conflict`, and nothing
    /// was written. Cost: one `apply`; for each time that others were quicker one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[derive(SessionData)] struct Shop { visits: u32 }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
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
    /// # Ok(()) }
    /// ```
    pub async fn update<T, V, R>(
        &mut self,
        field: Field<D, T, V>,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R> {
        require_no_user(field, "update")?;
        if let State::New { .. } = self.state {
            let mut value = field.decode(self.data.write_field(field.index())?.as_deref())?;
            let result = change(&mut value);
            let text = field.encode(&value)?;
            if self.created_with(field, text.as_deref()).await? {
                self.settle(field, value);
                return Ok(result);
            }
        }
        let mut retry = Retry::default();
        loop {
            let now = self.context.now();
            let fields = &self.stored()?.fields;
            let before = Stored::new(fields, now).text(field.spec());
            let mut value = field.decode(before)?;
            let result = change(&mut value);
            let text = field.encode(&value)?;
            let expected = expect_field(field.spec(), fields).collect();
            let mut edit = Edit::default();
            if text.as_deref() != before {
                edit.put(field.spec(), text.as_deref(), now);
            }
            // Sent even if the value stays: what `change` saw must have been the stored one.
            if self.commit(now, edit, expected).await? == Outcome::Written {
                self.settle(field, value);
                return Ok(result);
            }
            retry.again().await?;
            self.load().await?;
        }
    }

    /// Stores a new session with one field changed; tells whether it did.
    async fn created_with<T, V>(
        &mut self,
        field: Field<D, T, V>,
        text: Option<&str>,
    ) -> Result<bool> {
        if !matches!(self.state, State::New { .. }) {
            return Ok(false);
        }
        let mut everything = self.unsaved()?;
        everything[field.index()].1 = text.map(str::to_owned);
        self.check_user(&self.data, &everything)?;
        Ok(self.save_new(&everything).await? == Outcome::Written)
    }

    async fn remove_text<T, V, R>(
        &mut self,
        field: Field<D, T, V>,
        operation: &str,
        read: impl Fn(&str) -> Result<R>,
    ) -> Result<Option<R>> {
        require_no_user(field, operation)?;
        if let State::New { .. } = self.state {
            let taken =
                self.data.write_field(field.index())?.map(|text| read(&text)).transpose()?;
            *field.slot(&mut self.data) = field.absent();
            return Ok(taken);
        }
        let mut retry = Retry::default();
        // What this handle holds may be old: only the store can say that there is nothing to take.
        let mut seen = Seen::Earlier;
        loop {
            let now = self.context.now();
            let fields = &self.stored()?.fields;
            match (Stored::new(fields, now).text(field.spec()), seen) {
                (None, Seen::JustNow) => {
                    self.settle(field, field.absent());
                    return Ok(None);
                }
                (None, Seen::Earlier) => {}
                (Some(text), _) => {
                    let value = read(text)?;
                    let expected = expect_field(field.spec(), fields).collect();
                    let mut edit = Edit::default();
                    edit.put(field.spec(), None, now);
                    if self.commit(now, edit, expected).await? == Outcome::Written {
                        self.settle(field, field.absent());
                        return Ok(Some(value));
                    }
                    retry.again().await?;
                }
            }
            self.load().await?;
            seen = Seen::JustNow;
        }
    }

    fn field_in_record<T, V>(&self, field: Field<D, T, V>, now: Timestamp) -> Result<T> {
        if field.spec().role == Role::User {
            // Whether the user is to be believed takes the whole struct.
            let mut fresh = self.read(now)?;
            return Ok(std::mem::replace(field.slot(&mut fresh), field.absent()));
        }
        field.decode(Stored::new(&self.stored()?.fields, now).text(field.spec()))
    }

    /// The struct takes over what was just written or found.
    fn settle<T, V>(&mut self, field: Field<D, T, V>, value: T) {
        *field.slot(&mut self.data) = value;
        self.mark_saved(field.index());
    }
}

#[derive(Clone, Copy)]
enum Seen {
    Earlier,
    JustNow,
}

fn require_no_user<D: SessionData, T, V>(field: Field<D, T, V>, operation: &str) -> Result<()> {
    if field.spec().role != Role::User {
        return Ok(());
    }
    let message = format!(
        "`{operation}` cannot change the user field `{}`: call `login` or `logout`",
        field.key()
    );
    Err(Error::new(ErrorKind::Invalid, message))
}
