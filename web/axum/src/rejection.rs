//! What a request is answered when its session cannot be had, or not be saved.

use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use typed_sessions_core::__web::WithSources;
use typed_sessions_core::{Error, ErrorKind};

/// After how many seconds a client may try again when the store cannot be reached.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request was not answered as its handler would: the rejection of every extractor here, and
/// what a [`typed_sessions::Error`](typed_sessions_core::Error) becomes by `?` in a handler.
///
/// | why | status |
/// |---|---|
/// | nobody is signed in; the session has ended (`Gone`); the proof is not recent enough | 401 |
/// | a form without the right token, a request from another site | 403 |
/// | another request was quicker (`Superseded`, `Conflict`); the user's limit is reached | 409 |
/// | a value or the session is too large | 413 |
/// | the store cannot be reached (`Unavailable`) | 503, with `Retry-After` |
/// | everything else, misuse of an extractor included | 500 |
///
/// Its answer is a line of plain text, with no secret and no value in it; that of a misuse names the
/// structs, and is for the programmer who meets it first.
/// [`SessionLayer::on_error`](crate::SessionLayer::on_error) renders all as you like.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use typed_sessions::axum::{Session, SessionRejection};
///
/// async fn add(mut session: Session<Shop>) -> Result<String, SessionRejection> {
///     let visits = session.update(Shop::VISITS, |n| { *n += 1; *n }).await?;
///     Ok(format!("visit {visits}"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SessionRejection(Arc<Why>);

#[derive(Debug)]
enum Why {
    Error(Error),
    SignedOut,
    NotRecent,
    Forged(&'static str),
    NotLocal,
    Misuse(String),
}

impl SessionRejection {
    pub(crate) fn signed_out() -> Self {
        Self(Arc::new(Why::SignedOut))
    }

    pub(crate) fn not_recent() -> Self {
        Self(Arc::new(Why::NotRecent))
    }

    pub(crate) fn forged(what: &'static str) -> Self {
        Self(Arc::new(Why::Forged(what)))
    }

    pub(crate) fn not_local() -> Self {
        Self(Arc::new(Why::NotLocal))
    }

    /// A mistake of the program, told where its author looks first.
    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        let message = message.into();
        tracing::error!(target: "typed_sessions", "{message}");
        Self(Arc::new(Why::Misuse(message)))
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match &*self.0 {
            Why::SignedOut | Why::NotRecent => StatusCode::UNAUTHORIZED,
            Why::Forged(_) => StatusCode::FORBIDDEN,
            Why::NotLocal => StatusCode::MISDIRECTED_REQUEST,
            Why::Misuse(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Why::Error(error) => match error.kind() {
                ErrorKind::Gone => StatusCode::UNAUTHORIZED,
                ErrorKind::Superseded | ErrorKind::Conflict | ErrorKind::LimitReached => {
                    StatusCode::CONFLICT
                }
                ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// The library's error behind it, if there is one.
    pub fn error(&self) -> Option<&Error> {
        match &*self.0 {
            Why::Error(error) => Some(error),
            _ => None,
        }
    }

    /// What the answer needs besides its status and its text.
    pub(crate) fn complete(&self, response: &mut Response) {
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().entry(RETRY_AFTER).or_insert(RETRY_AFTER_SECONDS);
        }
    }
}

impl From<Error> for SessionRejection {
    fn from(error: Error) -> Self {
        Self(Arc::new(Why::Error(error)))
    }
}

impl fmt::Display for SessionRejection {
    /// A line for whoever sent the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &*self.0 {
            Why::SignedOut => "sign in first",
            Why::NotRecent => "confirm first that it is you",
            Why::Forged(what) => what,
            Why::NotLocal => {
                "this session layer is in development mode, which is for http://localhost alone: \
                 open http://localhost, or take `.development()` away"
            }
            Why::Misuse(message) => message,
            Why::Error(error) => match error.kind() {
                ErrorKind::Gone => "your session has ended: sign in again",
                ErrorKind::Superseded => {
                    "your session has changed in the meantime: load the page again"
                }
                ErrorKind::Conflict => "others were quicker: try again",
                ErrorKind::LimitReached => {
                    "you are signed in on too many devices: sign out on one of them"
                }
                ErrorKind::TooLarge => "this is more than your session can hold",
                ErrorKind::Unavailable => "the service is not available: try again in a moment",
                _ => "something went wrong with your session",
            },
        })
    }
}

impl std::error::Error for SessionRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        let status = self.status();
        if let (true, Some(error)) = (status == StatusCode::INTERNAL_SERVER_ERROR, self.error()) {
            tracing::error!(
                target: "typed_sessions", error = %WithSources(error),
                "a request was answered with status 500"
            );
        }
        let mut response = (status, self.to_string()).into_response();
        self.complete(&mut response);
        // For `on_error` of the layer.
        response.extensions_mut().insert(self);
        response
    }
}
