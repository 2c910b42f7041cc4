//! W: nothing that ended comes back, and a save sends what changed.

use std::collections::BTreeSet;

use typed_sessions::{Change, ErrorKind, Guard, Session, hours, minutes};

use crate::faulty::Fault;
use crate::world::{
    Member, Prefs, ROUNDS, Shop, World, is_refused, kind, logged_in, open, race, racer, stored,
};

/// Tries every kind of write on a handle of a session that must be gone, and finds that none of them does anything.
async fn every_write_is_gone(mut session: Session<Shop>, world: &World) {
    session.cart.push("zombie".into());
    assert_eq!(kind(session.save().await), ErrorKind::Gone, "save");
    assert_eq!(kind(session.set(Shop::VISITS, 9).await), ErrorKind::Gone, "set");
    assert_eq!(kind(session.update(Shop::VISITS, |n| *n += 1).await), ErrorKind::Gone, "update");
    assert_eq!(kind(session.transact(|shop| shop.visits += 1).await), ErrorKind::Gone, "transact");
    assert_eq!(kind(session.remove(Shop::VISITS).await), ErrorKind::Gone, "remove");
    assert_eq!(kind(session.take(Shop::VISITS).await), ErrorKind::Gone, "take");
    assert_eq!(kind(session.extend_raw([("new", "1")]).await), ErrorKind::Gone, "extend_raw");
    assert_eq!(kind(session.get(Shop::VISITS).await), ErrorKind::Gone, "get");
    assert_eq!(kind(session.reload().await), ErrorKind::Gone, "reload");
    assert_eq!(kind(session.touch().await), ErrorKind::Gone, "touch");
    assert_eq!(kind(session.renew().await), ErrorKind::Gone, "renew");
    assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::Gone, "login");
    let record = world.record(session.id()).await;
    let live = record.is_some_and(|record| record.header.is_live(session_now(world)));
    assert!(!live, "a write brought the session back");
}

fn session_now(world: &World) -> typed_sessions::Timestamp {
    typed_sessions::Clock::now(&world.clock)
}

pub(crate) async fn w1_starting_a_session_stores_nothing(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    assert_eq!(session.language, "en", "the struct has its defaults");
    assert!(session.fresh_token().is_none(), "there is nothing to open yet");
    assert!(is_refused(&sessions, &session.token().expose()).await);
    session.destroy().await.expect("there is nothing to end");
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0]);
    assert_eq!(kind(session.save().await), ErrorKind::Gone);
}

