//! The page on tower-sessions and axum-login, as their documentation does it.

use std::convert::Infallible;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum_login::tower_sessions::SessionManagerLayer;
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId};
use tower_sessions_moka_store::MokaStore;

#[derive(Clone, Debug)]
struct Member {
    id: u64,
    name: String,
}

impl AuthUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"the hash of the password"
    }
}

/// Where users are. A database would be asked in each request; this one costs nothing, which
/// favours their side.
#[derive(Clone, Debug)]
struct Backend;

impl AuthnBackend for Backend {
    type User = Member;
    type Credentials = ();
    type Error = Infallible;

    async fn authenticate(&self, (): ()) -> Result<Option<Member>, Infallible> {
        Ok(Some(Member { id: 7, name: "Ada".to_owned() }))
    }

    async fn get_user(&self, _: &UserId<Self>) -> Result<Option<Member>, Infallible> {
        self.authenticate(()).await
    }
}

type Auth = axum_login::AuthSession<Backend>;

async fn sign_in(mut auth: Auth) -> Response {
    let user = match auth.authenticate(()).await {
        Ok(Some(user)) => user,
        Ok(None) => return StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    if auth.login(&user).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    Redirect::to("/page").into_response()
}

async fn page(auth: Auth) -> Response {
    let Some(user) = auth.user else { return StatusCode::UNAUTHORIZED.into_response() };
    let Ok(visits) = auth.session.get::<u32>("visits").await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let visits = visits.unwrap_or_default() + 1;
    if auth.session.insert("visits", visits).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    format!("{}, visit {visits}", user.name).into_response()
}

async fn read(auth: Auth) -> Response {
    let Some(user) = auth.user else { return StatusCode::UNAUTHORIZED.into_response() };
    let Ok(visits) = auth.session.get::<u32>("visits").await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    format!("{}, visit {}", user.name, visits.unwrap_or_default()).into_response()
}

/// The app, on their in-memory store with moka.
pub(crate) fn app() -> Router {
    let sessions = SessionManagerLayer::new(MokaStore::new(None));
    Router::new()
        .route("/sign-in", post(sign_in))
        .route("/page", get(page))
        .route("/read", get(read))
        .route("/plain", get(crate::plain))
        .layer(AuthManagerLayerBuilder::new(Backend, sessions).build())
}
