//! What one user leaves behind in a session is not another one's: neither in fields nor in forms.

use axum::Router;
use axum::extract::{Query, Request};
use axum::http::StatusCode;
use axum::middleware::{Next as NextHandler, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use typed_sessions::SessionData;
use typed_sessions::axum::{Csrf, Flash, Session, SessionLayer, SessionRejection, View};
use typed_sessions_web_tests::{Browser, Member, Shop, ada, shop};

type Outcome = Result<(), SessionRejection>;

/// Another struct on the shop's sessions.
#[derive(Debug, SessionData)]
struct Delivery {
    #[session(until_logout)]
    address: String,
    packaging: String,
}

fn bob() -> Member {
    Member { id: 8, name: "Bob".into() }
}

async fn as_ada(mut session: Session<Shop>) -> Outcome {
    Ok(session.login(ada()).await?)
}

async fn as_bob(mut session: Session<Shop>) -> Outcome {
    Ok(session.login(bob()).await?)
}

async fn logout(mut session: Session<Shop>) -> Outcome {
    Ok(session.logout().await?)
}

fn wrap(delivery: &mut Delivery) {
    delivery.address = "Ada's street".into();
    delivery.packaging = "paper".into();
}

async fn delivery(view: View<Delivery, Shop>) -> String {
    format!("{}, {}", view.address, view.packaging)
}

#[tokio::test]
async fn what_a_view_changed_for_one_user_is_not_saved_for_the_next() {
    let world = shop();
    let then_bob = async |mut view: View<Delivery, Shop>, mut session: Session<Shop>| {
        wrap(&mut view);
        Ok::<_, SessionRejection>(session.login(bob()).await?)
    };
    let then_nobody = async |mut view: View<Delivery, Shop>, mut session: Session<Shop>| {
        wrap(&mut view);
        Ok::<_, SessionRejection>(session.logout().await?)
    };
    let then_ada = async |mut view: View<Delivery, Shop>, mut session: Session<Shop>| {
        wrap(&mut view);
        Ok::<_, SessionRejection>(session.login(ada()).await?)
    };
    let routes = Router::new()
        .route("/ada", post(as_ada))
        .route("/delivery", get(delivery))
        .route("/then-bob", post(then_bob))
        .route("/then-nobody", post(then_nobody))
        .route("/then-ada", post(then_ada));
    for (path, left) in [
        ("/then-bob", ", paper"),
        ("/then-nobody", ", paper"),
        ("/then-ada", "Ada's street, paper"),
    ] {
        let browser = Browser::new(&world.app(routes.clone()));
        browser.post("/ada").await;
        assert_eq!(browser.post(path).await.status, StatusCode::OK);
        assert_eq!(browser.get("/delivery").await.text, left, "{path}");
    }
    // A visitor's own goes along when they sign in.
    let browser = Browser::new(&world.app(routes));
    browser.post("/then-ada").await;
    assert_eq!(browser.get("/delivery").await.text, "Ada's street, paper");
}

#[tokio::test]
async fn a_login_through_a_view_clears_what_the_session_changed_before_it() {
    let world = shop();
    let enter =
        async |mut shop: View<Shop, Delivery>| Ok::<_, SessionRejection>(shop.login(ada()).await?);
    let then_bob = async |mut session: Session<Delivery>, mut shop: View<Shop, Delivery>| {
        wrap(&mut session);
        Ok::<_, SessionRejection>(shop.login(bob()).await?)
    };
    let look = async |session: Session<Delivery>| session.address.clone() + &session.packaging;
    let routes = Router::new()
        .route("/ada", post(enter))
        .route("/then-bob", post(then_bob))
        .route("/delivery", get(look));
    let layer = SessionLayer::new(world.sessions.view::<Delivery>());
    let browser = Browser::new(&routes.layer(layer));
    browser.post("/ada").await;
    assert_eq!(browser.post("/then-bob").await.status, StatusCode::OK);
    assert_eq!(browser.get("/delivery").await.text, "paper");
}

/// Shares a key with the shop.
#[derive(Debug, SessionData)]
struct Notes {
    note: String,
    colour: String,
}

#[tokio::test]
async fn a_default_of_one_struct_does_not_undo_what_another_one_changed() {
    let world = shop();
    let both = async |mut session: Session<Shop>, mut notes: View<Notes, Shop>| {
        session.note = "mine".into();
        notes.colour = "red".into();
    };
    let other = async |mut notes: View<Notes, Shop>, mut session: Session<Shop>| {
        notes.note = "mine".into();
        notes.colour = "red".into();
        session.visits += 1;
    };
    let look = async |session: Session<Shop>, notes: View<Notes, Shop>| {
        format!("{} {}", session.note, notes.colour)
    };
    let routes = Router::new()
        .route("/both", post(both))
        .route("/other", post(other))
        .route("/look", get(look));
    for path in ["/both", "/other"] {
        let browser = Browser::new(&world.app(routes.clone()));
        assert_eq!(browser.post(path).await.status, StatusCode::OK);
        assert_eq!(browser.get("/look").await.text, "mine red", "{path}");
    }
}

#[derive(Deserialize)]
struct Form {
    csrf: String,
}

#[tokio::test]
async fn a_form_is_bound_to_the_login_and_outlives_a_renewal() {
    let world = shop();
    let send = async |csrf: Csrf, Query(form): Query<Form>| {
        csrf.verify(&form.csrf)?;
        Ok::<_, SessionRejection>("sent")
    };
    let renew = async |mut session: Session<Shop>| -> Outcome { Ok(session.renew().await?) };
    let routes = Router::new()
        .route("/form", get(|mut csrf: Csrf| async move { csrf.token().await }))
        .route("/send", post(send))
        .route("/ada", post(as_ada))
        .route("/bob", post(as_bob))
        .route("/logout", post(logout))
        .route("/renew", post(renew));
    let browser = Browser::new(&world.app(routes));
    let send = async |token: &str| browser.post(&format!("/send?csrf={token}")).await.status;
    let mut token = browser.get("/form").await.text;
    for path in ["/ada", "/ada", "/bob", "/logout"] {
        assert_eq!(browser.post(path).await.status, StatusCode::OK, "{path}");
        assert_eq!(send(&token).await, StatusCode::FORBIDDEN, "{path}");
        let next = browser.get("/form").await.text;
        assert_ne!(next, token, "{path}");
        assert_eq!(send(&next).await, StatusCode::OK, "{path}");
        assert_eq!(browser.get("/form").await.text, next, "{path}");
        token = next;
    }
    assert_eq!(browser.post("/renew").await.status, StatusCode::OK);
    assert_eq!(send(&token).await, StatusCode::OK);
    assert_eq!(browser.get("/form").await.text, token);
}

/// Middleware that ends every session that it sees.
async fn banned(session: Option<Session<Shop>>, request: Request, next: NextHandler) -> Response {
    if let Some(mut session) = session {
        session.destroy().await.expect("ends");
    }
    next.run(request).await
}

#[tokio::test]
async fn a_session_that_middleware_has_destroyed_is_not_its_handlers() {
    let world = shop();
    let look = async |session: Session<Shop>, mut flash: Flash| {
        flash.take();
        format!("{:?} {}", session.member.as_ref().map(|member| member.id), session.visits)
    };
    let visit = async |mut session: Session<Shop>| session.visits = 3;
    let routes = Router::new().route("/look", get(look)).route("/visit", post(visit));
    let app = world.app(routes.route_layer(from_fn(banned)).route("/ada", post(as_ada)));
    let browser = Browser::new(&app);
    browser.post("/ada").await;
    assert_eq!(browser.get("/look").await.text, "None 0");
    assert_eq!(browser.token(), None, "what it had is over");
    browser.post("/ada").await;
    let before = browser.token();
    assert_eq!(browser.post("/visit").await.status, StatusCode::OK);
    let token = browser.token().expect("that of the next session");
    assert_ne!(Some(&token), before.as_ref());
    let session = world.sessions.open(&token).await.expect("works").expect("lives");
    assert!(session.visits == 3 && !session.is_logged_in());
}

#[tokio::test]
async fn another_sessions_handle_is_not_saved_as_the_requests() {
    let world = shop();
    let mut foreign = world.sessions.start();
    foreign.login(bob()).await.expect("logs in");
    let (sessions, token) = (world.sessions.clone(), foreign.token().expose());
    let swap = async move |mut session: Session<Shop>| {
        *session = sessions.open(&token).await.expect("works").expect("lives");
        session.visits = 99;
    };
    let sessions = world.sessions.clone();
    let begin_anew = async move |mut session: Session<Shop>| *session = sessions.start();
    let routes = Router::new().route("/ada", post(as_ada)).route("/swap", post(swap));
    let browser = Browser::new(&world.app(routes.route("/anew", post(begin_anew))));
    browser.post("/ada").await;
    let token = browser.token().expect("hers");
    for path in ["/swap", "/anew"] {
        let answer = browser.post(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(answer.text.contains("handle of another session"), "{}", answer.text);
        assert_eq!(browser.token().as_ref(), Some(&token), "{path}");
    }
    for token in [&token, &foreign.token().expose()] {
        let session = world.sessions.open(token).await.expect("works").expect("lives");
        assert_eq!(session.visits, 0);
    }
}
