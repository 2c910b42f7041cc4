//! Messages that are shown once, on the page after a redirect.

use std::fmt;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use typed_sessions_derive::SessionData;

use crate::rejection::SessionRejection;
use crate::slot::{Slot, Taken};

/// Messages for the next page: one handler leaves them and redirects, the next one takes them and
/// shows them, once. They are kept in the session, under the key `web.flash`, and written together
/// with whatever else the handler changes in it; on a status of 500 or more they stay as they were.
/// After a `destroy` in the same request there is no session to keep them in: they are gone with it;
/// a `logout` keeps it.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::response::Redirect;
/// use typed_sessions::axum::{Flash, Session};
///
/// async fn empty_cart(mut session: Session<Shop>, mut flash: Flash) -> Redirect {
///     session.cart.clear();
///     flash.success("Your cart is empty.");
///     Redirect::to("/cart")
/// }
///
/// async fn cart(mut flash: Flash) -> String {
///     let messages = flash.take();
///     messages.iter().map(|message| format!("{}: {}\n", message.level, message.text)).collect()
/// }
/// ```
pub struct Flash(Taken<Kept>);

/// What the session keeps.
#[derive(SessionData)]
#[session(crate = typed_sessions_core)]
struct Kept {
    /// `None` where there are none, so that the key is absent.
    #[session(key = "web.flash", or_default)]
    messages: Option<Vec<Message>>,
}

/// A message of a [`Flash`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// How it is meant.
    pub level: Level,
    /// What it says. Escape it in HTML, as any text.
    pub text: String,
}

/// How a [`Message`] is meant. Displays as a word in lower case, for a class in CSS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It worked.
    Success,
    /// Something to know.
    Info,
    /// It worked, but.
    Warning,
    /// It did not work.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl Flash {
    /// Leaves a message for the next page.
    pub fn push(&mut self, level: Level, text: impl Into<String>) {
        let message = Message { level, text: text.into() };
        self.0.get_mut().messages.get_or_insert_default().push(message);
    }

    /// It worked.
    pub fn success(&mut self, text: impl Into<String>) {
        self.push(Level::Success, text);
    }

    /// Something to know.
    pub fn info(&mut self, text: impl Into<String>) {
        self.push(Level::Info, text);
    }

    /// It worked, but.
    pub fn warning(&mut self, text: impl Into<String>) {
        self.push(Level::Warning, text);
    }

    /// It did not work.
    pub fn error(&mut self, text: impl Into<String>) {
        self.push(Level::Error, text);
    }

    /// The messages that were left, the oldest first; from then on they are gone. Costs a write
    /// only where there are any.
    pub fn take(&mut self) -> Vec<Message> {
        if self.0.get().messages.is_none() {
            return Vec::new();
        }
        self.0.get_mut().messages.take().unwrap_or_default()
    }
}

impl fmt::Debug for Flash {
    /// Shows nothing of the messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flash").field(self.0.get()).finish()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Flash {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let slot = Slot::innermost(parts)?;
        slot.open_or_start().await?;
        Ok(Self(slot.take()?))
    }
}
