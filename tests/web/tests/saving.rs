//! When a session is opened and stored, and when it is saved.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use typed_sessions::axum::{
    CurrentUser, Flash, Session, SessionRejection, User, View, require_login,
};
use typed_sessions_conformance::faulty::Fault;
use typed_sessions_web_tests::{Browser, Gate, Prefs, Shop, World, ada, shop};

async fn visit(mut session: Session<Shop>) -> String {
    session.visits += 1;
    session.visits.to_string()
}

async fn login(mut session: Session<Shop>) -> Result<&'static str, SessionRejection> {
    session.login(ada()).await?;
    Ok("welcome")
}

async fn panics(mut session: Session<Shop>) {
    session.login(ada()).await.expect("works");
    session.visits = 9;
    panic!("on purpose");
}

fn routes() -> Router {
    Router::new()
        .route("/plain", get(|| async { "hello" }))
        .route("/look", get(|session: Session<Shop>| async move { session.visits.to_string() }))
        .route("/visit", get(visit).post(visit))
        .route("/login", post(login))
}

/// What the store has of a browser's session.
async fn stored(world: &World, browser: &Browser) -> typed_sessions::Session<Shop> {
    let token = browser.token().expect("a cookie");
    world.sessions.open(&token).await.expect("works").expect("it opens a session")
}

#[tokio::test]
async fn a_handler_without_a_session_costs_no_store_call() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    world.calls.take();
    let answer = browser.get("/plain").await;
    assert_eq!((answer.text.as_str(), world.calls.cost().as_str()), ("hello", "nothing"));
    assert_eq!((answer.header("vary"), answer.header("cache-control")), (None, None));
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn an_untouched_new_session_is_not_stored() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    let answer = browser.get("/look").await;
    assert_eq!((answer.text.as_str(), world.calls.cost().as_str()), ("0", "nothing"));
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn what_a_handler_changes_is_saved_after_it() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    assert_eq!(browser.get("/visit").await.text, "1");
    assert_eq!(world.calls.cost(), "1 apply");
    assert_eq!(browser.get("/visit").await.text, "2");
    assert_eq!(world.calls.cost(), "1 load, 1 apply");
    assert_eq!(browser.get("/look").await.text, "2");
    assert_eq!(world.calls.cost(), "1 load");
}

#[tokio::test]
async fn a_session_is_opened_at_most_once_in_a_request() {
    let world = shop();
    let handler = async |user: CurrentUser<Shop>, session: Option<Session<Shop>>, flash: Flash| {
        format!("{} {} {flash:?}", user.name, session.is_some())
    };
    let routes = routes()
        .route("/all", get(handler))
        .route_layer(require_login::<Shop>("/sign-in"))
        .route("/sign-in", post(login));
    let browser = Browser::new(&world.app(routes));
    browser.post("/sign-in").await;
    world.calls.take();
    assert_eq!(browser.get("/all").await.status, StatusCode::OK);
    assert_eq!(world.calls.cost(), "1 load");
}

#[tokio::test]
async fn a_store_that_is_down_is_503_only_for_handlers_that_use_the_session() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.get("/visit").await;
    let token = browser.token();
    world.faults.set(Fault::Unreachable);
    let answer = browser.get("/look").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(browser.get("/plain").await.status, StatusCode::OK);
    assert_eq!(browser.token(), token);
}

#[tokio::test]
async fn an_answer_below_500_is_saved() {
    let world = shop();
    let refuse = async |mut session: Session<Shop>| {
        session.visits = 9;
        StatusCode::NOT_FOUND
    };
    let browser = Browser::new(&world.app(routes().route("/refuse", post(refuse))));
    assert_eq!(browser.post("/refuse").await.status, StatusCode::NOT_FOUND);
    assert_eq!(stored(&world, &browser).await.visits, 9);
}

