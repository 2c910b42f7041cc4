//! Tokens and the secrets in them.

mod auth_tag;
mod base64url;
mod client_token;
mod secret;
mod session_id;

pub(crate) use self::auth_tag::AuthTag;
pub(crate) use self::base64url::{Bytes, from_base64, to_base64};
pub use self::client_token::Token;
pub(crate) use self::secret::{Lineage, Secret, SecretHash, Seed, random};
pub use self::session_id::SessionId;
