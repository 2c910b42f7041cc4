//! Which extractors may stand beside which, in one handler and in middleware around it; and what
//! misuse says.

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next as Rest, from_fn};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use typed_sessions::SessionData;
use typed_sessions::axum::{
    Csrf, CurrentUser, Device, Flash, Fresh, Next, Session, SessionCookie, SessionLayer,
    SessionRejection, User, View, require_login, require_recent,
};
use typed_sessions::minutes;
use typed_sessions_web_tests::{Answer, Browser, Prefs, Shop, World, ada, shop};

async fn login(mut session: Session<Shop>) -> Result<(), SessionRejection> {
    Ok(session.login(ada()).await?)
}

fn routes() -> Router {
    Router::new().route("/login", post(login))
}

/// A browser that is signed in, at an app with this route, which is for recent logins.
async fn signed_in(world: &World, route: MethodRouter) -> Browser {
    let routes = Router::new()
        .route("/it", route)
        .route_layer(require_recent::<Shop>(minutes(5), "/confirm"))
        .merge(routes());
    let browser = Browser::new(&world.app(routes));
    browser.post("/login").await;
    browser
}

/// What two extractors in one handler answer.
async fn pair<A, B>() -> Answer
where
    A: FromRequestParts<()> + Send + 'static,
    B: FromRequestParts<()> + Send + 'static,
    (A, B): Send,
    A::Rejection: Send,
    B::Rejection: Send,
{
    let world = shop();
    let handler = |_: A, _: B| async { "both" };
    let browser = signed_in(&world, get(handler)).await;
    browser.get("/it").await
}