pub(crate) async fn w1_destroyed_session_stays_gone(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    let in_flight = open(&sessions, &token).await;
    session.destroy().await.expect("ends");
    assert!(is_refused(&sessions, &token).await);
    every_write_is_gone(in_flight, &world).await;
    every_write_is_gone(session, &world).await;
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn w1_revoked_session_stays_gone(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    assert!(sessions.revoke(session.id()).await.expect("the store works"), "it was there");
    assert!(!sessions.revoke(session.id()).await.expect("the store works"), "it is there no more");
    every_write_is_gone(session, &world).await;
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn w1_expired_session_stays_gone(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    world.clock.advance(minutes(30));
    every_write_is_gone(session, &world).await;
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn w1_purged_session_stays_gone(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    let (_, other) = stored(&sessions).await;
    world.clock.advance(minutes(20));
    open(&sessions, &other).await;
    world.clock.advance(minutes(10));
    // A store may have forgotten the record by itself, but it must not take a live one.
    assert!(sessions.purge_expired(100).await.expect("the store works") <= 1);
    assert!(world.record(session.id()).await.is_none());
    every_write_is_gone(session, &world).await;
    assert!(is_refused(&sessions, &token).await);
    open(&sessions, &other).await;
}

pub(crate) async fn w1_write_in_flight_never_revives(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (mut session, token) = stored(&sessions).await;
        let mut saver = open(&sessions, &token).await;
        let mut updater = open(&sessions, &token).await;
        let mut toucher = open(&sessions, &token).await;
        saver.cart.push("tea".into());
        let outcomes = race([
            racer(async move { session.destroy().await }),
            racer(async move { saver.save().await }),
            racer(async move { updater.update(Shop::VISITS, |n| *n += 1).await }),
            racer(async move { toucher.touch().await }),
        ])
        .await;
        for outcome in outcomes {
            assert!(outcome.is_ok() || kind(outcome) == ErrorKind::Gone, "round {round}");
        }
        assert!(
            is_refused(&sessions, &token).await,
            "round {round}: a write brought the session back"
        );
    }
}

pub(crate) async fn w1_only_the_first_save_creates(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    let mut prefs = session.view::<Prefs>().expect("a view of a new session");
    let mut late = session.view::<Prefs>().expect("another");
    prefs.theme = "dark".into();
    prefs.save().await.expect("creates");
    session.visits = 3;
    session.save().await.expect("writes into what the view created");
    let token = session.fresh_token().expect("the client has none").expose();
    let mut opened = open(&sessions, &token).await;
    assert_eq!((opened.visits, opened.view::<Prefs>().expect("reads").theme.as_str()), (3, "dark"));

    opened.destroy().await.expect("ends");
    late.theme = "zombie".into();
    assert_eq!(kind(late.save().await), ErrorKind::Gone, "a view created the session again");
    assert!(is_refused(&sessions, &token).await);
}

pub(crate) async fn w1_a_lost_answer_to_the_first_save_does_no_harm(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    for fault in [Fault::AnswersLost, Fault::WritesFail] {
        let mut session = sessions.start();
        session.cart.push("tea".into());
        faulty.set(fault);
        assert_eq!(kind(session.save().await), ErrorKind::Unavailable);
        faulty.set(Fault::None);
        session.visits = 2;
        session.save().await.expect("a second try writes, whatever became of the first");
        let token = session.fresh_token().expect("the client has none").expose();
        let opened = open(&sessions, &token).await;
        assert_eq!((opened.cart.as_slice(), opened.visits), (&["tea".to_owned()][..], 2));
    }
}

pub(crate) async fn w3_handles_of_a_new_session_lose_nothing(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut first = sessions.start();
    let views: Vec<_> =
        (0..6).map(|_| first.view::<Shop>().expect("a view of a new session")).collect();
    first.cart.push("tea".into());
    first.save().await.expect("creates");
    let token = first.token().expose();
    let [mut saved, mut updated, mut transacted, mut set, mut raw, mut login] =
        views.try_into().expect("six");
    saved.language = "de".into();
    saved.save().await.expect("writes what it changed");
    updated.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    transacted.transact(|shop| shop.visits += 1).await.expect("transacts");
    set.set(Shop::OTP, Some("1".into())).await.expect("sets");
    raw.extend_raw([("key", "1")]).await.expect("writes");
    let opened = open(&sessions, &token).await;
    let seen = (
        opened.cart.len(),
        opened.language.as_str(),
        opened.visits,
        opened.otp.as_deref(),
        opened.raw().len(),
    );
    assert_eq!(seen, (1, "de", 2, Some("1"), 5), "a handle wrote what it had not changed");
    login.login(Member::new(1)).await.expect("logs in");
    let opened = open(&sessions, &login.token().expose()).await;
    assert_eq!((opened.cart.len(), opened.language.as_str(), opened.visits), (1, "de", 2));

    let mut session = sessions.start();
    let (mut logout, mut renew) =
        (session.view::<Shop>().expect("a view"), session.view::<Shop>().expect("a view"));
    session.login(Member::new(1)).await.expect("logs in");
    assert_eq!(kind(logout.logout().await), ErrorKind::Gone, "it did not log anybody out");
    assert_eq!(kind(renew.renew().await), ErrorKind::Gone, "it did not renew anything");
    let (_, token) = stored(&sessions).await;
    let mut before = open(&sessions, &token).await;
    open(&sessions, &token).await.login(Member::new(1)).await.expect("logs in");
    assert_eq!(kind(before.logout().await), ErrorKind::Gone, "somebody is logged in");
}

pub(crate) async fn w1_a_second_lost_try_forgets_nothing(world: World) {
    let (world, interleave) = world.interleaved();
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    session.cart.push("tea".into());
    faulty.set(Fault::AnswersLost);
    assert_eq!(kind(session.save().await), ErrorKind::Unavailable, "created, but nobody knows");
    session.cart.push("cake".into());
    faulty.set(Fault::None);
    let late = faulty.clone();
    interleave.before_next_apply(async move { late.set(Fault::WritesFail) });
    assert_eq!(
        kind(session.save().await),
        ErrorKind::Unavailable,
        "found it there, and could not write into it"
    );
    faulty.set(Fault::None);
    session.save().await.expect("a third try");
    assert_eq!(
        open(&sessions, &session.token().expose()).await.cart,
        ["tea", "cake"],
        "a change was forgotten"
    );
}

pub(crate) async fn w2_save_sends_only_what_changed(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let first = counting.take().changes.pop().expect("one change");
    assert!(matches!(first.guard, Guard::Absent), "the first save creates");
    assert_eq!(
        keys(&first),
        ["cart", "lang", "visits"].map(str::to_owned).into(),
        "all fields that are not None"
    );

    let mut session = open(&sessions, &token).await;
    session.save().await.expect("nothing to do");
    session.visits += 1;
    session.visits -= 1;
    session.save().await.expect("still nothing to do");
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0]);

    session.cart.push("tea".into());
    session.otp = Some("1234".into());
    session.save().await.expect("saves");
    let change = counting.take().changes.pop().expect("one change");
    assert_eq!(keys(&change), ["cart", "otp"].map(str::to_owned).into());
    assert!(change.header.is_none(), "a save does not touch the header");

    session.otp = None;
    session.save().await.expect("saves");
    let change = counting.take().changes.pop().expect("one change");
    assert_eq!(
        change.remove.iter().map(typed_sessions::Key::as_str).collect::<Vec<_>>(),
        ["otp"],
        "None is no key"
    );
}

