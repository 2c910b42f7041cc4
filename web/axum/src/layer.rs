//! The layer: how sessions travel and what happens when they cannot be had.

use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use tower_layer::Layer;
use typed_sessions_core::{Session, SessionData, Sessions};
use typed_sessions_http::{Carrier, SessionCookie};

use crate::opener::Opener;
use crate::rejection::SessionRejection;
use crate::service::SessionService;

/// Gives the routes below it sessions: opened when a handler asks for one, saved after it, handed
/// over in a cookie. Cheap to clone.
///
/// By default the cookie is `__Host-session`, with `Secure`, `HttpOnly`, `SameSite=Lax` and
/// `Path=/`. Put the layer around the routes and their `route_layer`s; inside it whatever turns a
/// panic, an error or a timeout into an answer (`CatchPanicLayer`, `HandleErrorLayer`,
/// `TimeoutLayer`), so that the client gets the token of a login that was made before it.
///
/// # What it does
///
/// - The session is opened when an extractor first asks for it, once for each request. Requests
///   whose handler asks for none cost no store call, and are answered while the store is down.
/// - After the handler, and before its answer's body is sent, what it changed is saved in one
///   write, whatever the status below 500. A new session is stored only if something was put into
///   it.
/// - With a status of 500 or more, or 408 (a timeout stopped the handler midway), and when the
///   handler panics or the client leaves, what was changed and not saved is dropped; an event of
///   level `debug` says so. A fresh token is handed over all the same: after a login the client's
///   old one is dead, even if the store's answer to it was lost.
/// - When saving fails, an answer that says so takes the place of the handler's, as
///   [`SessionRejection`] lists; what it sets as cookies stays.
/// - A token that a renewal made is handed over only if it is still the current one when the answer
///   is. So no delay of a handler puts back a token that a login or logout has replaced. A request
///   whose own token was replaced while it was on its way stores no new visitor and sets no cookie:
///   what it wanted to save is answered with 409.
/// - The cookie is removed in the answer to a [`destroy`](typed_sessions_core::Session::destroy)
///   that ended what the request came with, and in no other.
/// - Answers of handlers that asked for a session have `Vary: Cookie` and, unless they say
///   something else, `Cache-Control: no-store`; those that set the cookie always have the latter.
///
/// # Cost
///
/// That of [`Sessions::open`] when a handler asks for the session; one `apply` when it changed
/// anything; one `headers` before a renewed token is handed over. A call more, where the store's
/// answer to a login, a logout or a proof was lost.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use axum::{Router, routing::get};
/// use typed_sessions::axum::{Session, SessionLayer};
/// use typed_sessions::{MemoryStore, Sessions};
///
/// async fn visit(mut session: Session<Shop>) -> String {
///     session.visits += 1;
///     format!("visit {}", session.visits)
/// }
///
/// let sessions = Sessions::<Shop>::new(MemoryStore::new());
/// let app: Router = Router::new().route("/", get(visit)).layer(SessionLayer::new(sessions));
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct SessionLayer {
    settings: Arc<Settings>,
}

/// What the requests of one layer have in common.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) opener: Arc<dyn Opener>,
    pub(crate) carrier: Carrier,
    pub(crate) on_unreadable: Unreadable,
    pub(crate) on_error: Option<Renderer>,
    pub(crate) is_development: bool,
}

pub(crate) type Renderer = Arc<dyn Fn(&SessionRejection) -> Response + Send + Sync>;

/// What becomes of a request whose session cannot be read: a field's type has changed, or another
/// version wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreadable {
    /// It is answered with 500. The default: nothing is lost.
    #[default]
    Fail,
    /// It goes on as if it had come without a session, with a warning in the log. What cannot be
    /// read stays in the store until it runs idle; the client loses it with the next session that
    /// is stored.
    StartNew,
}

impl SessionLayer {
    /// A layer with the defaults.
    pub fn new<D: SessionData>(sessions: Sessions<D>) -> Self {
        Self {
            settings: Arc::new(Settings {
                opener: Arc::new(sessions),
                carrier: Carrier::Cookie(SessionCookie::default()),
                on_unreadable: Unreadable::Fail,
                on_error: None,
                is_development: false,
            }),
        }
    }

    /// Another cookie than the default one.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use typed_sessions::axum::{SameSite, SessionCookie, SessionLayer};
    ///
    /// let cookie = SessionCookie::builder().name("shop").same_site(SameSite::Strict).build()?;
    /// let layer = SessionLayer::new(sessions).cookie(cookie);
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn cookie(self, cookie: SessionCookie) -> Self {
        self.carrier(Carrier::Cookie(cookie))
    }

    /// No cookie, but the header `x-session-token` in requests and answers, for clients of an API:
    /// they keep the token that an answer has and send it with the next request. An empty one tells
    /// them to forget theirs.
    #[must_use]
    pub fn header(self) -> Self {
        self.header_named(HeaderName::from_static("x-session-token"))
    }

    /// The same with a header of another name.
    #[must_use]
    pub fn header_named(self, name: HeaderName) -> Self {
        self.carrier(Carrier::Header(name))
    }

    fn carrier(self, carrier: Carrier) -> Self {
        self.with(|settings| settings.carrier = carrier)
    }

    /// For `http://localhost` while developing: the cookie is `session`, without `Secure`, and
    /// requests for any other host are answered with 421, so that this does not reach production
    /// unnoticed.
    #[must_use]
    pub fn development(self) -> Self {
        self.cookie(SessionCookie::development()).with(|settings| settings.is_development = true)
    }

    /// Renders what a [`SessionRejection`] says to the client, whether an extractor, a handler's
    /// `?` or the layer itself made it. The answer should have the rejection's
    /// [status](SessionRejection::status).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use axum::response::Html;
    /// use typed_sessions::axum::SessionLayer;
    ///
    /// let layer = SessionLayer::new(sessions)
    ///     .on_error(|why| (why.status(), Html(format!("<h1>Sorry</h1><p>{why}"))));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn on_error<R: IntoResponse>(
        self,
        render: impl Fn(&SessionRejection) -> R + Send + Sync + 'static,
    ) -> Self {
        let render = move |rejection: &SessionRejection| render(rejection).into_response();
        self.with(|settings| settings.on_error = Some(Arc::new(render)))
    }

    /// What becomes of a request whose session cannot be read.
    #[must_use]
    pub fn on_unreadable(self, on_unreadable: Unreadable) -> Self {
        self.with(|settings| settings.on_unreadable = on_unreadable)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// What a client with this session sends, for tests of applications: the value of `Cookie`, or
    /// in header mode of the header. Save the session first.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use axum::{Router, body::Body, http::Request, routing::get};
    /// use tower::ServiceExt;
    /// use typed_sessions::axum::{SessionLayer, User};
    ///
    /// let layer = SessionLayer::new(sessions.clone());
    /// let app = Router::new()
    ///     .route("/", get(|ada: User<Shop>| async move { ada.user().name.clone() }))
    ///     .layer(layer.clone());
    ///
    /// let mut session = sessions.start();
    /// session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// let request = Request::get("/").header("cookie", layer.cookie_for(&session));
    /// let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    /// assert_eq!(answer.status(), 200);
    /// # Ok(()) });
    /// ```
    pub fn cookie_for<D: SessionData>(&self, session: &Session<D>) -> HeaderValue {
        self.settings.carrier.presents(&session.token())
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("sessions_of", &self.opener.data().name)
            .field("carrier", &self.carrier)
            .field("on_unreadable", &self.on_unreadable)
            .field("is_development", &self.is_development)
            .finish_non_exhaustive()
    }
}
