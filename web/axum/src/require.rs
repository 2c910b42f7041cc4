//! Routes for those who are signed in, and for those who proved so recently.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;
use http::{Method, Request};
use tower_layer::Layer;
use tower_service::Service;
use typed_sessions_core::SessionData;
use typed_sessions_http::{is_navigation, with_next};

use crate::rejection::SessionRejection;
use crate::slot::Slot;

/// For a `route_layer`: whoever is not signed in is sent to this path by 303, with `?next=` for the
/// way back if they asked for a page by GET ([`Next`](crate::Next) reads it), and gets a 401 if a
/// script asked.
///
/// Preflights of browsers (OPTIONS with `Origin` and `Access-Control-Request-Method`) pass, since
/// they carry no cookie. A handler of `any(..)` sees them without a login: take
/// [`User`](crate::User) there.
///
/// Opens the session, and so costs the store call that the handler is then spared.
///
/// # Panics
///
/// When the path is relative, or no URL that can stand in `Location` with a query behind it.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::{Router, routing::get};
/// use typed_sessions::axum::{SessionLayer, User, require_login};
///
/// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
/// let app: Router = Router::new()
///     .route("/orders", get(|user: User<Shop>| async move { user.user().name.clone() }))
///     .route_layer(require_login::<Shop>("/sign-in"))  // for the routes above
///     .route("/sign-in", get(|| async { "who are you?" }))
///     .layer(SessionLayer::new(sessions));             // around all of them
/// # let _ = app;
/// ```
pub fn require_login<D: SessionData>(sign_in: impl Into<String>) -> Require<D> {
    Require::new(sign_in.into(), None)
}

/// For a `route_layer`: as [`require_login`], and the login or the last
/// [proof](typed_sessions_core::Session::reauthenticate) must be younger than this. For what a
/// stolen session must not be able to do. The path is that of a page that asks for the password and
/// then calls `reauthenticate`, which somebody must be signed in for: hence `require_login` around
/// it. Preflights pass here as well.
///
/// # Panics
///
/// As [`require_login`].
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::response::Redirect;
/// use axum::{Router, routing::post};
/// use typed_sessions::axum::{Fresh, Next, SessionRejection, User};
/// use typed_sessions::axum::{require_login, require_recent};
///
/// async fn delete(user: Fresh<Shop>) -> String { format!("good bye, {}", user.user().name) }
///
/// /// The password was checked.
/// async fn confirm(mut user: User<Shop>, next: Next) -> Result<Redirect, SessionRejection> {
///     user.session_mut().reauthenticate().await?;
///     Ok(Redirect::to(&next.or("/account")))
/// }
///
/// let routes: Router = Router::new()
///     .route("/account/delete", post(delete))
///     .route_layer(require_recent::<Shop>(minutes(10), "/confirm"))
///     .route("/confirm", post(confirm))
///     .route_layer(require_login::<Shop>("/sign-in")); // for both
/// # let _ = routes;
/// ```
pub fn require_recent<D: SessionData>(within: Duration, confirm: impl Into<String>) -> Require<D> {
    Require::new(confirm.into(), Some(within))
}

/// Made by [`require_login`] and [`require_recent`].
pub struct Require<D> {
    rule: Arc<Rule>,
    data: PhantomData<fn() -> D>,
}

struct Rule {
    /// Where whoever does not fulfil it is sent.
    path: String,
    within: Option<Duration>,
}

/// What counts as recent on this route.
#[derive(Clone, Copy)]
pub(crate) struct Recent(pub(crate) Duration);

impl<D: SessionData> Require<D> {
    fn new(path: String, within: Option<Duration>) -> Self {
        assert!(
            is_place(&path),
            "{path:?} is no place to send somebody to: give an absolute path such as `/sign-in`, or \
             a whole URL, in visible ASCII and without a `#`"
        );
        Self { rule: Arc::new(Rule { path, within }), data: PhantomData }
    }
}

impl Rule {
    /// The answer of whoever may not pass.
    async fn check<D: SessionData>(&self, parts: &mut Parts) -> Result<(), Response> {
        if let Some(within) = self.within {
            parts.extensions.insert(Recent(within));
        }
        if is_preflight(parts) {
            return Ok(());
        }
        let slot = Slot::of::<D>(parts).map_err(IntoResponse::into_response)?;
        slot.open().await.map_err(IntoResponse::into_response)?;
        let is_recent = slot.with_root(|root| {
            let recent = self.within.map(|within| root.authenticated_within(within));
            root.is_logged_in().then_some(recent.unwrap_or(true))
        });
        let rejection = match is_recent.flatten() {
            Some(true) => return Ok(()),
            Some(false) => SessionRejection::not_recent(),
            None => SessionRejection::signed_out(),
        };
        if !is_navigation(&parts.headers) {
            return Err(rejection.into_response());
        }
        // Nested routers take their prefix away; this is what the client asked for.
        let asked = parts.extensions.get().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let path = with_next(&self.path, &parts.method, asked, &parts.headers);
        Err(Redirect::to(&path).into_response())
    }
}

/// Whether it is an absolute path or a whole URL, to which a query can be added.
fn is_place(path: &str) -> bool {
    let is_path = path.starts_with('/') && !path.starts_with("//");
    let is_url = path.starts_with("https://") || path.starts_with("http://");
    (is_path || is_url) && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Whether a browser asks if a page of another origin may send a request.
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl<D> Clone for Require<D> {
    fn clone(&self) -> Self {
        Self { rule: Arc::clone(&self.rule), data: PhantomData }
    }
}

impl<D> fmt::Debug for Require<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { path, within } = &*self.rule;
        f.debug_struct("Require").field("path", path).field("within", within).finish()
    }
}

impl<D, S> Layer<S> for Require<D> {
    type Service = RequireService<D, S>;

    fn layer(&self, inner: S) -> RequireService<D, S> {
        RequireService { inner, require: self.clone() }
    }
}

/// What [`Require`] makes of the service that it is put around.
pub struct RequireService<D, S> {
    inner: S,
    require: Require<D>,
}

impl<D, S: Clone> Clone for RequireService<D, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), require: self.require.clone() }
    }
}

impl<D, S> fmt::Debug for RequireService<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService").field("require", &self.require).finish_non_exhaustive()
    }
}

impl<D, S, B> Service<Request<B>> for RequireService<D, S>
where
    D: SessionData,
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let rule = Arc::clone(&self.require.rule);
        // The one that was asked whether it is ready takes the request.
        let another = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, another);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            if let Err(response) = rule.check::<D>(&mut parts).await {
                return Ok(response);
            }
            inner.call(Request::from_parts(parts, body)).await.map(IntoResponse::into_response)
        })
    }
}
