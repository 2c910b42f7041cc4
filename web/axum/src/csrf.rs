//! Forms that only this session can send.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use subtle::ConstantTimeEq as _;
use typed_sessions_core::ErrorKind;
use typed_sessions_derive::SessionData;

use crate::rejection::SessionRejection;
use crate::slot::{Slot, Taken};

/// A token that goes into a form as a hidden field and comes back with it: the synchronizer token
/// of OWASP's cheat sheet, bound to the session and kept in it under the key `web.csrf`.
///
/// [`same_origin`](crate::same_origin) protects against forged requests without any of this, and
/// without storing a session for each visitor who sees a form; take `Csrf` beside it where a form
/// must hold against more than other sites.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::Form;
/// use axum::response::Html;
/// use typed_sessions::axum::{Csrf, SessionRejection};
///
/// #[derive(serde::Deserialize)]
/// struct Delete { csrf: String }
///
/// async fn page(mut csrf: Csrf) -> Result<Html<String>, SessionRejection> {
///     let token = csrf.token().await?;
///     Ok(Html(format!("<form method=post><input type=hidden name=csrf value={token}> ...")))
/// }
///
/// async fn delete(csrf: Csrf, Form(form): Form<Delete>) -> Result<String, SessionRejection> {
///     csrf.verify(&form.csrf)?;
///     Ok("deleted".to_owned())
/// }
/// ```
pub struct Csrf(Taken<Kept>);

/// What the session keeps.
#[derive(SessionData)]
#[session(crate = typed_sessions_core)]
struct Kept {
    #[session(key = "web.csrf", or_default)]
    token: Option<String>,
}

impl Csrf {
    /// The session's token, made when it is asked for first; all who race get the same one. That
    /// stores the session, a visitor's too.
    ///
    /// # Errors
    ///
    /// As [`get_or_insert_with`](typed_sessions_core::Session::get_or_insert_with) of the session.
    ///
    /// # Cost
    ///
    /// One `apply` the first time, none afterwards; one `load` more after a login in the same
    /// request.
    pub async fn token(&mut self) -> Result<String, SessionRejection> {
        let session = self.0.get_mut();
        match session.get_or_insert_with(Kept::TOKEN, random).await {
            Err(error) if error.kind() == ErrorKind::Superseded => {
                // By a login of this very request, perhaps: then it may go on.
                session.reload().await?;
                Ok(session.get_or_insert_with(Kept::TOKEN, random).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Whether a form came with the session's token, compared in constant time.
    ///
    /// # Errors
    ///
    /// A rejection with status 403.
    pub fn verify(&self, token: &str) -> Result<(), SessionRejection> {
        let own = self.0.get().token.as_deref();
        let is_own = |own: &str| own.as_bytes().ct_eq(token.as_bytes()).into();
        if own.is_some_and(is_own) {
            return Ok(());
        }
        Err(SessionRejection::forged(
            "this form is not from this session: load the page again, then send it",
        ))
    }
}

/// 128 bits in hexadecimal digits.
fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has a random generator");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

impl fmt::Debug for Csrf {
    /// Does not show the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Csrf").field(self.0.get()).finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Csrf {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let slot = Slot::innermost(parts)?;
        slot.open_or_start().await?;
        Ok(Self(slot.take()?))
    }
}
