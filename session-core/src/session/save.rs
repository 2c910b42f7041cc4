//! Saving the struct: the first save creates, later ones send what changed.

use super::commit::{Ground, Plan, Unsaved};
use super::creation::user_without_login;
use super::handle::{Session, Standing};
use crate::data::{FieldChange, Role, SessionData, SessionUser, edit_of};
use crate::error::Result;
use crate::store::{Header, UserId};

impl<D: SessionData> Session<D> {
    /// Stores what changed. The first save creates the session with all its fields; later ones send
    /// only the fields whose text is no longer what it was when the struct was first borrowed
    /// mutably, so concurrent saves of different fields both survive. For one field the last save
    /// wins; [`update`](Session::update) and [`transact`](Session::transact) lose nothing.
    ///
    /// # Atomicity
    ///
    /// All fields or none.
    ///
    /// # Errors
    ///
    /// `Gone` when the session has ended, `Superseded` when its user logged in or out since this
    /// handle was opened; `TooLarge` and `Encode` before anything is sent; `Invalid` when the user
    /// field was changed without a login.
    ///
    /// # Cost
    ///
    /// One `apply`; none when nothing changed.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let mut session = sessions.start();
    /// session.save().await?;
    /// let token = session.token().expose();
    /// let mut other = sessions.open(&token).await?.expect("the session lives");
    ///
    /// session.cart.push("tea".into());
    /// session.save().await?; // sends `cart`
    /// other.language = "de".into();
    /// other.save().await?; // sends `language`: the cart stays
    /// let both = sessions.open(&token).await?.expect("the session lives");
    /// assert_eq!((both.cart.len(), both.language.as_str()), (1, "de"));
    /// # Ok(()) });
    /// ```
    pub async fn save(&mut self) -> Result<()> {
        if self.settle().await? == Standing::Stored {
            self.stored()?;
        }
        let user = user_in(&self.data);
        self.commit(Unsaved::Along, |ground| {
            let Ground { record, unsaved, now, .. } = ground;
            check_user::<D>(&record.header, unsaved, &user)?;
            Ok(Plan::fields(edit_of::<D>(unsaved, *now), ()))
        })
        .await?;
        self.baseline = None;
        Ok(())
    }
}

/// Who is in the user field.
pub(super) fn user_in<D: SessionData>(data: &D) -> Result<Option<UserId>> {
    data.__user().map(|user| UserId::new(user.id())).transpose()
}

/// The user's data may be edited, but only login and logout decide who the user is.
pub(super) fn check_user<D: SessionData>(
    header: &Header,
    changes: &[FieldChange],
    user: &Result<Option<UserId>>,
) -> Result<()> {
    let is_changed = changes.iter().any(|(index, _)| D::__FIELDS[*index].role == Role::User);
    let is_same = user.as_ref().is_ok_and(|user| user.as_ref() == header.user());
    if is_changed && !is_same { Err(user_without_login()) } else { Ok(()) }
}
