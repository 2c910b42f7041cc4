//! The layer: how sessions travel and what happens when they cannot be had.

use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tower_layer::Layer;
use typed_sessions_core::{Session, SessionData, Sessions, Token};
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
/// use axum::{Router, routing::post};
/// use typed_sessions::axum::{Session, SessionLayer};
/// use typed_sessions::{MemoryStore, Sessions};
///
/// // By POST: a session that each GET changed would be stored for every bot.
/// async fn visit(mut session: Session<Shop>) -> String {
///     session.visits += 1;
///     format!("visit {}", session.visits)
/// }
///
/// let sessions = Sessions::<Shop>::new(MemoryStore::new());
/// let app: Router = Router::new().route("/", post(visit)).layer(SessionLayer::new(sessions));
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
    /// Whether the cookie is one that the application has chosen.
    has_own_cookie: bool,
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
    /// is stored. This is about the layer's own struct: a `View` that cannot be read is a 500, as
    /// the session itself can; `#[session(or_default)]` on its fields is the way on.
    StartNew,
}

impl SessionLayer {
    /// A layer with the defaults.
    pub fn new<D: SessionData>(sessions: Sessions<D>) -> Self {
        Self {
            settings: Arc::new(Settings {
                opener: Arc::new(sessions),
                carrier: Carrier::Cookie(SessionCookie::default()),
                has_own_cookie: false,
                on_unreadable: Unreadable::Fail,
                on_error: None,
                is_development: false,
            }),
        }
    }

    /// Another cookie than the default one.
    ///
    /// # Panics
    ///
    /// After [`header`](SessionLayer::header) or [`development`](SessionLayer::development), which
    /// it would contradict.
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
        let name = cookie.name();
        if let Carrier::Header(header) = &self.settings.carrier {
            two_carriers(name, header);
        }
        assert!(!self.settings.is_development, "{}", two_cookies(name));
        self.with(|settings| {
            settings.carrier = Carrier::Cookie(cookie);
            settings.has_own_cookie = true;
        })
    }

    /// No cookie, but the header `x-session-token` in requests and answers, for clients of an API:
    /// they keep the token that an answer has and send it with the next request. An empty one tells
    /// them to forget theirs.
    ///
    /// # Panics
    ///
    /// After [`cookie`](SessionLayer::cookie), which it would contradict.
    #[must_use]
    pub fn header(self) -> Self {
        self.header_named(HeaderName::from_static("x-session-token"))
    }

    /// The same with a header of another name.
    ///
    /// # Panics
    ///
    /// After [`cookie`](SessionLayer::cookie), and for a name that means something else in HTTP.
    #[must_use]
    pub fn header_named(self, name: HeaderName) -> Self {
        assert!(
            !TAKEN.contains(&name),
            "the header `{name}` means something else in HTTP: give the session's token one of its \
             own, such as `x-session-token`"
        );
        if self.settings.has_own_cookie {
            two_carriers(self.settings.carrier.name(), &name);
        }
        self.with(|settings| settings.carrier = Carrier::Header(name))
    }

    /// For `http://localhost` while developing: the cookie is `session`, without `Secure`, and
    /// requests for any other host are answered with 421, so that this does not reach production
    /// unnoticed. With [`header`](SessionLayer::header) only the latter.
    ///
    /// # Panics
    ///
    /// After [`cookie`](SessionLayer::cookie), which it would contradict.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// use typed_sessions::axum::{SessionCookie, SessionLayer};
    ///
    /// let layer = SessionLayer::new(sessions);
    /// let layer = if cfg!(debug_assertions) {
    ///     layer.development()
    /// } else {
    ///     layer.cookie(SessionCookie::builder().name("shop").build()?)
    /// };
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn development(self) -> Self {
        assert!(!self.settings.has_own_cookie, "{}", two_cookies(self.settings.carrier.name()));
        self.with(|settings| {
            settings.is_development = true;
            if let Carrier::Cookie(cookie) = &mut settings.carrier {
                *cookie = SessionCookie::development();
            }
        })
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

    /// The token that a request carries for this layer, if it carries one: for what needs no
    /// session, such as signing out of one that cannot be read any more.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// use axum::extract::State;
    /// use axum::http::HeaderMap;
    /// use axum::response::Redirect;
    /// use axum::{Router, routing::post};
    /// use typed_sessions::Sessions;
    /// use typed_sessions::axum::{SessionLayer, SessionRejection};
    ///
    /// type Both = (Sessions<Shop>, SessionLayer);
    ///
    /// async fn sign_out(
    ///     State((sessions, layer)): State<Both>,
    ///     headers: HeaderMap,
    /// ) -> Result<Redirect, SessionRejection> {
    ///     if let Some(token) = layer.token_in(&headers) {
    ///         sessions.revoke_token(token.expose()).await?;
    ///     }
    ///     Ok(Redirect::to("/"))
    /// }
    ///
    /// # let sessions = Sessions::<Shop>::new(MemoryStore::new());
    /// let layer = SessionLayer::new(sessions.clone());
    /// let app: Router = Router::new()
    ///     .route("/sign-out", post(sign_out))
    ///     .layer(layer.clone())
    ///     .with_state((sessions, layer));
    /// # let _ = app;
    /// ```
    pub fn token_in(&self, headers: &HeaderMap) -> Option<Token> {
        self.settings.carrier.token_in(headers)
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

/// What HTTP, or what goes between, would take for something else than a token.
const TAKEN: [HeaderName; 20] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::DATE,
    header::ETAG,
    header::HOST,
    header::LOCATION,
    header::ORIGIN,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
    header::VARY,
    header::WWW_AUTHENTICATE,
];

fn two_cookies(name: &str) -> String {
    format!(
        "`development` has a cookie of its own, and this layer was given `{name}` as well: take \
         one of them, as in `if dev {{ layer.development() }} else {{ layer.cookie(cookie) }}`"
    )
}

fn two_carriers(cookie: &str, header: &HeaderName) -> ! {
    panic!(
        "this layer was given the cookie `{cookie}` and the header `{header}`: take one of them, or \
         two layers around different routes"
    )
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
