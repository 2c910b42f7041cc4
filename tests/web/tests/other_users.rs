//! What one user leaves behind in a session is not another one's: neither in fields nor in forms.

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use typed_sessions::SessionData;
use typed_sessions::axum::{Csrf, Session, SessionLayer, SessionRejection, View};
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
