//! Login and logout.

use std::time::Duration;

use super::save::FieldChange;
use super::{Outcome, Session, State};
use crate::auth_tag::AuthTag;
use crate::change::{Change, IndexChange, Join};
use crate::data::{Role, SessionData, SessionUser as _};
use crate::error::{Error, ErrorKind, Result};
use crate::event;
use crate::fields::Fields;
use crate::json;
use crate::login::Login;
use crate::stored::Stored;
use crate::token::Secret;
use crate::user::UserId;

impl<D: SessionData> Session<D> {
    /// Logs a user in, as configured. See [`login_with`](Session::login_with).
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.cart.push("tea".into());
    /// session.save().await?;
    /// let anonymous = session.token().expose();
    ///
    /// session.login(Member { id: 7 }).await?;
    /// assert_eq!(session.cart, ["tea"]);                          // what was there stays
    /// assert!(sessions.open(&anonymous).await?.is_none());        // the old token is dead
    /// assert!(session.fresh_token().is_some());                   // the client needs the new one
    /// # Ok(()) }
    /// ```
    pub async fn login(&mut self, user: D::User) -> Result<()> {
        self.login_with(user, Login::new()).await
    }

    /// Logs a user in: fresh secret, every token handed out before is dead at once, both timeouts begin anew, and no
    /// handle that was opened before can write any more (OWASP ASVS 5.0, 7.2.4; against session fixation).
    ///
    /// The fields of the time before stay, unsaved changes are saved along. If another user was logged in, they are logged
    /// out in the same step, and their fields marked `until_logout` are cleared; the same user again is a new login. Stores
    /// a new session. Hand [`fresh_token`](Session::fresh_token) to the client.
    ///
    /// Atomic. `LimitReached` when the user has as many sessions as `max_sessions_per_user` allows and it is to refuse;
    /// `Invalid` for an id that [`UserId`] does not take or timeouts that contradict each other: nobody new is logged in and
    /// the struct is as it was. After `Unavailable`, or when the future is dropped, the login may have been carried out;
    /// its secret is lost then, every token of the session is dead, and the user logs in again in a new session.
    ///
    /// Cost: one `apply`; if the header changed since this handle saw it, one `load` and one `apply` more.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// use typed_sessions::{Device, Login, days};
    ///
    /// let mut session = sessions.start();
    /// let login = Login::new().device(Device::new("Firefox on Linux")).remember(days(30));
    /// session.login_with(Member { id: 7 }, login).await?;
    /// assert_eq!(session.info().expires().since(session.info().created()), days(30));
    /// # Ok(()) }
    /// ```
    pub async fn login_with(&mut self, user: D::User, login: Login) -> Result<()> {
        self.require_active("login")?;
        check_timeouts(&login)?;
        let id = UserId::new(user.id())?;
        let index =
            D::FIELDS.iter().position(|spec| spec.role == Role::User).ok_or_else(no_user_field)?;
        let text = json::encode(&user).map_err(|failure| failure.encoding(D::FIELDS[index].key))?;
        let secret = Secret::random();

        let changes = with(self.unsaved()?, index, Some(text.clone()));
        if self.login_new(&id, &login, &secret, &changes).await? == Outcome::Conflict {
            let changes = with(self.unsaved()?, index, Some(text));
            self.rewrite(|session, record, now| {
                let other = record.header.user().filter(|before| **before != id);
                let changes =
                    if other.is_some() { cleared::<D>(changes.clone()) } else { changes.clone() };
                let header = session.context.policy.logged_in(
                    &record.header,
                    id.clone(),
                    &login,
                    session.tag(&login),
                    &secret,
                    now,
                );
                let edit = Self::edit(&changes, now);
                edit.check(&record.fields, &session.context.policy)?;
                let mut change = Change::update(now, Self::expect_header(record));
                change.header = Some(header);
                change.index = Some(IndexChange::new(other.cloned(), Some(session.join(&id))));
                edit.fill(&mut change);
                Ok(change)
            })
            .await?;
        }
        event::logged_in(&self.id());
        self.hand_over(secret);
        self.settle_login(Some(user))
    }

