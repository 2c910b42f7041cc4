//! Another struct on the request's session.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use axum::extract::FromRequestParts;
use http::request::Parts;
use typed_sessions_core::{Session as CoreSession, SessionData};

use crate::rejection::SessionRejection;
use crate::slot::{Slot, Taken};

/// Another struct, `V`, on the request's session of `D`: a
/// [view](typed_sessions_core::Session::view), with keys of its own. It stands beside
/// [`Session`](crate::Session) and the other extractors, and what is changed in it is saved in the
/// same write; whichever is changed first creates the session.
///
/// One handler takes each `View` once.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use typed_sessions::axum::{Session, View};
///
/// async fn darker(mut prefs: View<Prefs, Shop>, mut shop: Session<Shop>) {
///     prefs.theme = "dark".into();
///     shop.visits += 1;
/// }
/// ```
pub struct View<V: SessionData, D: SessionData> {
    taken: Taken<V>,
    of: PhantomData<fn() -> D>,
}

impl<V: SessionData, D: SessionData> View<V, D> {
    /// The view by itself, for what outlives the answer; the layer does not save it. As
    /// [`Session::detach`](crate::Session::detach).
    pub fn detach(self) -> CoreSession<V> {
        self.taken.detach()
    }
}

impl<V: SessionData, D: SessionData> Deref for View<V, D> {
    type Target = CoreSession<V>;

    fn deref(&self) -> &CoreSession<V> {
        self.taken.get()
    }
}

impl<V: SessionData, D: SessionData> DerefMut for View<V, D> {
    fn deref_mut(&mut self) -> &mut CoreSession<V> {
        self.taken.get_mut()
    }
}

impl<V: SessionData, D: SessionData> fmt::Debug for View<V, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.taken.get().fmt(f)
    }
}

impl<V: SessionData, D: SessionData, S: Send + Sync> FromRequestParts<S> for View<V, D> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let slot = Slot::of::<D>(parts)?;
        slot.open_or_start().await?;
        Ok(Self { taken: slot.take()?, of: PhantomData })
    }
}
