//! Forms that only this session can send.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use subtle::ConstantTimeEq as _;
use typed_sessions_core::__web::login_epoch;
use typed_sessions_core::ErrorKind;
use typed_sessions_derive::SessionData;

use crate::rejection::SessionRejection;
use crate::slot::{Slot, Taken};

/// A token that goes into a form as a hidden field and comes back with it: the synchronizer token
/// of OWASP's cheat sheet, bound to the session and its login, and kept under the key `web.csrf`.
/// Every login and logout makes another one necessary; a renewal of the session does not.
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

/// How many logins may come between while a token is made.
const MAX_LOGINS: u32 = 3;

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
    /// As [`update`](typed_sessions_core::Session::update) of the session.
    ///
    /// # Cost
    ///
    /// One `apply` the first time in each login, none afterwards; a `load` and an `apply` more after
    /// a login in the same request.
    pub async fn token(&mut self) -> Result<String, SessionRejection> {
        let session = self.0.get_mut();
        let mut logins = 0;
        loop {
            let epoch = login_epoch(session);
            if let Some(token) = of_login(session.token.as_deref(), epoch) {
                return Ok(token.to_owned());
            }
            let make = |kept: &mut Option<String>| {
                if of_login(kept.as_deref(), epoch).is_none() {
                    *kept = Some(random(epoch));
                }
            };
            match session.update(Kept::TOKEN, make).await {
                // By a login of this very request, perhaps: then it may go on.
                Err(error) if error.kind() == ErrorKind::Superseded && logins < MAX_LOGINS => {
                    logins += 1;
                    session.reload().await?;
                }
                outcome => outcome?,
            }
        }
    }

    /// Whether a form came with the session's token, compared in constant time.
    ///
    /// # Errors
    ///
    /// A rejection with status 403.
    pub fn verify(&self, token: &str) -> Result<(), SessionRejection> {
        let own = of_login(self.0.get().token.as_deref(), login_epoch(self.0.get()));
        let is_own = |own: &str| own.as_bytes().ct_eq(token.as_bytes()).into();
        if own.is_some_and(is_own) {
            return Ok(());
        }
        Err(SessionRejection::forged(
            "this form is not from this session: load the page again, then send it",
        ))
    }
}

/// The token, if it was made in this login.
fn of_login(kept: Option<&str>, epoch: u64) -> Option<&str> {
    kept.filter(|kept| kept.split_once('-').is_some_and(|(own, _)| own == epoch.to_string()))
}

/// The number of the login, which is no secret, and 128 bits in hexadecimal digits.
fn random(epoch: u64) -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has a random generator");
    format!("{epoch}-{:032x}", u128::from_be_bytes(bytes))
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
