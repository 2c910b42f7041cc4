//! Several typed views of one session.

use std::sync::Arc;

use super::handle::Session;
use crate::data::{SessionData, read_struct};
use crate::error::{Error, Result};

impl<D: SessionData> Session<D> {
    /// Another struct over the same session: a second handle, with the keys of `V`.
    ///
    /// Both save by themselves, without touching each other's keys; keys that both structs have are
    /// shared, the last save wins. The view sees what was stored when this handle last saw the
    /// store. A view of a session that is not stored yet is fine: whichever handle saves first
    /// creates it.
    ///
    /// Handles of one origin share the token, the session's creation and its end: whichever
    /// creates, renews or logs in, each has the fresh token, and a `destroy` ends all. They do not
    /// share the record: after a login or logout through one, the others are `Superseded` until
    /// [`reload`](Session::reload).
    ///
    /// A logout clears the `until_logout` fields of the struct through which it is made, not those
    /// of views: a struct knows its own fields only.
    ///
    /// # Errors
    ///
    /// `Decode` when a value does not fit, `Gone` after `destroy`.
    ///
    /// # Cost
    ///
    /// No store call.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// #[derive(SessionData)]
    /// struct Shop { cart: Vec<String> }
    ///
    /// #[derive(SessionData)]
    /// struct Prefs { language: String }
    ///
    /// let mut shop = sessions.start();
    /// shop.cart.push("tea".into());
    /// let mut prefs = shop.view::<Prefs>()?;
    /// prefs.language = "de".into();
    /// shop.save().await?;
    /// prefs.save().await?;
    ///
    /// shop.reload().await?;
    /// assert_eq!(shop.raw()["cart"], r#"["tea"]"#);
    /// assert_eq!(shop.raw()["language"], r#""de""#);
    /// # Ok(()) });
    /// ```
    pub fn view<V: SessionData>(&self) -> Result<Session<V>> {
        if self.is_ended() {
            return Err(Error::gone());
        }
        let data = match self.record() {
            Some(record) => read_struct(&record.header, &record.fields, self.context.now())?,
            None => V::__initial(),
        };
        let (context, origin) = (Arc::clone(&self.context), Arc::clone(&self.origin));
        Ok(Session::new(context, origin, self.mode, self.state.clone(), data))
    }
}