fn keys(change: &Change) -> BTreeSet<String> {
    change.set.iter().map(|(key, _)| key.as_str().to_owned()).collect()
}

pub(crate) async fn w2_concurrent_saves_of_different_fields_survive(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (_, token) = stored(&sessions).await;
        let mut a = open(&sessions, &token).await;
        let mut b = open(&sessions, &token).await;
        a.cart.push("tea".into());
        b.language = "de".into();
        let outcomes =
            race([racer(async move { a.save().await }), racer(async move { b.save().await })])
                .await;
        assert!(outcomes.iter().all(Result::is_ok), "round {round}: {outcomes:?}");
        let both = open(&sessions, &token).await;
        assert_eq!(
            (both.cart.len(), both.language.as_str()),
            (1, "de"),
            "round {round}: a save was lost"
        );
    }
}

pub(crate) async fn w2_a_stale_handle_does_not_undo_others(world: World) {
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let mut stale = open(&sessions, &token).await;
    let mut quick = open(&sessions, &token).await;
    quick.visits = 50;
    quick.language = "fr".into();
    quick.save().await.expect("saves");
    stale.cart.push("tea".into());
    stale.save().await.expect("saves");
    let opened = open(&sessions, &token).await;
    assert_eq!((opened.visits, opened.language.as_str(), opened.cart.len()), (50, "fr", 1));
}

pub(crate) async fn w6_login_and_logout_shut_out_earlier_handles(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    let mut before_login = open(&sessions, &token).await;
    session.login(Member::new(1)).await.expect("logs in");
    let mut before_logout = open(&sessions, &session.token().expose()).await;
    before_login.cart.push("stale".into());
    assert_eq!(
        kind(before_login.save().await),
        ErrorKind::Gone,
        "a handle from before the login wrote"
    );
    assert_eq!(kind(before_login.update(Shop::VISITS, |n| *n += 1).await), ErrorKind::Gone);
    assert_eq!(kind(before_login.reload().await), ErrorKind::Gone);

    session.logout().await.expect("logs out");
    before_logout.cart.push("stale".into());
    assert_eq!(
        kind(before_logout.save().await),
        ErrorKind::Gone,
        "a handle from before the logout wrote"
    );
    assert_eq!(kind(before_logout.touch().await), ErrorKind::Gone);
    session.cart.push("mine".into());
    session.save().await.expect("the handle that logged out goes on");
    assert_eq!(open(&sessions, &session.token().expose()).await.cart, ["mine"]);
}

