//! The pages, the forms, and the list of connections.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE};
use axum::http::header::{HeaderMap, HeaderValue, USER_AGENT};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use typed_sessions::{Device, ErrorKind, Login, Session, SessionId, Timestamp};

use crate::{App, Member, Visit, socket};

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/sign-out-there", post(sign_out_there))
        .route("/sign-out-everywhere", post(sign_out_everywhere))
        .route("/connections", get(connections))
        .route("/socket", get(socket::upgrade))
        .route(
            "/chat.js",
            get(([(CONTENT_TYPE, "text/javascript")], include_str!("pages/chat.js"))),
        )
        .route("/style.css", get(([(CONTENT_TYPE, "text/css")], include_str!("pages/style.css"))))
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

/// Keeps out what pages of other sites send, and other sites' scripts.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_safe && !app.site.is_ours(request.headers()) {
        return Failure::OtherSite.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy =
        HeaderValue::from_static("default-src 'self'; img-src data:; frame-ancestors 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

impl App {
    /// The session of a request, if it has one.
    pub(crate) async fn open(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Session<Visit>>, Failure> {
        match self.site.token(headers) {
            Some(token) => Ok(self.sessions.open(token).await?),
            None => Ok(None),
        }
    }

    async fn signed_in(&self, headers: &HeaderMap) -> Result<(Session<Visit>, String), Failure> {
        let session = self.open(headers).await?.ok_or(Failure::SignedOut)?;
        let name = session.user_id().ok_or(Failure::SignedOut)?;
        Ok((session, name))
    }
}

async fn front(State(app): State<App>, headers: HeaderMap) -> Result<impl IntoResponse, Failure> {
    let session = app.open(&headers).await?.filter(Session::is_logged_in);
    let cookie = session.as_ref().and_then(|session| app.site.fresh(session));
    let page = match session {
        Some(_) => include_str!("pages/chat.html"),
        None => include_str!("pages/sign_in.html"),
    };
    Ok(with_cookie(cookie, Html(page)))
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
}

async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Result<impl IntoResponse, Failure> {
    let name = form.name.trim();
    if !(1..=32).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::BadName);
    }
    let mut session = app.sessions.open_or_start(app.site.token(&headers).as_deref()).await?;
    let device = Device::new(device(&headers));
    session.login_with(Member { name: name.to_owned() }, Login::new().device(device)).await?;
    Ok(with_cookie(app.site.fresh(&session), Redirect::to("/")))
}

async fn sign_out(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    if let Some(mut session) = app.open(&headers).await? {
        session.destroy().await?;
    }
    Ok(with_cookie(Some(app.site.removal()), Redirect::to("/")))
}

async fn sign_out_everywhere(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Failure> {
    let (_, name) = app.signed_in(&headers).await?;
    app.sessions.user(&name).revoke_all().await?;
    Ok(with_cookie(Some(app.site.removal()), Redirect::to("/")))
}

#[derive(Deserialize)]
struct There {
    session: SessionId,
}

/// On another device. The id comes from the browser: `revoke` ends it only if it is the user's own.
async fn sign_out_there(
    State(app): State<App>,
    headers: HeaderMap,
    Form(there): Form<There>,
) -> Result<impl IntoResponse, Failure> {
    let (session, name) = app.signed_in(&headers).await?;
    app.sessions.user(&name).revoke(there.session).await?;
    Ok(with_cookie(app.site.fresh(&session), Redirect::to("/")))
}

#[derive(Serialize)]
struct Connections {
    me: String,
    connections: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    session: SessionId,
    device: String,
    server: String,
    since: Timestamp,
    is_here: bool,
}

/// Where the user is connected. Pages ask this by themselves, so it is no activity: `peek`.
async fn connections(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<Connections>, Failure> {
    let token = app.site.token(&headers).ok_or(Failure::SignedOut)?;
    let session = app.sessions.peek(token).await?.ok_or(Failure::SignedOut)?;
    let me = session.user_id().ok_or(Failure::SignedOut)?;
    let user = app.sessions.user(&me);
    let signed_in = user.list().await?;
    let connections = user.connections().await?.into_iter().map(|connection| {
        let info = signed_in.iter().find(|info| info.id() == connection.session());
        let device = info.and_then(|info| info.device());
        Listed {
            session: connection.session(),
            device: device.map_or_else(|| "A browser".into(), |device| device.label.clone()),
            server: connection.server().to_owned(),
            since: connection.since(),
            is_here: connection.session() == session.id(),
        }
    });
    let connections = connections.collect();
    Ok(Json(Connections { me, connections }))
}

/// A few words about the browser, from what it says of itself.
fn device(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = |names: &[&'static str]| names.iter().find(|name| agent.contains(**name)).copied();
    // Most claim to be those after them as well.
    let browser = first(&["Firefox", "Edg", "Chrome", "Safari"]).unwrap_or("A browser");
    match first(&["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"]) {
        Some(system) => format!("{browser} on {system}"),
        None => browser.to_owned(),
    }
}

pub(crate) fn with_cookie(
    cookie: Option<String>,
    response: impl IntoResponse,
) -> impl IntoResponse {
    (AppendHeaders(cookie.map(|cookie| (SET_COOKIE, cookie))), response)
}

/// Why there is no answer.
pub(crate) enum Failure {
    SignedOut,
    OtherSite,
    BadName,
    Sessions(typed_sessions::Error),
}

impl From<typed_sessions::Error> for Failure {
    fn from(error: typed_sessions::Error) -> Self {
        match error.kind() {
            ErrorKind::Gone | ErrorKind::Superseded => Self::SignedOut,
            _ => Self::Sessions(error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::SignedOut => (StatusCode::UNAUTHORIZED, "You are signed out."),
            Self::OtherSite => (StatusCode::FORBIDDEN, "This came from another site."),
            Self::BadName => (StatusCode::BAD_REQUEST, "A name has 1 to 32 characters."),
            Self::Sessions(error) if error.is_transient() => {
                eprintln!("{error}");
                (StatusCode::SERVICE_UNAVAILABLE, "Sessions cannot be looked up now. Try again.")
            }
            Self::Sessions(error) => {
                eprintln!("{error}");
                (StatusCode::INTERNAL_SERVER_ERROR, "Something is wrong here.")
            }
        }
        .into_response()
    }
}
