//! Who can be logged in.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Who can be logged in: the type inside the `#[session(user)] member: Option<Member>` field.
///
/// The id ties a user's sessions together. Two users must never display as the same id.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use typed_sessions::SessionUser;
///
/// #[derive(Serialize, Deserialize)]
/// struct Member { id: u64, name: String }
///
/// impl SessionUser for Member {
///     type Id = u64;
///     fn id(&self) -> u64 { self.id }
/// }
///
/// let ada = Member { id: 7, name: "Ada".into() };
/// assert_eq!(ada.id(), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be logged in: it is not a `SessionUser`",
    label = "implement `SessionUser` for this type",
    note = "`impl SessionUser for {Self} {{ type Id = u64; fn id(&self) -> u64 {{ self.id }} }}`"
)]
pub trait SessionUser: Serialize + DeserializeOwned + Send + 'static {
    /// The user's id: `u64`, `Uuid`, `String`, ...
    type Id: Display + FromStr + Send + Sync + 'static;

    /// Whose session it is.
    fn id(&self) -> Self::Id;
}

/// The user type of a struct that has no `#[session(user)]` field. It has no value, so such a
/// session cannot log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum NoUser {}

impl SessionUser for NoUser {
    type Id = String;

    fn id(&self) -> String {
        match *self {}
    }
}
