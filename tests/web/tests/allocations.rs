//! What the layer adds to a request, in allocations. Unlike times that is exact, so it is asserted.

use std::convert::Infallible;

use allocation_counter::measure;
use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::http::{HeaderValue, Request, Response};
use futures::executor::block_on;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use typed_sessions::axum::{Session, SessionLayer};
use typed_sessions::{MemoryStore, Sessions};
use typed_sessions_web_tests::{Shop, ada};

/// How often a request allocates, mostly: in some calls the store does what many have left it to do.
fn allocations(call: &mut dyn FnMut()) -> u64 {
    let mut counts: Vec<_> = (0..1_001).map(|_| measure(&mut *call).count_total).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

/// How often a service allocates for a request with this cookie; what the request itself takes is
/// not counted.
fn of_request<S>(service: &S, cookie: &HeaderValue) -> u64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let mut requests: Vec<_> = (0..1_001)
        .map(|_| Request::get("/").header("cookie", cookie).body(Body::empty()).expect("one"))
        .collect();
    allocations(&mut || {
        let request = requests.pop().expect("one for each call");
        drop(block_on(service.clone().oneshot(request)).expect("an answer"));
    })
}

#[test]
fn c_the_layer_allocates_as_often_as_is_known() {
    let sessions = Sessions::<Shop>::new(MemoryStore::new());
    let layer = SessionLayer::new(sessions.clone());
    let mut session = sessions.start();
    block_on(session.login(ada())).expect("works");
    let (cookie, token) = (layer.cookie_for(&session), session.token().expose());

    let plain = service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
    let reading = service_fn(async |request: Request<Body>| {
        let mut parts = request.into_parts().0;
        let session = Session::<Shop>::from_request_parts(&mut parts, &()).await;
        assert!(session.expect("it is open").is_logged_in());
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let writing = service_fn(async |request: Request<Body>| {
        let mut parts = request.into_parts().0;
        let session = Session::<Shop>::from_request_parts(&mut parts, &()).await;
        let mut session = session.expect("it is open");
        session.visits = (session.visits + 1) % 10;
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let open = || block_on(sessions.open(&token)).expect("works").expect("it lives");
    let opened = allocations(&mut || drop(open()));
    let saved = allocations(&mut || {
        let mut session = open();
        session.visits = (session.visits + 1) % 10;
        block_on(session.save()).expect("works");
    });

    let without = of_request(&plain, &cookie);
    let beyond = [
        ("a handler without a session", of_request(&layer.layer(plain), &cookie) - without),
        ("beyond `open`", of_request(&layer.layer(reading), &cookie) - without - opened),
        ("beyond `open` and `save`", of_request(&layer.layer(writing), &cookie) - without - saved),
    ];
    // Fewer is better: then write the number down here. More has to be worth it.
    let known = [
        // The slot, its entry in the request's extensions, and these, which were empty.
        ("a handler without a session", 4),
        // That, a second handle without fields, and the headers of the answer.
        ("beyond `open`", 14),
        ("beyond `open` and `save`", 19),
    ];
    assert_eq!(beyond, known);
}
