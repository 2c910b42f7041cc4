//! Login and logout.

use std::time::Duration;

use super::commit::{Ground, Plan, Unsaved};
use super::handle::{Session, Standing};
use super::renew::require_admission;
use crate::data::{
    FieldChange, FieldSpec, Role, SessionData, SessionUser as _, Stored, edit_of, encode,
};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::login::Login;
use crate::store::{Fields, Limit, SharedStr, UserId};
use crate::token::AuthTag;

impl<D: SessionData> Session<D> {
    /// Logs a user in, as configured. See [`login_with`](Session::login_with).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.cart.push("tea".into());
    /// session.save().await?;
    /// let anonymous = session.token().expose();
    ///
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// assert_eq!(session.cart, ["tea"]);                          // what was there stays
    /// assert!(sessions.open(&anonymous).await?.is_none());        // the old token is dead
    /// assert!(session.fresh_token().is_some());                   // the client needs the new one
    /// # Ok(()) });
    /// ```
    pub async fn login(&mut self, user: D::User) -> Result<()> {
        self.login_with(user, Login::new()).await
    }

    /// Logs a user in: fresh secret, every token handed out before is dead at once, both timeouts
    /// begin anew, and no handle that was opened before can write any more (OWASP ASVS 5.0, 7.2.4;
    /// against session fixation).
    ///
    /// The fields of the time before stay, unsaved changes are saved along. If another user was
    /// logged in, they are logged out in the same step, and their fields marked `until_logout` are
    /// cleared, those included that were set but not saved; the same user again is a new login.
    /// Stores a new session. Hand [`fresh_token`](Session::fresh_token) to the client.
    ///
    /// # Atomicity
    ///
    /// All of it or nothing. After `Unavailable`, or when the future is dropped, the login may have
    /// been carried out: the next operation of this handle finds out, and goes on in it.
    ///
    /// # Errors
    ///
    /// `LimitReached` when the user has as many sessions as `max_sessions_per_user` allows and it
    /// is to refuse; `Invalid` for an id that [`UserId`](crate::UserId) does not take, for timeouts
    /// that contradict each other, and after `peek`; `Superseded` when this handle's own token is
    /// dead, or somebody logged in or out since it was opened. Nobody new is logged in then, and
    /// the struct is as it was.
    ///
    /// # Cost
    ///
    /// One `apply`; if the header changed since this handle saw it, one `load` and one `apply`
    /// more; when it is refused for a limit, the pages of the user's sessions.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use typed_sessions::{Device, Login, days};
    ///
    /// let mut session = sessions.start();
    /// let login = Login::new().device(Device::new("Firefox on Linux")).remember(days(30));
    /// session.login_with(Member { id: 7, name: "Ada".into() }, login).await?;
    /// assert_eq!(session.info().expires().since(session.info().created()), days(30));
    /// # Ok(()) });
    /// ```
    pub async fn login_with(&mut self, user: D::User, login: Login) -> Result<()> {
        self.require_active("login")?;
        check_timeouts(&login)?;
        let id = UserId::new(user.id())?;
        let index = D::__FIELDS
            .iter()
            .position(|spec| spec.role == Role::User)
            .ok_or_else(no_user_field)?;
        let key = D::__FIELDS[index].key;
        let text = encode(&user).map_err(|failure| failure.encoding(key))?;

        self.settle().await?;
        self.refresh_for_the_token().await?;
        let written = UserField { index, text };
        let limit = self.policy().limit;
        let mut logged_in = self.log_in(&id, &login, &written, limit).await;
        if let (Err(error), Some(limit)) = (&logged_in, limit)
            && error.kind() == ErrorKind::LimitReached
            && let over @ 1.. = self.context.ended_sessions_of(&id).await?
        {
            // They count for the store, whose deadlines are from before the configuration changed.
            let limit = Limit { sessions: limit.sessions.saturating_add(over), ..limit };
            logged_in = self.log_in(&id, &login, &written, Some(limit)).await;
        }
        logged_in?;
        self.context.tell(Event::LoggedIn(&self.id(), &id));
        self.settle_login(Some(user))
    }

