//! The page on this library, and routes that show what each part of it costs.

use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use typed_sessions::axum::{Session, SessionLayer, SessionRejection, User};
use typed_sessions::{MemoryStore, SessionData, SessionUser, Sessions};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Member {
    id: u64,
    name: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Debug, SessionData)]
struct Shop {
    #[session(user)]
    member: Option<Member>,
    visits: u32,
}

async fn sign_in(mut session: Session<Shop>) -> Result<Response, SessionRejection> {
    session.login(Member { id: 7, name: "Ada".to_owned() }).await?;
    Ok(Redirect::to("/page").into_response())
}

async fn page(mut user: User<Shop>) -> String {
    user.session_mut().visits += 1;
    format!("{}, visit {}", user.user().name, user.session().visits)
}

async fn read(user: User<Shop>) -> String {
    format!("{}, visit {}", user.user().name, user.session().visits)
}

/// The app, on the in-memory store.
pub(crate) fn app() -> Router {
    Router::new()
        .route("/sign-in", post(sign_in))
        .route("/page", get(page))
        .route("/read", get(read))
        .route("/plain", get(crate::plain))
        .layer(SessionLayer::new(Sessions::<Shop>::new(MemoryStore::new())))
}