#[tokio::test]
async fn a_5xx_drops_changes_but_hands_a_fresh_token_over() {
    let world = shop();
    let fail = async |mut session: Session<Shop>| {
        session.login(ada()).await.expect("works");
        session.visits = 9;
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let browser = Browser::new(&world.app(routes().route("/fail", post(fail))));
    browser.get("/visit").await;
    assert_eq!(browser.post("/fail").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let session = stored(&world, &browser).await;
    assert_eq!((session.user_id(), session.visits), (Some(7), 1));
}

#[tokio::test]
async fn a_panic_drops_changes_but_hands_a_fresh_token_over() {
    let world = shop();
    let routes = routes().route("/panic", post(panics)).layer(CatchPanicLayer::new());
    let browser = Browser::new(&world.app(routes));
    browser.get("/visit").await;
    assert_eq!(browser.post("/panic").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let session = stored(&world, &browser).await;
    assert_eq!((session.user_id(), session.visits), (Some(7), 1));
}

#[tokio::test]
async fn a_client_that_left_loses_what_was_not_saved() {
    let world = shop();
    let gate = Gate::new();
    let inside = gate.clone();
    let slow = async move |mut session: Session<Shop>| {
        session.save().await.expect("works");
        session.visits = 9;
        inside.stop().await;
    };
    let app = world.app(routes().route("/slow", post(slow)));
    let browser = Browser::new(&app);
    browser.get("/visit").await;
    let request = browser.prepare(axum::http::Method::POST, "/slow");
    let answer = tokio::spawn(app.oneshot(request));
    gate.pass().await;
    answer.abort();
    assert!(answer.await.expect_err("aborted").is_cancelled());
    assert_eq!(stored(&world, &browser).await.visits, 1);
}

#[tokio::test]
async fn a_view_that_is_changed_first_creates_the_session_and_sets_the_cookie() {
    let world = shop();
    let theme = async |mut prefs: View<Prefs, Shop>| prefs.theme = "dark".into();
    let browser = Browser::new(&world.app(routes().route("/theme", post(theme))));
    browser.post("/theme").await;
    assert_eq!(world.calls.cost(), "1 apply");
    assert_eq!(stored(&world, &browser).await.raw()["theme"], r#""dark""#);
}

#[tokio::test]
async fn a_view_that_saves_by_itself_sets_the_cookie() {
    let world = shop();
    let theme = async |mut prefs: View<Prefs, Shop>, mut shop: Session<Shop>| {
        prefs.theme = "dark".into();
        prefs.save().await.expect("works");
        shop.visits += 1;
    };
    let browser = Browser::new(&world.app(routes().route("/theme", post(theme))));
    browser.post("/theme").await;
    assert_eq!(world.calls.cost(), "2 apply");
    let session = stored(&world, &browser).await;
    assert_eq!((session.raw()["theme"].as_str(), session.visits), (r#""dark""#, 1));
}

#[tokio::test]
async fn views_are_saved_in_the_same_apply() {
    let world = shop();
    let all = async |mut prefs: View<Prefs, Shop>, mut shop: Session<Shop>, mut flash: Flash| {
        prefs.theme = "dark".into();
        shop.visits += 1;
        flash.success("done");
    };
    let browser = Browser::new(&world.app(routes().route("/all", post(all))));
    for cost in ["1 apply", "1 load, 1 apply"] {
        browser.post("/all").await;
        assert_eq!(world.calls.cost(), cost);
    }
    let session = stored(&world, &browser).await;
    assert_eq!((session.raw()["theme"].as_str(), session.visits), (r#""dark""#, 2));
    assert!(session.raw().contains_key("web.flash"));
    // The first one stored all fields of a struct that was changed.
    assert!(session.raw().contains_key("cart"));
}

#[tokio::test]
async fn what_a_view_has_before_a_login_of_the_same_request_is_saved() {
    let world = shop();
    let enter = async |mut flash: Flash, mut session: Session<Shop>| {
        flash.success("welcome");
        session.login(ada()).await?;
        session.visits += 1;
        Ok::<_, SessionRejection>(())
    };
    let show = async |mut flash: Flash| {
        flash.take().into_iter().map(|message| message.text).collect::<String>()
    };
    let routes = routes().route("/enter", post(enter)).route("/show", get(show));
    let browser = Browser::new(&world.app(routes));
    browser.get("/visit").await;
    assert_eq!(browser.post("/enter").await.status, StatusCode::OK);
    let session = stored(&world, &browser).await;
    assert_eq!((session.user_id(), session.visits), (Some(7), 2));
    assert_eq!(browser.get("/show").await.text, "welcome");
    assert_eq!(browser.get("/show").await.text, "");
}

#[tokio::test]
async fn a_user_who_was_put_in_without_a_login_is_refused() {
    let world = shop();
    let forge = async |mut session: Session<Shop>| session.member = Some(ada());
    let browser = Browser::new(&world.app(routes().route("/forge", post(forge))));
    assert_eq!(browser.post("/forge").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    browser.get("/visit").await;
    assert_eq!(browser.post("/forge").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!stored(&world, &browser).await.is_logged_in());
}

#[tokio::test]
async fn a_session_that_is_destroyed_is_not_saved() {
    let world = shop();
    let end = async |mut session: Session<Shop>, mut flash: Flash| {
        session.visits = 9;
        flash.info("bye");
        session.destroy().await?;
        Ok::<_, SessionRejection>("bye")
    };
    let browser = Browser::new(&world.app(routes().route("/end", post(end))));
    assert_eq!(browser.post("/end").await.text, "bye");
    browser.get("/visit").await;
    world.calls.take();
    assert_eq!(browser.post("/end").await.text, "bye");
    assert_eq!(world.calls.cost(), "1 load, 1 delete");
    assert_eq!(browser.token(), None);
}

#[tokio::test]
async fn who_is_signed_in_and_who_is_not() {
    let world = shop();
    let me = async |user: User<Shop>| user.user().name.clone();
    let leave = async |user: User<Shop>| user.into_session().logout().await.expect("works");
    let routes = routes().route("/me", get(me)).route("/leave", post(leave));
    let browser = Browser::new(&world.app(routes));
    assert_eq!(browser.get("/me").await.status, StatusCode::UNAUTHORIZED);
    browser.post("/login").await;
    assert_eq!(browser.get("/me").await.text, "Ada");
    browser.post("/leave").await;
    assert_eq!(browser.get("/me").await.status, StatusCode::UNAUTHORIZED);
}
