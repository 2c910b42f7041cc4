//! Routes for those who are signed in, forms that cannot be forged, and the way back.

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get, post};
use serde::Deserialize;
use typed_sessions::axum::{
    Csrf, CurrentUser, Device, Flash, Fresh, Next, Session, SessionRejection, User, require_login,
    require_recent, same_origin,
};
use typed_sessions::{Login, minutes};
use typed_sessions_web_tests::{Answer, Browser, Shop, ada, shop};

async fn sign_in(
    mut session: Session<Shop>,
    next: Next,
    Device(device): Device,
) -> Result<Redirect, SessionRejection> {
    session.login_with(ada(), Login::new().device(device)).await?;
    Ok(Redirect::to(&next.or("/")))
}

async fn proof(mut session: Session<Shop>) -> Result<(), SessionRejection> {
    Ok(session.reauthenticate().await?)
}

async fn device(user: User<Shop>) -> String {
    user.session().info().device().map(|device| device.label.clone()).unwrap_or_default()
}

fn routes() -> Router {
    Router::new()
        .route("/orders", any(|user: Option<User<Shop>>| async move { user.is_some().to_string() }))
        .route_layer(require_login::<Shop>("/sign-in"))
        .route("/sign-in", post(sign_in))
        .route("/proof", post(proof))
        .route("/device", get(device))
}

/// Asks with a header or two more.
async fn ask(
    browser: &Browser,
    method: Method,
    path: &str,
    headers: &[(&'static str, &'static str)],
) -> Answer {
    let mut request = browser.prepare(method, path);
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    let answer = browser.send(request).await;
    browser.keep(&answer);
    answer
}

const PAGE: &[(&str, &str)] = &[("sec-fetch-mode", "navigate")];

#[tokio::test]
async fn require_login_sends_pages_to_sign_in_and_back() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    let answer = ask(&browser, Method::GET, "/orders?page=2", PAGE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let sign_in = answer.header("location").expect("a place").to_owned();
    assert_eq!(sign_in, "/sign-in?next=/orders%3Fpage%3D2");
    let answer = browser.post(&sign_in).await;
    assert_eq!(answer.header("location"), Some("/orders?page=2"));
    assert_eq!(ask(&browser, Method::GET, "/orders?page=2", PAGE).await.text, "true");
}

#[tokio::test]
async fn require_login_answers_401_to_fetches() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    for headers in [&[][..], &[("sec-fetch-mode", "cors")], &[("accept", "application/json")]] {
        let answer = ask(&browser, Method::GET, "/orders", headers).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::UNAUTHORIZED, None));
    }
}

#[tokio::test]
async fn next_is_only_for_navigations_by_get() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    let answer = ask(&browser, Method::POST, "/orders", PAGE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), Some("/sign-in"));
}

