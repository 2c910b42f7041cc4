//! A browser: it keeps cookies as browsers do, and sends requests to an app in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use cookie::{Cookie, CookieJar};
use tower::ServiceExt as _;

/// A browser with a jar of cookies. Clones share the jar, as tabs do.
#[derive(Clone, Debug)]
pub struct Browser {
    app: Router,
    jar: Arc<Mutex<CookieJar>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Answer {
    /// A header as text.
    ///
    /// # Panics
    /// When it has other characters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible characters"))
    }

    /// All that is set as cookies.
    ///
    /// # Panics
    /// When that cannot be read.
    pub fn cookies(&self) -> Vec<Cookie<'static>> {
        let values = self.headers.get_all(SET_COOKIE).iter();
        let texts = values.map(|value| value.to_str().expect("visible characters").to_owned());
        texts.map(|text| Cookie::parse(text).expect("a cookie")).collect()
    }
}

impl Browser {
    /// One that has never been anywhere.
    pub fn new(app: &Router) -> Self {
        Self { app: app.clone(), jar: Arc::default() }
    }

    /// What it has of this name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.with_jar(|jar| jar.get(name).map(|cookie| cookie.value().to_owned()))
    }

    /// The session's token.
    pub fn token(&self) -> Option<String> {
        self.cookie("__Host-session")
    }

    /// It forgets everything and has this token.
    pub fn has_token(&self, token: &str) {
        self.with_jar(|jar| {
            *jar = CookieJar::new();
            jar.add(Cookie::new("__Host-session", token.to_owned()));
        });
    }

    fn with_jar<R>(&self, act: impl FnOnce(&mut CookieJar) -> R) -> R {
        act(&mut self.jar.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A page is asked for, and what its answer sets is kept.
    pub async fn get(&self, path: &str) -> Answer {
        let answer = self.request(Method::GET, path).await;
        self.keep(&answer);
        answer
    }

    /// A form is sent, and what its answer sets is kept.
    pub async fn post(&self, path: &str) -> Answer {
        let answer = self.request(Method::POST, path).await;
        self.keep(&answer);
        answer
    }

    /// Sends a request with the cookies of now; the answer has not arrived yet.
    ///
    /// # Panics
    /// When the answer has no end.
    pub async fn request(&self, method: Method, path: &str) -> Answer {
        self.send(self.prepare(method, path)).await
    }

    /// A request with the cookies of now.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn prepare(&self, method: Method, path: &str) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        let pairs: BTreeMap<_, _> = self.with_jar(|jar| {
            jar.iter().map(|c| (c.name().to_owned(), c.value().to_owned())).collect()
        });
        if !pairs.is_empty() {
            let text: Vec<_> =
                pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, text.join("; "));
        }
        request.body(Body::empty()).expect("a request")
    }

    /// Sends a request as it is.
    ///
    /// # Panics
    /// When the answer has no end.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.app.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        let text = String::from_utf8(bytes.to_vec()).expect("a text");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// An answer arrives: what it sets is kept, what it removes is forgotten.
    pub fn keep(&self, answer: &Answer) {
        self.with_jar(|jar| {
            for cookie in answer.cookies() {
                if cookie.max_age().is_some_and(cookie::time::SignedDuration::is_zero) {
                    jar.force_remove(cookie.name());
                } else {
                    jar.add(cookie);
                }
            }
        });
    }
}
