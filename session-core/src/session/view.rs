//! Several typed views of one session.

use std::sync::Arc;

use super::{Handover, Session, State};
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::stored::read_struct;

impl<D: SessionData> Session<D> {
    /// Another struct over the same session: a second handle, with the keys of `V`.
    ///
    /// Both save by themselves, without touching each other's keys; keys that both structs have are shared, the last save
    /// wins. The view sees what was stored when this handle last saw the store. A view of a session that is not stored yet
    /// is fine: whichever handle saves first creates it. A login or logout through one handle makes the others `Gone`, as
    /// it does for every other handle; take views after it.
    ///
    /// A logout clears the `until_logout` fields of the struct through which it is made, not those of views.
    ///
    /// `Decode` when a value does not fit, `Gone` after `destroy`. No store call.
    ///
    /// ```
    /// # use typed_sessions::{MemoryStore, SessionData, Sessions};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
    /// #[derive(SessionData)]
    /// struct Shop { cart: Vec<String> }
    ///
    /// #[derive(SessionData)]
    /// struct Prefs { language: String }
    ///
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
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
    /// # Ok(()) }
    /// ```
    pub fn view<V: SessionData>(&self) -> Result<Session<V>> {
        let data = match &self.state {
            State::New { .. } => V::initial(),
            State::Stored { record, .. } => read_struct(record, self.context.now())?,
            State::Ended => return Err(Error::gone()),
        };
        Ok(Session {
            context: Arc::clone(&self.context),
            token: self.token.clone(),
            handover: Handover::Done,
            mode: self.mode,
            state: self.state.of_another_handle(),
            data,
            baseline: None,
        })
    }
}
