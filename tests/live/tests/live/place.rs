//! What the servers of the chat share, and what must hold whatever it is.

use std::time::{Duration, Instant};

use crate::browser::{Browser, LIMIT, Socket};
use crate::chat::Chat;

/// A store and bus that the servers share.
pub(crate) trait Place {
    fn url(&self) -> String;

    /// Ends a session behind everybody's back: no message tells of it.
    fn end_silently(&self, session: &str);

    /// Breaks the subscriptions of all servers.
    fn cut_subscriptions(&self);
}

/// The lease of these tests, in seconds.
const LEASE: u64 = 3;

/// For so long a server hangs: longer than a call may take, and than the lease.
pub(crate) const HANGS: Duration = Duration::from_secs(LEASE + 1);

/// Nothing is verified without a cause in tests that have this.
const NEVER: &str = "3600";

const SIGNED_OUT: (u16, &str) = (1008, "the session has ended");

/// Starts a server.
fn server(place: &impl Place, name: &str, verify_every: &str) -> Chat {
    let (url, lease) = (place.url(), LEASE.to_string());
    let flags =
        ["--store", &url, "--name", name, "--lease", &lease, "--verify-every", verify_every];
    Chat::start(&flags)
}

/// A server with Ada, who is to go, and Bob, who stays, both connected; and another server.
struct World {
    a: Chat,
    b: Chat,
    ada: Browser,
    bob: Browser,
    ada_on_a: Socket,
    bob_on_a: Socket,
}

impl World {
    async fn new(place: &impl Place, verify_every: &str) -> Self {
        let (a, b) = (server(place, "A", verify_every), server(place, "B", verify_every));
        let ada = Browser::signed_in(&a, "Ada").await;
        let bob = Browser::signed_in(&b, "Bob").await;
        let (ada_on_a, bob_on_a) = (ada.socket(&a).await, bob.socket(&a).await);
        Self { a, b, ada, bob, ada_on_a, bob_on_a }
    }

    async fn session_of_ada(&self) -> String {
        let listed = self.ada.connections(&self.b).await;
        listed[0]["session"].as_str().expect("an id").to_owned()
    }

    /// Ada's session has ended, and so does her connection.
    async fn ada_is_closed(&mut self, since: Instant, what: &str) {
        let (code, reason) = self.ada_on_a.closed().await;
        eprintln!("{what}: closed after {:?}", since.elapsed());
        assert_eq!((code, &*reason), SIGNED_OUT);
    }

    /// Ada signs out everywhere on B, as soon as B can do it.
    async fn ada_signs_out_on_b(&self) {
        let begin = Instant::now();
        loop {
            let answer = self.ada.clone().post(&self.b, "/sign-out-everywhere", &[]).await;
            if answer.status == 303 {
                return;
            }
            assert_eq!(answer.status, 503, "{}", answer.text);
            assert!(begin.elapsed() < 2 * LIMIT, "still {}", answer.text);
        }
    }

    /// Bob's connection to A has outlived it all, and is reached from B.
    async fn bob_is_reached(&mut self) {
        self.bob.wait_for_servers(&self.b, &["A"]).await;
        let mut on_b = Browser::signed_in(&self.b, "Cleo").await.socket(&self.b).await;
        on_b.say("Bob", "still there?").await;
        assert_eq!(self.bob_on_a.hears("still there?").await, "Cleo");
    }
}

/// A holds the client, B sends to it, lists it and revokes.
pub(crate) async fn l2_revoked_on_b_closes_on_a(place: &impl Place) {
    let mut world = World::new(place, NEVER).await;
    let ada_elsewhere = Browser::signed_in(&world.b, "Ada").await;
    let mut ada_on_b = ada_elsewhere.socket(&world.b).await;
    assert_eq!(world.ada.servers(&world.b).await, ["A", "B"]);

    ada_on_b.say("", "good morning").await;
    ada_on_b.say("Bob", "for Bob alone").await;
    ada_on_b.say("Ada", "a note to myself").await;
    assert_eq!(world.bob_on_a.hears("good morning").await, "Ada");
    assert_eq!(world.bob_on_a.hears("for Bob alone").await, "Ada");
    assert_eq!(world.ada_on_a.hears("a note to myself").await, "Ada");

    let begin = Instant::now();
    world.ada_signs_out_on_b().await;
    world.ada_is_closed(begin, "signed out everywhere, by way of the other server").await;
    assert_eq!(ada_on_b.closed().await.0, 1008);
    assert_eq!(world.ada.refused(&world.a, Some(world.a.origin())).await, 401);
    world.bob_is_reached().await;
}

