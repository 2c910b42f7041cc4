//! C: what a handle can tell without a call of the store.

use std::sync::atomic::{AtomicU32, Ordering};

use typed_sessions::{ErrorKind, Login, SessionData, days, hours, minutes, seconds};

use crate::world::{Member, Shop, World, fresh, kind, open, stored};

/// Another value each time, as a random one is.
fn another() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[derive(Debug, SessionData)]
struct WithRandom {
    #[session(default = another())]
    nonce: u32,
    visits: u32,
}

pub(crate) async fn c_what_handles_can_tell(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    assert!(!session.is_changed() && !session.is_stored() && !session.is_ended());
    session.cart.push("tea".into());
    assert!(session.is_changed());
    session.cart.clear();
    assert!(!session.is_changed(), "it is as it was");
    session.otp = Some("1".into());
    assert!(session.is_changed());
    assert_eq!(counting.cost(), "nothing");
    session.save().await.expect("saves");
    counting.take();
    assert!(!session.is_changed() && session.is_stored() && !session.is_ended());
    session.visits = 3;
    session.otp = None;
    assert!(session.is_changed());
    assert_eq!(session.max_age(), None, "nobody asked for it");
    assert_eq!(counting.cost(), "nothing");
    session.save().await.expect("saves");
    assert_eq!(counting.cost(), "1 apply", "what had changed");

    let mut opened = open(&sessions, &fresh(&session)).await;
    counting.take();
    assert!(!opened.is_changed() && opened.is_stored());
    opened.visits += 1;
    opened.visits -= 1;
    assert!(!opened.is_changed());
    opened.save().await.expect("there is nothing to save");
    assert_eq!(counting.cost(), "nothing");

    random_defaults_are_no_change(&world).await;
    ages(&world).await;

    let (mut ending, token) = stored(&sessions).await;
    let mut late = open(&sessions, &token).await;
    ending.destroy().await.expect("ends");
    counting.take();
    assert!(ending.is_ended());
    assert!(!late.is_ended(), "that takes a call");
    assert_eq!(counting.cost(), "nothing");
    assert_eq!(kind(late.reload().await), ErrorKind::Gone);
    assert!(late.is_ended(), "it knows it now");
}

async fn random_defaults_are_no_change(world: &World) {
    let sessions = world.sessions::<WithRandom>();
    let mut session = sessions.start();
    assert!(!session.is_changed(), "a random default is no change");
    session.visits = 1;
    assert!(session.is_changed());
    session.visits = 0;
    assert!(!session.is_changed());
    session.nonce = u32::MAX;
    assert!(session.is_changed());
    session.save().await.expect("saves");
    assert!(!session.is_changed());
    assert!(!open(&sessions, &session.token().expose()).await.is_changed());
}

async fn ages(world: &World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    let login = Login::new().remember(days(30));
    session.login_with(Member::new(1), login).await.expect("logs in");
    counting.take();
    assert_eq!(session.max_age(), Some(days(30)));
    world.clock.advance(days(1));
    assert_eq!(session.max_age(), Some(days(29)), "the absolute deadline draws near");
    assert_eq!(counting.cost(), "nothing");
    let mut opened = open(&sessions, &session.token().expose()).await;
    assert_eq!(opened.max_age(), Some(days(29)), "and no touch moves it");
    opened.reauthenticate().await.expect("proves it again");
    assert_eq!(opened.max_age(), Some(days(30)), "a proof does");
    opened.logout().await.expect("logs out");
    assert_eq!(opened.max_age(), None, "what a login asked for ends with it");

    for login in [
        Login::new(),
        Login::new().idle_timeout(minutes(5)),
        Login::new().absolute_timeout(hours(1)),
        Login::new().idle_timeout(seconds(20)).absolute_timeout(minutes(5)),
    ] {
        let mut session = sessions.start();
        session.login_with(Member::new(1), login).await.expect("logs in");
        assert_eq!(session.max_age(), None, "it was not asked to remember");
    }
}
