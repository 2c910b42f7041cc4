//! E: idle and absolute timeouts, throttled touches, fields with a ttl.

use std::time::Duration;

use typed_sessions::{Clock, Login, days, hours, minutes, seconds};

use crate::world::{Member, Shop, World, is_refused, just_under, logged_in, open, stored};

const MILLI: Duration = Duration::from_millis(1);

pub(crate) async fn e1_idle_session_ends(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    assert_eq!(session.info().expires().since(world.clock.now()), minutes(30));
    world.clock.advance(just_under(minutes(30)));
    let opened = open(&sessions, &token).await;
    assert_eq!(
        opened.info().expires().since(world.clock.now()),
        minutes(30),
        "use moves the deadline"
    );
    let token = opened.token().expose();
    world.clock.advance(minutes(30));
    assert!(is_refused(&sessions, &token).await, "at the deadline it is over");
    assert!(sessions.peek(&token).await.expect("no error").is_none());
}

pub(crate) async fn e1_absolute_deadline_ends_a_busy_session(world: World) {
    let sessions = world.builder::<Shop>().never_renew().build().expect("consistent");
    let (_, token) = stored(&sessions).await;
    for _ in 0..(12 * 6 - 1) {
        world.clock.advance(minutes(10));
        open(&sessions, &token).await;
    }
    world.clock.advance(just_under(minutes(10)));
    let opened = open(&sessions, &token).await;
    assert_eq!(opened.info().expires().since(world.clock.now()), MILLI, "no touch goes beyond it");
    world.clock.advance(MILLI);
    assert!(is_refused(&sessions, &token).await, "it ends however busy it is");
}

pub(crate) async fn e1_throttled_touch_never_ends_late(world: World) {
    let sessions =
        world.builder::<Shop>().touch_every(minutes(10)).never_renew().build().expect("consistent");
    let (_, token) = stored(&sessions).await;
    world.clock.advance(minutes(9));
    open(&sessions, &token).await;
    // The last use was at 9 minutes and not written down: idle counts from 0.
    world.clock.advance(just_under(minutes(21)));
    assert!(sessions.peek(&token).await.expect("no error").is_some());
    world.clock.advance(MILLI);
    assert!(is_refused(&sessions, &token).await, "at most `touch_every` early, never late");
}

/// The only case that waits: a store's own expiry goes by the store's clock.
pub(crate) async fn e1_the_stores_own_expiry_follows_the_deadline(world: World) {
    let pass = async |time: Duration| {
        tokio::time::sleep(time).await;
        world.clock.advance(time);
    };
    let builder = world.builder::<Shop>().idle_timeout(seconds(4)).touch_every(MILLI).never_renew();
    let sessions = builder.build().expect("consistent");
    let (kept, token) = logged_in(&sessions, 1).await;
    let mut short = sessions.start();
    short.login_with(Member::new(1), Login::new().remember(MILLI * 100)).await.expect("logs in");
    pass(MILLI * 2500).await;
    open(&sessions, &token).await.set(Shop::VISITS, 5).await.expect("sets");
    pass(MILLI * 2500).await;
    assert_eq!(open(&sessions, &token).await.visits, 5, "it was touched in time");
    let listed = sessions.user(&1).list().await.expect("lists");
    assert_eq!(listed.len(), 1, "the index outlives its shortest member");
    assert_eq!(listed[0].id(), kept.id());
}

pub(crate) async fn e2_absolute_deadline_survives_touch_and_renewal(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    let deadline = world.header(session.id()).await.absolute_deadline();
    assert_eq!(deadline.since(world.clock.now()), hours(12));
    world.clock.advance(minutes(15));
    let mut renewed = open(&sessions, &token).await;
    assert!(renewed.fresh_token().is_some());
    renewed.touch().await.expect("touches");
    session.renew().await.expect("renews");
    assert_eq!(world.header(session.id()).await.absolute_deadline(), deadline);

    session.login(Member::new(1)).await.expect("logs in");
    let anew = world.header(session.id()).await.absolute_deadline();
    assert_eq!(anew.since(world.clock.now()), hours(12), "a login sets it anew");
    world.clock.advance(minutes(15));
    session.logout().await.expect("logs out");
    assert_eq!(
        world.header(session.id()).await.absolute_deadline(),
        anew,
        "a logout makes nothing longer"
    );
}

