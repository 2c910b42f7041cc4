//! The store carried something out and its answer was lost, or the handler never came to its end.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next as Rest, from_fn};
use axum::routing::{get, post};
use typed_sessions::axum::{CurrentUser, Session, SessionRejection};
use typed_sessions_conformance::faulty::Fault;
use typed_sessions_web_tests::{Browser, Shop, ada, shop};

type Outcome = Result<(), SessionRejection>;

async fn visit(mut session: Session<Shop>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn login(mut session: Session<Shop>) -> Outcome {
    Ok(session.login(ada()).await?)
}

async fn logout(mut session: Session<Shop>) -> Outcome {
    Ok(session.logout().await?)
}

async fn proof(mut session: Session<Shop>) -> Outcome {
    Ok(session.reauthenticate().await?)
}

async fn who(session: Option<Session<Shop>>, user: Option<CurrentUser<Shop>>) -> String {
    format!("{} {}", session.is_some(), user.map_or_else(|| "nobody".into(), |user| user.0.name))
}

fn routes() -> Router {
    Router::new()
        .route("/visit", get(visit))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/proof", post(proof))
        .route("/who", get(who))
}

#[tokio::test]
async fn a_token_is_handed_over_although_the_answer_to_its_login_was_lost() {
    for (before, path, then) in [
        (&[][..], "/login", "true Ada"),
        (&["/visit"], "/login", "true Ada"),
        (&["/login"], "/proof", "true Ada"),
        (&["/login"], "/logout", "true nobody"),
    ] {
        let world = shop();
        let faults = world.faults.clone();
        // Around the handler and inside the layer.
        let losing = from_fn(move |request: Request, rest: Rest| {
            let faults = faults.clone();
            async move {
                if request.uri().query() == Some("lost") {
                    faults.set(Fault::AnswersLost);
                }
                let answer = rest.run(request).await;
                faults.set(Fault::None);
                answer
            }
        });
        let browser = Browser::new(&world.app(routes().layer(losing)));
        for path in before {
            browser.get(path).await;
            browser.post(path).await;
        }
        let token = browser.token();
        let answer = browser.post(&format!("{path}?lost")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{before:?} {path}");
        assert_ne!(browser.token(), token, "{before:?} {path}");
        assert_eq!(browser.get("/who").await.text, then, "{before:?} {path}");
    }
}

#[tokio::test]
async fn what_a_handler_changed_that_a_timeout_cut_off_is_dropped() {
    let world = shop();
    let cut_off = async |mut session: Session<Shop>| {
        session.visits = 9;
        StatusCode::REQUEST_TIMEOUT
    };
    let browser = Browser::new(&world.app(routes().route("/cut-off", post(cut_off))));
    browser.get("/visit").await;
    assert_eq!(browser.post("/cut-off").await.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(browser.get("/visit").await.text, "2");
}