/// Nobody is told, and nothing breaks: found within `verify_every`.
pub(crate) async fn l2_lost_message_is_made_up_for(place: &impl Place) {
    let mut world = World::new(place, "2").await;
    let session = world.session_of_ada().await;
    let begin = Instant::now();
    place.end_silently(&session);
    world.ada_is_closed(begin, "ended behind everybody's back, verified every 2 s").await;
    world.bob_is_reached().await;
}

/// Nobody is told, but the subscription breaks: on subscribing again a server verifies.
pub(crate) async fn l2_cut_subscription_is_made_up_for(place: &impl Place) {
    let mut world = World::new(place, NEVER).await;
    let session = world.session_of_ada().await;
    place.end_silently(&session);
    let begin = Instant::now();
    place.cut_subscriptions();
    world.ada_is_closed(begin, "ended silently, then the subscriptions were cut").await;
    world.bob_is_reached().await;
}

/// A hears nothing for longer than its lease.
pub(crate) async fn l2_stopped_server_makes_up_for_it(place: &impl Place) {
    let mut world = World::new(place, NEVER).await;
    world.a.stop();
    let gone = world.bob.wait_for_servers(&world.b, &[]).await;
    eprintln!("A was stopped: in no listing after {gone:?}");
    world.ada_signs_out_on_b().await;
    let begin = Instant::now();
    world.a.resume();
    world.ada_is_closed(begin, "revoked while A was stopped").await;
    world.bob_is_reached().await;
}

/// After `kill -9`.
pub(crate) async fn l3_killed_server_leaves_nothing(place: &impl Place) {
    let mut world = World::new(place, NEVER).await;
    world.a.kill();
    let begin = Instant::now();
    // At once, under the same name, while the lease of the one before still runs.
    world.a.start_again();
    world.bob.wait_for_servers(&world.b, &[]).await;
    let took = begin.elapsed();
    eprintln!("A was killed: in no listing after {took:?}, with a lease of {LEASE} s");
    assert!(took < Duration::from_secs(LEASE + 2), "{took:?}");
    world.bob_on_a = world.bob.socket(&world.a).await;
    assert_eq!(world.bob.servers(&world.b).await, ["A"], "its own, and none of the one before");
    world.bob_is_reached().await;
}

/// Store and bus fail together and come back: nothing is closed, nothing is missed.
pub(crate) async fn l2_outage_is_made_up_for<P: Place>(
    place: &mut P,
    fail_and_return: impl FnOnce(&mut P),
) {
    let mut world = World::new(place, "3").await;
    let session = world.session_of_ada().await;
    fail_and_return(place);
    let begin = Instant::now();
    place.end_silently(&session);
    world.ada_is_closed(begin, "store and bus were away, then the session ended").await;
    world.bob_is_reached().await;
}

/// What carries the messages dies, and the store goes on, at least in part: the message of a
/// revocation is lost.
pub(crate) async fn l2_revoked_during_an_outage_closes<P: Place>(
    place: &mut P,
    fail: impl FnOnce(&mut P),
    has_returned: impl FnOnce(&mut P),
) {
    let mut world = World::new(place, "3").await;
    fail(place);
    let begin = Instant::now();
    world.ada_signs_out_on_b().await;
    eprintln!("the bus was away: revoked after {:?}", begin.elapsed());
    has_returned(place);
    world.ada_is_closed(begin, "revoked while the bus was away").await;
    world.bob_is_reached().await;
}