    async fn log_in(
        &mut self,
        id: &UserId,
        login: &Login,
        user: &UserField,
        limit: Option<Limit>,
    ) -> Result<()> {
        let policy = *self.policy();
        let tag = login.auth_tag.as_ref().map(|bytes| AuthTag::new(&self.id(), &bytes.0));
        self.commit(Unsaved::Along, |Ground { record, token, unsaved, now, .. }| {
            let before = &record.header;
            require_admission(&policy, before, token, *now)?;
            let mut changes = unsaved.to_vec();
            if before.user().is_some_and(|before| before != id) {
                changes = cleared::<D>(changes);
            }
            let changes = with(changes, user.index, Some(user.text.clone()));
            let next = policy.logged_in(before, id.clone(), login, tag, *now);
            Ok(Plan { limit, ..Plan::rekeyed(next, edit_of::<D>(&changes, *now), ()) })
        })
        .await
    }

    /// Logs the user out: the user field and the fields marked `until_logout` are cleared, the rest
    /// stays in what is an anonymous session again, with a fresh secret; every token handed out
    /// before is dead at once, and no handle that was opened before can write any more.
    /// [`destroy`](Session::destroy) ends it all.
    ///
    /// Unsaved changes are saved along. A longer life that the login had chosen (`remember`) is cut
    /// back to what is configured. Nothing happens when nobody is logged in.
    ///
    /// # Errors
    ///
    /// `Superseded` when somebody logged in through another handle meanwhile, or this handle's own
    /// token is dead; `Invalid` on a session opened by `peek`.
    ///
    /// # Cost
    ///
    /// One `apply`; if the header changed since this handle saw it, one `load` and one `apply`
    /// more; one `load` when nobody is logged in.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.cart.push("tea".into());
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// session.logout().await?;
    /// assert!(session.member.is_none() && session.cart == ["tea"]);
    /// # Ok(()) });
    /// ```
    pub async fn logout(&mut self) -> Result<()> {
        self.require_active("logout")?;
        if self.settle().await? == Standing::Unsent {
            return Ok(());
        }
        let before = self.stored()?.header.user().cloned();
        if before.is_none() {
            // Nobody, as far as this handle knows: somebody who logged in since is not logged out.
            self.load().await?;
            return Ok(());
        }
        self.refresh_for_the_token().await?;
        let user_field = D::__FIELDS.iter().position(|spec| spec.role == Role::User);
        let policy = *self.policy();
        self.commit(Unsaved::Along, |Ground { record, token, unsaved, now, .. }| {
            require_admission(&policy, &record.header, token, *now)?;
            let mut changes = cleared::<D>(unsaved.to_vec());
            if let Some(index) = user_field {
                changes = with(changes, index, None);
            }
            let next = policy.logged_out(&record.header, *now);
            Ok(Plan::rekeyed(next, edit_of::<D>(&changes, *now), ()))
        })
        .await?;
        self.context.tell(Event::LoggedOut(&self.id(), before.as_ref()));
        self.settle_login(None)
    }

    /// The struct takes over what a login or logout wrote.
    fn settle_login(&mut self, user: Option<D::User>) -> Result<()> {
        let now = self.context.now();
        let fields = self.record().map(|record| record.fields.clone()).unwrap_or_default();
        let absent = Fields::default();
        for (index, spec) in until_logout::<D>() {
            if Stored::new(&fields, now).text(spec).is_none() {
                self.data.__read_field(index, &Stored::new(&absent, now))?;
            }
        }
        self.data.__set_user(user);
        self.baseline = None;
        Ok(())
    }
}

/// The user as the field is to hold them.
struct UserField {
    index: usize,
    text: SharedStr,
}

fn until_logout<D: SessionData>() -> impl Iterator<Item = (usize, &'static FieldSpec)> {
    D::__FIELDS.iter().enumerate().filter(|(_, spec)| spec.role == Role::UntilLogout)
}

/// The changes with one more, in place of an earlier one of the same field.
fn with(mut changes: Vec<FieldChange>, index: usize, text: Option<SharedStr>) -> Vec<FieldChange> {
    changes.retain(|(other, _)| *other != index);
    changes.push((index, text));
    changes
}

/// The changes, with the fields that a logout clears cleared.
pub(super) fn cleared<D: SessionData>(changes: Vec<FieldChange>) -> Vec<FieldChange> {
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
                "the login's idle timeout ({idle:?}) is longer than its absolute timeout \
                 ({absolute:?})"
            );
            Err(Error::new(ErrorKind::Invalid, message))
        }
        _ => Ok(()),
    }
}

fn no_user_field() -> Error {
    Error::new(ErrorKind::Invalid, "the struct has no `#[session(user)]` field: nobody can log in")
}
