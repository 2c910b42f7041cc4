//! `Session<D>` and `Option<Session<D>>`.

use std::fmt;
use std::ops::{Deref, DerefMut};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use typed_sessions_core::{Session as CoreSession, SessionData};

use crate::rejection::SessionRejection;
use crate::slot::{Slot, Taken};

/// The session of a request: opened, or started when the request has none. Dereferences to
/// [`typed_sessions::Session`](typed_sessions_core::Session), and so to the struct.
///
/// What is changed in it is saved after the handler, in one write with that of the views beside it;
/// see [`SessionLayer`](crate::SessionLayer). `Option<Session<D>>` never starts one: `None` for a
/// request that comes without a session.
///
/// One handler takes one of `Session`, `Option<Session>`, [`User`](crate::User) and
/// [`Fresh`](crate::Fresh), once. Middleware that takes one drops it before it calls `next.run`; an
/// argument that is named `_` lives until its function ends, too.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::Form;
/// use axum::response::Redirect;
/// use typed_sessions::axum::{Session, SessionRejection};
///
/// #[derive(serde::Deserialize)]
/// struct Add { item: String }
///
/// async fn add(mut session: Session<Shop>, Form(form): Form<Add>) -> Redirect {
///     session.cart.push(form.item);
///     Redirect::to("/cart")
/// }
///
/// async fn sign_out(session: Option<Session<Shop>>) -> Result<Redirect, SessionRejection> {
///     if let Some(mut session) = session {
///         session.destroy().await?;
///     }
///     Ok(Redirect::to("/"))
/// }
/// ```
pub struct Session<D: SessionData>(pub(crate) Taken<D>);

impl<D: SessionData> Session<D> {
    /// The session by itself, for what outlives the answer: a body, a WebSocket, a task. The layer
    /// does not save it; what it must hand over it hands over as far as it is known now, so save a
    /// new session first.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// use typed_sessions::axum::{Session, SessionRejection};
    ///
    /// async fn order(mut session: Session<Shop>) -> Result<&'static str, SessionRejection> {
    ///     session.save().await?;
    ///     let mut session = session.detach();
    ///     tokio::spawn(async move { session.set(Shop::LANGUAGE, "de".into()).await });
    ///     Ok("it will be German")
    /// }
    /// ```
    pub fn detach(self) -> CoreSession<D> {
        self.0.detach()
    }
}

impl<D: SessionData> Deref for Session<D> {
    type Target = CoreSession<D>;

    fn deref(&self) -> &CoreSession<D> {
        self.0.get()
    }
}

impl<D: SessionData> DerefMut for Session<D> {
    fn deref_mut(&mut self) -> &mut CoreSession<D> {
        self.0.get_mut()
    }
}

impl<D: SessionData> fmt::Debug for Session<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

impl<D: SessionData, S: Send + Sync> FromRequestParts<S> for Session<D> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let slot = Slot::of::<D>(parts)?;
        slot.open_or_start().await?;
        Ok(Self(slot.take()?))
    }
}

impl<D: SessionData, S: Send + Sync> OptionalFromRequestParts<S> for Session<D> {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        let slot = Slot::of::<D>(parts)?;
        if slot.open().await? || slot.is_out::<D>() {
            return Ok(Some(Self(slot.take()?)));
        }
        Ok(None)
    }
}