pub(crate) async fn w6_renewal_shuts_nobody_out(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    let mut in_flight = open(&sessions, &token).await;
    world.clock.advance(minutes(10));
    assert!(open(&sessions, &token).await.fresh_token().is_some(), "renewed");
    in_flight.cart.push("tea".into());
    in_flight.save().await.expect("a renewal does not shut out");
    session.renew().await.expect("renews");
    in_flight.cart.push("cake".into());
    in_flight.save().await.expect("nor does an explicit one");
    in_flight.touch().await.expect("not even the header");
}

pub(crate) async fn w6_saves_race_with_logout(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (mut session, token) = logged_in(&sessions, 1).await;
        let mut saver = open(&sessions, &token).await;
        saver.address = Some("1 Main Street".into());
        let (out, saved) = {
            let mut results = race([
                racer(
                    async move { session.logout().await.map(|()| Some(session.token().expose())) },
                ),
                racer(async move { saver.save().await.map(|()| None) }),
            ])
            .await
            .into_iter();
            (results.next().expect("two"), results.next().expect("two"))
        };
        let fresh = out.expect("logs out").expect("a token");
        assert!(saved.is_ok() || kind(saved) == ErrorKind::Gone, "round {round}");
        let anonymous = open(&sessions, &fresh).await;
        assert_eq!(anonymous.member, None, "round {round}");
        assert_eq!(anonymous.address, None, "round {round}: a save in flight outlived the logout");
        assert!(is_refused(&sessions, &token).await, "round {round}");
    }
}

pub(crate) async fn w8_too_large_is_refused_before_any_call(world: World) {
    let (world, counting) = world.counted();
    let builder = world.builder::<Shop>().max_value_bytes(100).max_session_bytes(250);
    let sessions = builder.absolute_timeout(hours(1)).build().expect("consistent");
    let (_, token) = stored(&sessions).await;
    let mut session = open(&sessions, &token).await;
    counting.take();

    session.cart.push("x".repeat(100));
    session.visits = 77;
    let error = session.save().await.expect_err("over the limit for a value");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("`cart`") && error.to_string().contains("100"), "{error}");
    session.cart = vec!["x".repeat(90)];
    session.language = "y".repeat(90);
    session.save().await.expect("within both limits");
    session.address = Some("z".repeat(90));
    assert_eq!(kind(session.save().await), ErrorKind::TooLarge, "over the limit for the session");
    assert_eq!(kind(session.set(Shop::ADDRESS, Some("z".repeat(90))).await), ErrorKind::TooLarge);
    assert_eq!(
        kind(session.update(Shop::CART, |cart| cart.push("x".repeat(50))).await),
        ErrorKind::TooLarge
    );
    assert_eq!(
        kind(session.transact(|shop| shop.otp = Some("1".repeat(99))).await),
        ErrorKind::TooLarge
    );
    assert_eq!(
        kind(session.extend_raw([("k", format!("\"{}\"", "x".repeat(99)))]).await),
        ErrorKind::TooLarge
    );
    assert_eq!(
        kind(session.login(Member { id: 1, name: "n".repeat(200) }).await),
        ErrorKind::TooLarge
    );
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "a refused write reached the store");

    let opened = open(&sessions, &token).await;
    assert_eq!(
        (opened.visits, opened.cart[0].len(), opened.address.as_deref(), opened.member.as_ref()),
        (77, 90, None, None)
    );
    let mut new = sessions.start();
    new.cart.push("x".repeat(100));
    assert_eq!(kind(new.save().await), ErrorKind::TooLarge);
    assert!(is_refused(&sessions, &new.token().expose()).await, "a refused session was stored");
}
