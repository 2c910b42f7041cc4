//! Who is signed in: `User`, `Fresh` and `CurrentUser`.

use std::fmt;
use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use typed_sessions_core::{Session as CoreSession, SessionData};

use crate::rejection::SessionRejection;
use crate::require::Recent;
use crate::session::Session;
use crate::slot::{Slot, Taken};

/// Somebody who is signed in, with their session; 401 when nobody is. `Option<User<D>>` is `None`
/// then.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::response::Redirect;
/// use typed_sessions::axum::{SessionRejection, User};
///
/// async fn hello(user: User<Shop>) -> String {
///     let name = &user.user().name;
///     format!("{name}, there are {} things in your cart", user.session().cart.len())
/// }
///
/// async fn sign_out(user: User<Shop>) -> Result<Redirect, SessionRejection> {
///     user.into_session().logout().await?;
///     Ok(Redirect::to("/"))
/// }
/// ```
///
/// Sign out everywhere: the others first, then this one, so that the answer tells the browser.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::extract::State;
/// use axum::response::Redirect;
/// use typed_sessions::Sessions;
/// use typed_sessions::axum::{SessionRejection, User};
///
/// async fn sign_out_everywhere(
///     State(sessions): State<Sessions<Shop>>,
///     user: User<Shop>,
/// ) -> Result<Redirect, SessionRejection> {
///     sessions.user(&user.user().id).revoke_except(user.session().id()).await?;
///     user.into_session().destroy().await?;
///     Ok(Redirect::to("/"))
/// }
/// ```
pub struct User<D: SessionData>(Taken<D>);

impl<D: SessionData> User<D> {
    /// Who it is.
    ///
    /// # Panics
    ///
    /// After a logout through [`session_mut`](User::session_mut). To log out take
    /// [`into_session`](User::into_session).
    pub fn user(&self) -> &D::User {
        self.0.get().__user().expect("`user` was called after a logout: nobody is signed in")
    }

    /// Their session.
    pub fn session(&self) -> &CoreSession<D> {
        self.0.get()
    }

    /// Their session, to be changed.
    pub fn session_mut(&mut self) -> &mut CoreSession<D> {
        self.0.get_mut()
    }

    /// Their session alone.
    pub fn into_session(self) -> Session<D> {
        Session(self.0)
    }

    async fn from_slot(parts: &Parts) -> Result<Option<Self>, SessionRejection> {
        let slot = Slot::of::<D>(parts)?;
        if !slot.open().await? && !slot.is_out::<D>() {
            return Ok(None);
        }
        let taken: Taken<D> = slot.take()?;
        let is_signed_in = !taken.get().is_ended() && taken.get().__user().is_some();
        Ok(is_signed_in.then(|| Self(taken)))
    }
}

impl<D: SessionData> fmt::Debug for User<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("User").field(self.0.get()).finish()
    }
}

impl<D: SessionData, S: Send + Sync> FromRequestParts<S> for User<D> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Self::from_slot(parts).await?.ok_or_else(SessionRejection::signed_out)
    }
}

impl<D: SessionData, S: Send + Sync> OptionalFromRequestParts<S> for User<D> {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        Self::from_slot(parts).await
    }
}

/// Somebody who is signed in and proved who they are within the time of
/// [`require_recent`](crate::require_recent), which must be around the route; otherwise 401.
/// Dereferences to [`User`].
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::{Router, routing::post};
/// use typed_sessions::axum::{Fresh, require_recent};
///
/// async fn delete_account(user: Fresh<Shop>) -> String {
///     format!("good bye, {}", user.user().name)
/// }
///
/// let routes: Router = Router::new()
///     .route("/account/delete", post(delete_account))
///     .route_layer(require_recent::<Shop>(minutes(10), "/confirm"));
/// # let _ = routes;
/// ```
pub struct Fresh<D: SessionData>(User<D>);

impl<D: SessionData> Fresh<D> {
    /// Their session alone.
    pub fn into_session(self) -> Session<D> {
        self.0.into_session()
    }

    /// Their session, to be changed.
    pub fn session_mut(&mut self) -> &mut CoreSession<D> {
        self.0.session_mut()
    }
}

impl<D: SessionData> Deref for Fresh<D> {
    type Target = User<D>;

    fn deref(&self) -> &User<D> {
        &self.0
    }
}

impl<D: SessionData> fmt::Debug for Fresh<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fresh").field(&self.0).finish()
    }
}

impl<D: SessionData, S: Send + Sync> FromRequestParts<S> for Fresh<D> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        let Some(Recent(within)) = parts.extensions.get().copied() else {
            return Err(SessionRejection::misuse(
                "`Fresh` does not know what is recent: add \
                 `.route_layer(require_recent::<..>(..))` to the route",
            ));
        };
        let user: User<D> =
            User::from_slot(parts).await?.ok_or_else(SessionRejection::signed_out)?;
        if user.session().authenticated_within(within) {
            return Ok(Self(user));
        }
        Err(SessionRejection::not_recent())
    }
}

/// Who is signed in, as a copy without the session: for middleware, for templates, and beside any
/// other extractor. 401 when nobody is; `Option<CurrentUser<D>>` is `None` then.
///
/// As of when the session was opened, or last put back by an extractor of this request.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::extract::Request;
/// use axum::middleware::Next;
/// use axum::response::Response;
/// use typed_sessions::axum::CurrentUser;
///
/// async fn greet(user: Option<CurrentUser<Shop>>, request: Request, next: Next) -> Response {
///     if let Some(CurrentUser(member)) = user {
///         println!("{} asks for {}", member.name, request.uri());
///     }
///     next.run(request).await
/// }
/// ```
pub struct CurrentUser<D: SessionData>(
    /// Who it is.
    pub D::User,
)
where
    D::User: Clone;

impl<D: SessionData> Deref for CurrentUser<D>
where
    D::User: Clone,
{
    type Target = D::User;

    fn deref(&self) -> &D::User {
        &self.0
    }
}

impl<D: SessionData> fmt::Debug for CurrentUser<D>
where
    D::User: Clone,
{
    /// Shows nothing of the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").finish_non_exhaustive()
    }
}

impl<D: SessionData> CurrentUser<D>
where
    D::User: Clone,
{
    async fn from_slot(parts: &Parts) -> Result<Option<Self>, SessionRejection> {
        let slot = Slot::of::<D>(parts)?;
        slot.open().await?;
        // Of the session itself, so that it makes no difference who has the handle.
        let view =
            slot.with_root(|root| if root.is_ended() { None } else { Some(root.view::<D>()) });
        let view = view.flatten().transpose()?;
        Ok(view.and_then(|session| session.__user().cloned()).map(Self))
    }
}

impl<D: SessionData, S: Send + Sync> FromRequestParts<S> for CurrentUser<D>
where
    D::User: Clone,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Self::from_slot(parts).await?.ok_or_else(SessionRejection::signed_out)
    }
}

impl<D: SessionData, S: Send + Sync> OptionalFromRequestParts<S> for CurrentUser<D>
where
    D::User: Clone,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        Self::from_slot(parts).await
    }
}
