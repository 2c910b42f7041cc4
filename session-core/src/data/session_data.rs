//! What `#[derive(SessionData)]` implements: a struct as a set of session keys.

use super::json::{Writer, Written};
use super::spec::FieldSpec;
use super::stored::Stored;
use super::user::SessionUser;
use crate::error::Result;

/// A struct whose fields are session keys. Derive it; do not implement it by hand.
///
/// ```
/// use typed_sessions::{MemoryStore, SessionData, Sessions};
///
/// #[derive(SessionData)]
/// struct Shop {
///     cart: Vec<String>,
///     #[session(key = "lang", default = "en".to_owned())]
///     language: String,
/// }
///
/// let session = Sessions::<Shop>::new(MemoryStore::new()).start();
/// assert!(session.cart.is_empty());
/// assert_eq!(session.language, "en");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not session data",
    label = "derive `SessionData` on this struct",
    note = "add `#[derive(typed_sessions::SessionData)]` to `{Self}`"
)]
pub trait SessionData: Sized + Send + 'static {
    /// The type inside the `#[session(user)]` field; [`NoUser`](crate::NoUser) when there is none.
    type User: SessionUser;

    /// The stored fields, in the order of the struct.
    #[doc(hidden)]
    const __FIELDS: &'static [FieldSpec];

    /// The struct of a new session: every field has its default.
    #[doc(hidden)]
    fn __initial() -> Self;

    /// Reads every field; what is absent gets its default.
    #[doc(hidden)]
    fn __read(stored: &Stored<'_>) -> Result<Self>;

    /// Reads one field into `self`.
    #[doc(hidden)]
    fn __read_field(&mut self, index: usize, stored: &Stored<'_>) -> Result<()>;

    /// Writes one field as JSON text; nothing when its key is to be absent.
    #[doc(hidden)]
    fn __write_field(&self, index: usize, writer: &mut Writer) -> Result<Written>;

    /// Takes over the stored fields of another struct; fields marked `skip` stay.
    #[doc(hidden)]
    fn __absorb(&mut self, fresh: Self);

    /// The logged-in user.
    #[doc(hidden)]
    fn __user(&self) -> Option<&Self::User> {
        None
    }

    /// Puts the user into its field.
    #[doc(hidden)]
    fn __set_user(&mut self, user: Option<Self::User>) {
        let _ = user;
    }
}