macro_rules! matrix {
    ($($name:ident: $($extractor:ty),+;)*) => {$(
        mod $name {
            use super::*;

            /// Each of them with each of the others.
            pub(super) async fn all() -> Vec<(&'static str, &'static str, Answer)> {
                let mut answers = Vec::new();
                $(answers.extend(beside::<$extractor>(stringify!($extractor)).await);)+
                answers
            }

            async fn beside<A>(name: &'static str) -> Vec<(&'static str, &'static str, Answer)>
            where
                A: FromRequestParts<(), Rejection: Send> + Send + 'static,
            {
                vec![$((name, stringify!($extractor), pair::<A, $extractor>().await)),+]
            }
        }
    )*};
}

matrix! {
    exclusive: Session<Shop>, Option<Session<Shop>>, User<Shop>, Option<User<Shop>>, Fresh<Shop>;
    each_once: View<Prefs, Shop>, Flash, Csrf;
    any: CurrentUser<Shop>, Option<CurrentUser<Shop>>, Device, Next;
    all_kinds: Session<Shop>, View<Prefs, Shop>, Flash, Csrf, CurrentUser<Shop>, Device, Next;
    others: Option<Session<Shop>>, View<Prefs, Shop>, Flash, Csrf, CurrentUser<Shop>, Device;
    users: User<Shop>, View<Prefs, Shop>, Flash, Csrf, CurrentUser<Shop>, Device;
    fresh: Fresh<Shop>, View<Prefs, Shop>, Flash, Csrf, CurrentUser<Shop>, Device;
}

fn assert_in_use(a: &str, b: &str, answer: &Answer) {
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{a} beside {b}");
    assert!(answer.text.contains("in use already in this request"), "{a} beside {b}: {answer:?}");
}

#[tokio::test]
async fn two_of_the_exclusive_ones_are_a_clear_500() {
    for (a, b, answer) in exclusive::all().await {
        assert_in_use(a, b, &answer);
    }
}

#[tokio::test]
async fn all_others_stand_beside_each_other() {
    let kinds = [
        all_kinds::all().await,
        others::all().await,
        users::all().await,
        fresh::all().await,
        each_once::all().await,
        any::all().await,
    ];
    for (a, b, answer) in kinds.into_iter().flatten() {
        let is_once = ["Session", "User", "Fresh", "View", "Flash", "Csrf"];
        if a == b && is_once.iter().any(|name| a.contains(name)) && !a.contains("CurrentUser") {
            assert_in_use(a, b, &answer);
        } else {
            assert_eq!(answer.text, "both", "{a} beside {b}");
        }
    }
}

/// Middleware that takes this extractor, drops it, and goes on.
async fn before<A>(taken: A, request: Request, rest: Rest) -> Response {
    drop(taken);
    rest.run(request).await
}

#[tokio::test]
async fn middleware_that_drops_its_own_leaves_the_handler_all() {
    async fn check<A>(name: &str)
    where
        A: FromRequestParts<(), Rejection: Send> + Send + 'static,
    {
        let world = shop();
        let handler = async |mut session: Session<Shop>, mut flash: Flash| {
            session.visits += 1;
            flash.info("hello");
            session.visits.to_string()
        };
        let route = get(handler).layer(from_fn(before::<A>));
        let browser = signed_in(&world, route).await;
        for visits in ["1", "2"] {
            assert_eq!(browser.get("/it").await.text, visits, "{name}");
        }
    }
    check::<Session<Shop>>("Session").await;
    check::<Option<Session<Shop>>>("Option<Session>").await;
    check::<User<Shop>>("User").await;
    check::<CurrentUser<Shop>>("CurrentUser").await;
    check::<View<Prefs, Shop>>("View").await;
    check::<Flash>("Flash").await;
    check::<Csrf>("Csrf").await;
}

#[tokio::test]
async fn middleware_that_keeps_its_own_is_a_clear_500_and_no_deadlock() {
    let world = shop();
    let keeping = async |session: Session<Shop>, request: Request, rest: Rest| {
        let response = rest.run(request).await;
        drop(session);
        response
    };
    let handler = async |_: Session<Shop>| "both";
    let browser = signed_in(&world, get(handler).layer(from_fn(keeping))).await;
    assert_in_use("Session", "Session", &browser.get("/it").await);
    let looking = async |_: Option<CurrentUser<Shop>>| "both";
    let browser = signed_in(&world, get(looking).layer(from_fn(keeping))).await;
    assert_eq!(browser.get("/it").await.text, "both");
}

#[tokio::test]
async fn what_middleware_changes_is_saved_once_with_what_the_handler_changes() {
    let world = shop();
    let counting = async |mut session: Session<Shop>, request: Request, rest: Rest| {
        session.visits += 1;
        drop(session);
        rest.run(request).await
    };
    let handler = async |mut session: Session<Shop>| {
        session.cart.push("tea".into());
        session.visits.to_string()
    };
    let browser = signed_in(&world, get(handler).layer(from_fn(counting))).await;
    world.calls.take();
    assert_eq!(browser.get("/it").await.text, "1");
    assert_eq!(world.calls.cost(), "1 load, 1 apply");
}

#[tokio::test]
async fn a_login_in_middleware_is_seen_by_the_handler_and_its_views() {
    let world = shop();
    let entering = async |mut session: Session<Shop>, request: Request, rest: Rest| {
        session.login(ada()).await?;
        drop(session);
        Ok::<_, SessionRejection>(rest.run(request).await)
    };
    let handler = async |mut prefs: View<Prefs, Shop>, user: CurrentUser<Shop>| {
        prefs.theme = "dark".into();
        prefs.save().await?;
        Ok::<_, SessionRejection>(user.name.clone())
    };
    let app = world.app(Router::new().route("/it", get(handler).layer(from_fn(entering))));
    assert_eq!(Browser::new(&app).get("/it").await.text, "Ada");
}

#[tokio::test]
async fn an_option_never_starts_a_session() {
    let world = shop();
    let maybe = async |session: Option<Session<Shop>>| session.is_some().to_string();
    let routes = Router::new()
        .route("/alone", get(maybe))
        .route("/behind", get(maybe).layer(from_fn(before::<Session<Shop>>)))
        .route(
            "/flash",
            get(async |_: Flash, session: Option<Session<Shop>>| session.is_some().to_string()),
        );
    let browser = Browser::new(&world.app(routes));
    for path in ["/alone", "/behind", "/flash"] {
        assert_eq!(browser.get(path).await.text, "false", "{path}");
    }
    assert_eq!(world.calls.cost(), "nothing");
}

#[tokio::test]
async fn without_a_layer_the_answer_says_what_to_add() {
    let routes = Router::new()
        .route("/session", get(async |_: Session<Shop>| ()))
        .route("/flash", get(async |_: Flash| ()))
        .route("/guarded", get(async || ()).layer(require_login::<Shop>("/sign-in")));
    let browser = Browser::new(&routes);
    for path in ["/session", "/flash", "/guarded"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.text.contains(".layer(SessionLayer::new(sessions))"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn another_struct_than_the_layers_is_told_by_name() {
    let world = shop();
    let routes = Router::new().route("/", get(async |_: Session<Prefs>| ()));
    let answer = Browser::new(&world.app(routes)).get("/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text.contains("`View<Prefs, Shop>`"), "{answer:?}");
}

#[tokio::test]
async fn fresh_without_require_recent_says_what_to_add() {
    let world = shop();
    let routes = routes().route("/it", get(async |_: Fresh<Shop>| ()));
    let browser = Browser::new(&world.app(routes));
    browser.post("/login").await;
    let answer = browser.get("/it").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text.contains("require_recent"), "{answer:?}");
}

#[tokio::test]
async fn two_layers_of_one_name_are_told_at_the_first_request() {
    let world = shop();
    let routes = Router::new().route("/", get(|| async {}));
    for app in [
        routes.clone().layer(world.layer()).layer(world.layer()),
        Router::new().nest("/in", world.app(routes)).layer(world.layer()),
    ] {
        for path in ["/", "/in"] {
            let answer = Browser::new(&app).get(path).await;
            if answer.status == StatusCode::NOT_FOUND {
                continue;
            }
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(answer.text.contains("`__Host-session`"), "{answer:?}");
        }
    }
}

#[derive(Debug, SessionData)]
struct Admin {
    secrets: u32,
}

#[tokio::test]
async fn two_layers_of_two_names_have_a_session_each() {
    let world = shop();
    let cookie = SessionCookie::builder().name("admin").build().expect("no contradiction");
    let admin = SessionLayer::new(world.sessions.view::<Admin>()).cookie(cookie);
    let both = async |mut shop: Session<Shop>, mut admin: Session<Admin>| {
        shop.visits += 1;
        admin.secrets += 1;
        format!("{} {}", shop.visits, admin.secrets)
    };
    let app = world.app(Router::new().route("/", get(both))).layer(admin);
    let browser = Browser::new(&app);
    assert_eq!(browser.get("/").await.text, "1 1");
    assert_eq!(browser.get("/").await.text, "2 2");
    assert!(browser.cookie("__Host-admin").is_some());
    assert_ne!(browser.cookie("__Host-admin"), browser.token());
}

#[tokio::test]
async fn the_layer_takes_any_body() {
    use futures::future::ok;
    use tower::{Layer as _, Service as _, service_fn};
    // Of `http`'s own making, with neither axum's request body nor its answers'.
    type Plain = axum::http::Response<String>;
    let world = shop();
    let inner = service_fn(|_: axum::http::Request<Vec<u8>>| {
        ok::<Plain, std::convert::Infallible>(axum::http::Response::new(String::new()))
    });
    let request = axum::http::Request::new(vec![1, 2, 3]);
    let answer = world.layer().layer(inner).call(request).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::OK);
}

/// Compiled, and polled by a handler: futures are `Send`.
#[tokio::test]
async fn futures_are_send() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    fn is_handler<T>(_: impl Handler<T, ()>) {}
    async fn all(
        mut session: Session<Shop>,
        mut view: View<Prefs, Shop>,
        mut csrf: Csrf,
        flash: Flash,
    ) -> Result<String, SessionRejection> {
        send(session.save()).await?;
        send(view.save()).await?;
        let token = send(csrf.token()).await?;
        drop(flash);
        Ok(token)
    }
    is_handler(all);
    let world = shop();
    let browser = Browser::new(&world.app(Router::new().route("/", get(all))));
    let request = async move { browser.request(Method::GET, "/").await };
    assert_eq!(tokio::spawn(send(request)).await.expect("no panic").status, StatusCode::OK);
}
