//! The way back after signing in.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use typed_sessions_http::next_path;

/// Where somebody wanted to go when [`require_login`](crate::require_login) sent them away: the
/// `?next=` of the request, if it is a path of this site. What names another site is as if it were
/// not there, so nobody is led astray by a link to your sign-in page.
///
/// The page that asks for the password must keep its own query in the form's `action`, or leave the
/// `action` out.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::response::Redirect;
/// use typed_sessions::axum::{Next, Session, SessionRejection};
///
/// async fn sign_in(mut session: Session<Shop>, next: Next) -> Result<Redirect, SessionRejection> {
///     session.login(Member { id: 7, name: "Ada".into() }).await?;
///     Ok(Redirect::to(&next.or("/")))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next(Option<String>);

impl Next {
    /// The path, with its query, if there is one.
    pub fn path(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The path, or this one.
    pub fn or(self, path: impl Into<String>) -> String {
        self.0.unwrap_or_else(|| path.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Next {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(next_path(&parts.uri)))
    }
}