#[tokio::test]
async fn guards_pass_preflights_and_no_other_options() {
    let world = shop();
    let recent = Router::new()
        .route("/recent", any(async || "false"))
        .route_layer(require_recent::<Shop>(minutes(5), "/confirm"));
    let browser = Browser::new(&world.app(routes().merge(recent)));
    let origin = ("origin", "https://app.example");
    let method = ("access-control-request-method", "POST");
    for path in ["/orders", "/recent"] {
        let preflight = ask(&browser, Method::OPTIONS, path, &[origin, method]).await;
        assert_eq!(preflight.text, "false");
        for headers in [&[][..], &[origin], &[method]] {
            let answer = ask(&browser, Method::OPTIONS, path, headers).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {headers:?}");
        }
        let answer = ask(&browser, Method::POST, path, &[origin, method]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn require_login_is_503_while_the_store_is_down() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    browser.post("/sign-in").await;
    world.faults.set(typed_sessions_conformance::faulty::Fault::Unreachable);
    let answer = ask(&browser, Method::GET, "/orders", PAGE).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn next_yields_paths_of_this_site_alone() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    for (next, goes_to) in [
        ("%2Fcart%3Fa%3D1", "/cart?a=1"),
        ("/cart", "/cart"),
        ("//evil.example", "/"),
        ("%2F%2Fevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("%5C%5Cevil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ] {
        let answer = browser.post(&format!("/sign-in?next={next}")).await;
        assert_eq!(answer.header("location"), Some(goes_to), "{next}");
    }
}

#[tokio::test]
async fn require_recent_asks_for_a_proof_once_the_last_one_is_old() {
    let world = shop();
    let delete = async |user: Fresh<Shop>| user.user().name.clone();
    let routes = Router::new()
        .route("/delete", any(delete))
        .route_layer(require_recent::<Shop>(minutes(5), "/confirm"))
        .merge(routes());
    let browser = Browser::new(&world.app(routes));
    assert_eq!(ask(&browser, Method::POST, "/delete", &[]).await.status, StatusCode::UNAUTHORIZED);
    browser.post("/sign-in").await;
    assert_eq!(ask(&browser, Method::POST, "/delete", &[]).await.text, "Ada");
    world.clock.advance(minutes(5));
    assert_eq!(ask(&browser, Method::POST, "/delete", &[]).await.status, StatusCode::UNAUTHORIZED);
    let answer = ask(&browser, Method::GET, "/delete", PAGE).await;
    assert_eq!(answer.header("location"), Some("/confirm?next=/delete"));
    browser.post("/proof").await;
    assert_eq!(ask(&browser, Method::POST, "/delete", &[]).await.text, "Ada");
}

#[tokio::test]
async fn a_device_is_named_by_its_user_agent() {
    let world = shop();
    let browser = Browser::new(&world.app(routes()));
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    ask(&browser, Method::POST, "/sign-in", &[("user-agent", agent)]).await;
    assert_eq!(browser.get("/device").await.text, "Firefox on Linux");
}

#[derive(Deserialize)]
struct Form {
    csrf: String,
}

fn forms() -> Router {
    let send = async |csrf: Csrf, Query(form): Query<Form>| {
        csrf.verify(&form.csrf)?;
        Ok::<_, SessionRejection>("sent")
    };
    let enter = async |mut csrf: Csrf, mut session: Session<Shop>| {
        session.login(ada()).await?;
        csrf.token().await
    };
    Router::new()
        .route("/visit", get(async |mut session: Session<Shop>| session.visits += 1))
        .route("/form", get(|mut csrf: Csrf| async move { csrf.token().await }))
        .route("/send", post(send))
        .route("/enter", post(enter))
}

#[tokio::test]
async fn a_form_is_bound_to_its_session() {
    let world = shop();
    let app = world.app(forms());
    let (browser, other) = (Browser::new(&app), Browser::new(&app));
    let token = browser.get("/form").await.text;
    assert_eq!(browser.get("/form").await.text, token);
    assert_ne!(other.get("/form").await.text, token);
    let send = async |browser: &Browser, token: &str| {
        browser.post(&format!("/send?csrf={token}")).await.status
    };
    assert_eq!(send(&browser, &token).await, StatusCode::OK);
    assert_eq!(send(&other, &token).await, StatusCode::FORBIDDEN);
    assert_eq!(send(&browser, "").await, StatusCode::FORBIDDEN);
    assert_eq!(send(&Browser::new(&app), "").await, StatusCode::FORBIDDEN, "there is none");
}

#[tokio::test]
async fn a_form_can_be_made_in_the_request_that_logs_in() {
    let world = shop();
    let browser = Browser::new(&world.app(forms()));
    browser.get("/visit").await;
    let answer = browser.post("/enter").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(browser.post(&format!("/send?csrf={}", answer.text)).await.text, "sent");
}

#[tokio::test]
async fn a_sign_in_form_is_protected_without_a_session_for_each_visitor() {
    let world = shop();
    let trusting = same_origin().trust("https://admin.example");
    let browser = Browser::new(&world.app(routes()).layer(trusting));
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[("sec-fetch-site", "same-site"), ("origin", "https://blog.shop.example")],
        &[("origin", "https://evil.example"), ("host", "shop.example")],
        &[("origin", "null"), ("host", "shop.example")],
    ] {
        let answer = ask(&browser, Method::POST, "/sign-in", headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        let answer = ask(&browser, Method::GET, "/orders", headers).await;
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(world.calls.cost(), "nothing");
    for headers in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://shop.example"), ("host", "shop.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://admin.example")],
        &[],
    ] {
        let answer = ask(&browser, Method::POST, "/sign-in", headers).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
}

#[tokio::test]
async fn a_flash_is_shown_once_and_stays_when_its_page_fails() {
    let world = shop();
    let leave = async |mut flash: Flash| {
        flash.success("one");
        flash.error("two");
    };
    let show = async |mut flash: Flash| {
        let shown =
            flash.take().into_iter().map(|message| format!("{} {};", message.level, message.text));
        shown.collect::<String>()
    };
    let fail = async |mut flash: Flash| {
        flash.take();
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let routes = Router::new()
        .route("/leave", post(leave))
        .route("/show", get(show))
        .route("/fail", get(fail));
    let browser = Browser::new(&world.app(routes));
    assert_eq!(browser.get("/show").await.text, "");
    assert_eq!(world.calls.cost(), "nothing");
    browser.post("/leave").await;
    browser.get("/fail").await;
    assert_eq!(browser.get("/show").await.text, "success one;error two;");
    world.calls.take();
    assert_eq!(browser.get("/show").await.text, "");
    assert_eq!(world.calls.cost(), "1 load");
}

#[tokio::test]
async fn who_is_signed_in_is_a_copy() {
    let world = shop();
    let copy = async |user: Option<CurrentUser<Shop>>| {
        user.map_or_else(|| "nobody".to_owned(), |user| user.0.name)
    };
    let browser = Browser::new(&world.app(routes().route("/who", get(copy))));
    assert_eq!(browser.get("/who").await.text, "nobody");
    browser.post("/sign-in").await;
    assert_eq!(browser.get("/who").await.text, "Ada");
}

#[tokio::test]
async fn the_way_back_names_a_nested_route_as_the_client_does() {
    let world = shop();
    let app = world.app(Router::new().nest("/account", routes()));
    let answer = ask(&Browser::new(&app), Method::GET, "/account/orders?page=2", PAGE).await;
    assert_eq!(answer.header("location"), Some("/sign-in?next=/account/orders%3Fpage%3D2"));
}
