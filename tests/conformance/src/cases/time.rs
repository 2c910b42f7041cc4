//! E: idle and absolute timeouts, throttled touches, fields with a ttl.

use std::time::Duration;

use typed_sessions::store::{Applied, Change, Deleted, Owned, Rewrite, Save};
use typed_sessions::{
    Clock, ErrorKind, Login, ManualClock, Overflow, Session, SessionInfo, Sessions, UserId, days,
    hours, minutes, seconds,
};

use crate::world::{Member, Shop, World, is_refused, just_under, kind, logged_in, open, stored};

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

/// This case and the next one wait: a store's own expiry goes by the store's clock.
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

pub(crate) async fn e1_what_the_store_let_expire_is_missing_everywhere(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    session.login_with(Member::new(1), Login::new().remember(seconds(2))).await.expect("logs in");
    let (_, token) = logged_in(&sessions, 1).await;
    let (id, header) = (session.id(), world.header(session.id()).await);
    // The core's clock stands still: to the core all of them live.
    tokio::time::sleep(MILLI * 2500).await;
    assert!(world.record(id).await.is_none(), "load");
    assert!(world.store.headers(&[id]).await.expect("the store works").is_empty(), "headers");
    let members = world.members(&UserId::new(1).expect("an id"), 10).await;
    assert!(members.iter().all(|(member, _)| *member != id), "sessions_of");
    assert_eq!(members.len(), 1, "the other one lives");
    let save = Change::Save(Save::of(&header, world.now()));
    assert_eq!(world.apply(id, &save).await, Applied::Missing, "apply");
    let rewrite = Rewrite::new(&header, header.clone(), None, world.now());
    assert_eq!(world.apply(id, &Change::Rewrite(rewrite)).await, Applied::Missing, "apply");
    assert_eq!(world.delete(id, Owned::Anyones).await, Deleted::Missing, "delete");
    assert_eq!(kind(session.touch().await), ErrorKind::Gone);
    let limited = world.builder::<Shop>().max_sessions_per_user(2, Overflow::Refuse).build();
    logged_in(&limited.expect("consistent"), 1).await;
    open(&sessions, &token).await;
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
    assert_eq!(counting.cost(), "1 load", "not yet due");
    assert_eq!(world.header(session.id()).await.last_seen(), start);
    world.clock.advance(MILLI);
    counting.take();
    open(&sessions, &token).await;
    assert_eq!(counting.cost(), "1 load, 1 apply", "due");
    open(&sessions, &token).await;
    assert_eq!(counting.cost(), "1 load", "and done");
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

/// What the list of user 1 has of a session.
async fn listed(sessions: &Sessions<Shop>, session: &Session<Shop>) -> Option<SessionInfo> {
    let list = sessions.user(&1).list().await.expect("lists");
    let count = sessions.user(&1).count().await.expect("counts");
    assert_eq!(count, list.len(), "one function decides");
    list.into_iter().find(|info| info.id() == session.id())
}

pub(crate) async fn e5_lowered_timeouts_hold_at_once(world: World) {
    let long = world.builder::<Shop>().idle_timeout(days(30)).absolute_timeout(days(90));
    let long = long.never_renew().build().expect("consistent");
    let short = world.builder::<Shop>().never_renew().build().expect("consistent");
    // Idle: since it was last used.
    let (idle, token) = logged_in(&long, 1).await;
    assert_eq!(idle.info().expires().since(world.now()), days(30));
    world.clock.advance(just_under(minutes(30)));
    let peeked = short.peek(&token).await.expect("no error").expect("it lives");
    assert_eq!(peeked.info().expires().since(world.now()), MILLI, "info");
    let info = listed(&short, &idle).await.expect("it lives");
    assert_eq!(info.expires().since(world.now()), MILLI, "list");
    world.clock.advance(MILLI);
    assert!(is_refused(&short, &token).await, "open");
    assert!(short.peek(&token).await.expect("no error").is_none(), "peek");
    assert!(listed(&short, &idle).await.is_none(), "list and count");
    open(&long, &token).await;
    assert!(long.user(&1).list().await.expect("lists").iter().any(|info| info.id() == idle.id()));

    // Absolute: since the login, however busy it is.
    let (busy, token) = logged_in(&long, 1).await;
    let begin = world.now();
    for _ in 0..(12 * 3 - 1) {
        world.clock.advance(minutes(20));
        open(&long, &token).await;
    }
    let peeked = short.peek(&token).await.expect("no error").expect("it lives");
    assert_eq!(peeked.info().expires().since(begin), hours(12));
    assert_eq!(
        listed(&short, &busy).await.as_ref().map(SessionInfo::expires),
        Some(begin.after(hours(12)))
    );
    world.clock.advance(minutes(20));
    assert!(is_refused(&short, &token).await, "12 hours after the login");
    assert!(listed(&short, &busy).await.is_none());
    let mut proof = open(&long, &token).await;
    proof.reauthenticate().await.expect("proves it again");
    let peeked = short.peek(proof.token().expose()).await.expect("no error").expect("it lives");
    assert_eq!(peeked.info().expires().since(world.now()), minutes(30), "a proof begins anew");

    // Not what a login chose for itself, and never longer than what is stored.
    for (login, lives) in [
        (Login::new().remember(days(30)), days(30)),
        (Login::new().idle_timeout(hours(2)), hours(2)),
        (Login::new().idle_timeout(hours(20)).absolute_timeout(hours(20)), hours(20)),
    ] {
        let mut session = long.start();
        session.login_with(Member::new(1), login).await.expect("logs in");
        let token = session.token().expose();
        world.clock.advance(just_under(lives));
        assert!(short.peek(&token).await.expect("no error").is_some(), "the login chose {lives:?}");
        assert!(listed(&short, &session).await.is_some());
        world.clock.advance(MILLI);
        assert!(is_refused(&short, &token).await);
    }
    let (_, token) = stored(&short).await;
    world.clock.advance(minutes(30));
    assert!(is_refused(&long, &token).await, "longer timeouts revived a session");
}

pub(crate) async fn e5_who_has_ended_by_lowered_timeouts_takes_no_place(world: World) {
    let long = world.builder::<Shop>().idle_timeout(days(30)).absolute_timeout(days(90));
    let long = long.build().expect("consistent");
    let short = world.builder::<Shop>().max_sessions_per_user(2, Overflow::Refuse);
    let short = short.build().expect("consistent");
    for _ in 0..3 {
        logged_in(&long, 1).await;
    }
    world.clock.advance(minutes(30));
    logged_in(&short, 1).await;
    let (_, token) = logged_in(&short, 1).await;
    let mut third = short.start();
    assert_eq!(kind(third.login(Member::new(1)).await), ErrorKind::LimitReached);
    open(&short, &token).await.logout().await.expect("logs out");
    third.login(Member::new(1)).await.expect("there is room again");
    assert_eq!(short.user(&1).count().await.expect("counts"), 2);
}

/// All that was written lies an hour in the future then.
pub(crate) async fn e6_a_clock_that_is_put_back_ends_nothing_in_use(world: World) {
    let sessions = world.sessions::<Shop>();
    let right = world.now();
    world.clock.advance(hours(1));
    let (mut session, token) = logged_in(&sessions, 1).await;
    session.set(Shop::OTP, Some("246810".into())).await.expect("sets");
    let (_, unused_token) = logged_in(&sessions, 1).await;
    world.clock.set(right);

    let mut session = open(&sessions, &token).await;
    assert_eq!(session.otp, None, "its five minutes would last for an hour and five");
    assert_eq!(session.get(Shop::OTP).await.expect("reads"), None);
    assert!(!session.raw().contains_key("otp"));
    session.set(Shop::OTP, Some("135790".into())).await.expect("sets");
    let mut token = session.fresh_token().expect("its secret counts as old").expose();
    assert!(sessions.peek(&unused_token).await.expect("works").is_some());
    for _ in 0..8 {
        world.clock.advance(minutes(20));
        let opened = open(&sessions, &token).await;
        token = opened.fresh_token().expect("its secret is old").expose();
        assert_eq!(opened.info().last_seen(), world.now(), "it is touched");
        assert_eq!(opened.otp, None);
    }
    // Whoever is idle ends, though an hour later.
    assert!(is_refused(&sessions, &unused_token).await);
    let listed = sessions.user(&1).list().await.expect("lists");
    assert_eq!(listed.iter().map(SessionInfo::id).collect::<Vec<_>>(), [session.id()]);
}

pub(crate) async fn e6_a_wrong_clock_hides_nobody(world: World) {
    let sessions = world.sessions::<Shop>();
    let ahead = world.with_clock(ManualClock::new(world.now().after(hours(13))));
    for overflow in [Overflow::EvictOldest, Overflow::Refuse] {
        let elsewhere = ahead.builder::<Shop>().max_sessions_per_user(2, overflow).build();
        let elsewhere = elsewhere.expect("consistent");
        let (one, one_token) = logged_in(&sessions, 1).await;
        let (two, two_token) = logged_in(&sessions, 1).await;
        // To a node whose clock is ahead, both have ended.
        let (mut there, there_token) = logged_in(&elsewhere, 1).await;
        there.touch().await.expect("touches");
        there.reauthenticate().await.expect("proves it again");
        assert!(is_refused(&elsewhere, &one_token).await);
        elsewhere.user(&1).list().await.expect("lists");
        elsewhere.user(&1).count().await.expect("counts");
        elsewhere.user(&1).sync(&Member::new(1)).await.expect("syncs");
        there.logout().await.expect("logs out");
        there.login(Member::new(1)).await.expect("logs in again");
        assert!(is_refused(&elsewhere, &there_token).await);

        open(&sessions, &one_token).await;
        open(&sessions, &two_token).await;
        let list = sessions.user(&1).list().await.expect("lists");
        for session in [&one, &two, &there] {
            let is_listed = list.iter().any(|info| info.id() == session.id());
            assert!(is_listed, "{overflow:?}: hidden for good by another node's clock");
        }
        assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 3, "{overflow:?}");
        for token in [&one_token, &two_token, &there.token().expose()] {
            assert!(is_refused(&sessions, token).await);
        }
    }
}