    /// Logs the user out: the user field and the fields marked `until_logout` are cleared, the rest stays in what is an
    /// anonymous session again, with a fresh secret; every token handed out before is dead at once, and no handle that was
    /// opened before can write any more. [`destroy`](Session::destroy) ends it all.
    ///
    /// Unsaved changes are saved along. A longer life that the login had chosen (`remember`) is cut back to what is
    /// configured. Nothing happens when nobody is logged in. `Gone` when somebody logged in through another handle meanwhile,
    /// `Invalid` on a session opened by `peek`.
    ///
    /// Cost: one `apply`; if the header changed since this handle saw it, one `load` and one `apply` more; one `load` when
    /// nobody is logged in.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Member { id: u64 }
    /// # impl SessionUser for Member { type Id = u64; fn id(&self) -> u64 { self.id } }
    /// # #[derive(SessionData)] struct Shop { #[session(user)] member: Option<Member>, cart: Vec<String> }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let mut session = sessions.start();
    /// session.cart.push("tea".into());
    /// session.login(Member { id: 7 }).await?;
    /// session.logout().await?;
    /// assert!(session.member.is_none() && session.cart == ["tea"]);
    /// # Ok(()) }
    /// ```
    pub async fn logout(&mut self) -> Result<()> {
        self.require_active("logout")?;
        if self.is_unborn() {
            return Ok(());
        }
        self.adopt_if_new().await?;
        if self.stored()?.header.user().is_none() {
            // Nobody, as far as this handle knows: somebody who logged in since is not logged out.
            self.load().await?;
            return Ok(());
        }
        let mut changes = cleared::<D>(self.unsaved()?);
        if let Some(index) = D::FIELDS.iter().position(|spec| spec.role == Role::User) {
            changes = with(changes, index, None);
        }
        let secret = Secret::random();
        self.rewrite(|session, record, now| {
            let edit = Self::edit(&changes, now);
            edit.check(&record.fields, &session.context.policy)?;
            let mut change = Change::update(now, Self::expect_header(record));
            change.header = Some(session.context.policy.logged_out(&record.header, &secret, now));
            change.index = Some(IndexChange::new(record.header.user().cloned(), None));
            edit.fill(&mut change);
            Ok(change)
        })
        .await?;
        event::logged_out(&self.id());
        self.hand_over(secret);
        self.settle_login(None)
    }

    /// Creates a session that begins with a login; `Conflict` when it is there already.
    async fn login_new(
        &mut self,
        id: &UserId,
        login: &Login,
        secret: &Secret,
        everything: &[FieldChange],
    ) -> Result<Outcome> {
        if !matches!(self.state, State::New { .. }) {
            return Ok(Outcome::Conflict);
        }
        let now = self.context.now();
        let policy = &self.context.policy;
        let anonymous = policy.create(self.token.secret(), now);
        let header = policy.logged_in(&anonymous, id.clone(), login, self.tag(login), secret, now);
        let index = IndexChange::new(None, Some(self.join(id)));
        self.create_or_adopt(now, header, Self::edit(everything, now), Some(index)).await
    }

    fn tag(&self, login: &Login) -> Option<AuthTag> {
        login.auth_tag.as_ref().map(|bytes| AuthTag::new(&self.id(), &bytes.0))
    }

    fn join(&self, id: &UserId) -> Join {
        Join::new(id.clone(), self.context.policy.limit)
    }

    /// The struct takes over what a login or logout wrote.
    fn settle_login(&mut self, user: Option<D::User>) -> Result<()> {
        let now = self.context.now();
        let fields = self.record().map(|record| record.fields.clone()).unwrap_or_default();
        let absent = Fields::default();
        for (index, spec) in until_logout::<D>() {
            if Stored::new(&fields, now).text(spec).is_none() {
                self.data.read_field(index, &Stored::new(&absent, now))?;
            }
        }
        self.data.set_user(user);
        self.baseline = None;
        Ok(())
    }
}

fn until_logout<D: SessionData>() -> impl Iterator<Item = (usize, &'static crate::data::FieldSpec)>
{
    D::FIELDS.iter().enumerate().filter(|(_, spec)| spec.role == Role::UntilLogout)
}

/// The changes with one more, in place of an earlier one of the same field.
fn with(mut changes: Vec<FieldChange>, index: usize, text: Option<String>) -> Vec<FieldChange> {
    changes.retain(|(other, _)| *other != index);
    changes.push((index, text));
    changes
}

/// The changes, with the fields that a logout clears cleared.
fn cleared<D: SessionData>(changes: Vec<FieldChange>) -> Vec<FieldChange> {
    until_logout::<D>().fold(changes, |changes, (index, _)| with(changes, index, None))
}

fn check_timeouts(login: &Login) -> Result<()> {
    let too_short = |timeout: Option<Duration>| {
        timeout.is_some_and(|timeout| timeout < Duration::from_millis(1))
    };
    if too_short(login.idle_timeout) || too_short(login.absolute_timeout) {
        return Err(Error::new(ErrorKind::Invalid, "a login's timeouts must be at least 1ms"));
    }
    match (login.idle_timeout, login.absolute_timeout) {
        (Some(idle), Some(absolute)) if idle > absolute => {
            let message = format!(
                "the login's idle timeout ({idle:?}) is longer than its absolute timeout ({absolute:?})"
            );
            Err(Error::new(ErrorKind::Invalid, message))
        }
        _ => Ok(()),
    }
}

fn no_user_field() -> Error {
    Error::new(ErrorKind::Invalid, "the struct has no `#[session(user)]` field: nobody can log in")
}