pub(crate) async fn e2_remember_is_per_session_and_persisted(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut remembered = sessions.start();
    remembered.login_with(Member::new(1), Login::new().remember(days(30))).await.expect("logs in");
    let token = remembered.token().expose();
    let (_, ordinary) = logged_in(&sessions, 1).await;
    world.clock.advance(days(29));
    assert!(is_refused(&sessions, &ordinary).await, "only that session is remembered");
    // Another process, which knows nothing of the login's options.
    let mut opened = open(&world.sessions::<Shop>(), &token).await;
    assert_eq!(
        opened.info().expires().since(world.clock.now()),
        days(1),
        "the absolute deadline caps the idle one"
    );

    opened.logout().await.expect("logs out");
    let absolute = world.header(opened.id()).await.absolute_deadline().since(world.clock.now());
    assert_eq!(absolute, hours(12), "nor does it live on as a remembered one");
    let left = opened.info().expires().since(world.clock.now());
    assert_eq!(left, minutes(30), "what the login had made longer ends with it");
    let token = opened.token().expose();
    world.clock.advance(minutes(30));
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn e2_login_can_choose_shorter_timeouts(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    let kiosk = Login::new().idle_timeout(seconds(20)).absolute_timeout(minutes(5));
    session.login_with(Member::new(1), kiosk).await.expect("logs in");
    let token = session.token().expose();
    for _ in 0..20 {
        world.clock.advance(seconds(14));
        open(&sessions, &token).await;
    }
    world.clock.advance(seconds(20));
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn e3_touch_is_throttled(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.builder::<Shop>().never_renew().build().expect("consistent");
    let (session, token) = stored(&sessions).await;
    let start = world.clock.now();
    counting.take();
    world.clock.advance(just_under(minutes(1)));
    open(&sessions, &token).await;
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "not yet due");
    assert_eq!(world.header(session.id()).await.last_seen(), start);
    world.clock.advance(MILLI);
    counting.take();
    open(&sessions, &token).await;
    assert_eq!(counting.take().counts(), [1, 1, 0, 0, 0], "due");
    open(&sessions, &token).await;
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "and done");
    assert_eq!(world.header(session.id()).await.last_seen(), world.clock.now());
}

pub(crate) async fn e3_silent_session_is_never_touched(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    let before = world.header(session.id()).await.to_text();
    world.clock.advance(minutes(20));
    let mut silent = sessions.peek(&token).await.expect("no error").expect("a session");
    silent.touch().await.expect("does nothing");
    silent.cart.push("tea".into());
    silent.save().await.expect("saves");
    silent.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert!(silent.fresh_token().is_none(), "nothing renews it");
    assert_eq!(world.header(session.id()).await.to_text(), before, "a silent session was touched");
    world.clock.advance(minutes(10));
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn e4_field_past_its_ttl_is_absent(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    session.otp = Some("123456".into());
    session.save().await.expect("saves");
    world.clock.advance(just_under(minutes(5)));
    let mut opened = open(&sessions, &token).await;
    assert_eq!(opened.otp.as_deref(), Some("123456"));
    assert_eq!(opened.get(Shop::OTP).await.expect("reads").as_deref(), Some("123456"));
    assert_eq!(opened.raw()["otp"], "\"123456\"", "raw shows the JSON alone");
    world.clock.advance(MILLI);
    assert_eq!(opened.get(Shop::OTP).await.expect("reads"), None);
    assert_eq!(open(&sessions, &token).await.otp, None);
    assert!(!opened.raw().contains_key("otp"));
    assert!(!opened.remove(Shop::OTP).await.expect("removes"), "there was nothing left");
}

pub(crate) async fn e4_only_writing_the_field_restarts_its_ttl(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    session.set(Shop::OTP, Some("1".into())).await.expect("writes");
    world.clock.advance(minutes(3));
    let mut opened = open(&sessions, &token).await;
    opened.visits += 1;
    opened.save().await.expect("saves");
    opened.transact(|shop| shop.visits += 1).await.expect("transacts");
    opened.touch().await.expect("touches");
    opened.update(Shop::OTP, |_| ()).await.expect("changes nothing");
    world.clock.advance(minutes(2));
    assert_eq!(opened.get(Shop::OTP).await.expect("reads"), None, "other writes do not prolong it");

    opened.set(Shop::OTP, Some("2".into())).await.expect("writes");
    world.clock.advance(minutes(3));
    opened.set(Shop::OTP, Some("2".into())).await.expect("writes");
    world.clock.advance(minutes(3));
    assert_eq!(
        opened.get(Shop::OTP).await.expect("reads").as_deref(),
        Some("2"),
        "setting it does"
    );
}
