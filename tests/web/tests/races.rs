//! What a browser sends at the same time: real requests in parallel, on several threads.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use futures::future::join_all;
use tokio::sync::Barrier;
use typed_sessions::axum::{Csrf, Session, SessionRejection, View};
use typed_sessions::minutes;
use typed_sessions_web_tests::{Answer, Browser, Prefs, Shop, World, ada, shop};

const ROUNDS: usize = 100;

type Outcome = Result<(), SessionRejection>;

fn routes() -> Router {
    Router::new()
        .route("/visit", get(async |mut session: Session<Shop>| session.visits += 1))
        .route("/look", get(async |session: Session<Shop>| session.visits.to_string()))
        .route("/theme", get(async |mut prefs: View<Prefs, Shop>| prefs.theme = "dark".into()))
        .route("/form", get(|mut csrf: Csrf| async move { csrf.token().await }))
        .route(
            "/login",
            post(async |mut s: Session<Shop>| -> Outcome { Ok(s.login(ada()).await?) }),
        )
        .route("/end", post(async |mut s: Session<Shop>| -> Outcome { Ok(s.destroy().await?) }))
}

/// Sends these requests with the cookies of now, at the same time, and lets their answers arrive in
/// the order in which they come. The statuses, in the order of the requests.
async fn at_once(browser: &Browser, requests: &[(Method, &str)]) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let tasks = requests.iter().map(|(method, path)| {
        let request = browser.prepare(method.clone(), path);
        let (barrier, browser) = (Arc::clone(&barrier), browser.clone());
        tokio::spawn(async move {
            barrier.wait().await;
            let answer = browser.send(request).await;
            browser.keep(&answer);
            answer
        })
    });
    let answers = join_all(tasks.collect::<Vec<_>>()).await;
    answers.into_iter().map(|answer| answer.expect("no panic")).collect()
}

async fn open(world: &World, browser: &Browser) -> Option<typed_sessions::Session<Shop>> {
    world.sessions.open(browser.token()?).await.expect("works")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_parallel_requests_across_a_renewal_end_with_the_same_cookie() {
    for _ in 0..ROUNDS {
        let world = shop();
        let browser = Browser::new(&world.app(routes()));
        browser.post("/login").await;
        let before = browser.token();
        world.clock.advance(minutes(10));
        let answers = at_once(&browser, &[const { (Method::GET, "/look") }; 10]).await;
        let mut given: Vec<_> = answers.iter().flat_map(Answer::cookies).collect();
        given.dedup();
        assert_eq!((given.len(), answers.iter().all(|a| a.status == StatusCode::OK)), (1, true));
        assert_ne!(browser.token(), before);
        assert!(open(&world, &browser).await.is_some_and(|session| session.is_logged_in()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_beside_a_login_never_takes_the_logins_cookie_away() {
    for round in 0..ROUNDS {
        let world = shop();
        let browser = Browser::new(&world.app(routes()));
        browser.get("/visit").await;
        if round % 2 == 0 {
            // A renewal is due as well.
            world.clock.advance(minutes(10));
        }
        let beside = if round % 4 < 2 { "/visit" } else { "/look" };
        let requests = [(Method::GET, beside), (Method::POST, "/login"), (Method::GET, beside)];
        let answers = at_once(&browser, &requests).await;
        assert_eq!(answers[1].status, StatusCode::OK);
        for answer in [&answers[0], &answers[2]] {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{answer:?}");
        }
        let login = &answers[1].cookies()[0];
        browser.keep(&answers[1]);
        for late in [&answers[0], &answers[2]] {
            let is_removed = late.cookies().iter().any(|cookie| cookie.max_age().is_some());
            assert!(!is_removed, "{late:?}");
            // A renewal may have been handed over just before the login; nothing else is.
            if round % 2 == 1 {
                browser.keep(late);
            }
        }
        assert_eq!(browser.token().as_deref(), Some(login.value()));
        assert!(open(&world, &browser).await.is_some_and(|session| session.is_logged_in()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tabs_that_log_in_at_once_end_signed_in() {
    for _ in 0..ROUNDS {
        let world = shop();
        let browser = Browser::new(&world.app(routes()));
        browser.get("/visit").await;
        let answers =
            at_once(&browser, &[(Method::POST, "/login"), (Method::POST, "/login")]).await;
        let won = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert!(won >= 1, "{answers:?}");
        for answer in &answers {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{answer:?}");
        }
        assert!(open(&world, &browser).await.is_some_and(|session| session.is_logged_in()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_logout_beside_a_save_ends_the_session() {
    for _ in 0..ROUNDS {
        let world = shop();
        let browser = Browser::new(&world.app(routes()));
        browser.post("/login").await;
        let token = browser.token().expect("a cookie");
        let requests = [(Method::GET, "/theme"), (Method::POST, "/end"), (Method::GET, "/theme")];
        let answers = at_once(&browser, &requests).await;
        assert_eq!(answers[1].status, StatusCode::OK);
        assert!(world.sessions.open(&token).await.expect("works").is_none());
        // Whatever the browser has now, it is nobody's.
        let left = open(&world, &browser).await;
        assert!(left.is_none_or(|session| !session.is_logged_in()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_through_different_structs_at_once_all_survive() {
    for _ in 0..ROUNDS {
        let world = shop();
        let browser = Browser::new(&world.app(routes()));
        browser.get("/visit").await;
        let requests = [(Method::GET, "/visit"), (Method::GET, "/theme"), (Method::GET, "/form")];
        let answers = at_once(&browser, &requests).await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
        let session = open(&world, &browser).await.expect("lives");
        assert_eq!((session.visits, session.raw()["theme"].as_str()), (2, r#""dark""#));
        assert!(session.raw().contains_key("web.csrf"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn forms_that_are_loaded_at_once_have_the_same_token() {
    for _ in 0..ROUNDS {
        let world = shop();
        let browser = Browser::new(&world.app(routes()));
        browser.get("/visit").await;
        let answers = at_once(&browser, &[(Method::GET, "/form"), (Method::GET, "/form")]).await;
        assert_eq!(answers[0].text, answers[1].text);
    }
}
