//! W: nothing that ended comes back, and a save sends what changed.

use std::collections::BTreeSet;

use typed_sessions::store::{Change, Edit, Key};
use typed_sessions::{ErrorKind, Session, hours, minutes};

use crate::counting::Counting;
use crate::world::{
    Member, ROUNDS, Shop, World, is_refused, kind, logged_in, open, race, racer, stored,
};

/// Tries every kind of write on a handle of a session that must be gone, and finds that none of
/// them does anything.
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
    assert_eq!(kind(session.logout().await), ErrorKind::Gone, "logout");
    let record = world.record(session.id()).await;
    let live = record.is_some_and(|record| record.header.is_live(world.now()));
    assert!(!live, "a write brought the session back");
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

pub(crate) async fn w1_cleared_session_stays_gone(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    let (member, member_token) = logged_in(&sessions, 1).await;
    sessions.revoke_everybody().await.expect("revokes");
    for (session, token) in [(session, token), (member, member_token)] {
        assert!(world.record(session.id()).await.is_none());
        every_write_is_gone(session, &world).await;
        assert!(is_refused(&sessions, &token).await);
    }
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

pub(crate) async fn w2_save_sends_only_what_changed(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let first = counting.take().changes.pop().expect("one change");
    let Change::Create(create) = first else { panic!("the first save creates: {first:?}") };
    let stored: BTreeSet<&str> = create.fields.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(stored, ["cart", "lang", "visits"].into(), "all fields that are not None");

    let mut session = open(&sessions, &token).await;
    session.save().await.expect("nothing to do");
    session.visits += 1;
    session.visits -= 1;
    session.save().await.expect("still nothing to do");
    assert_eq!(counting.cost(), "1 load");

    session.cart.push("tea".into());
    session.otp = Some("1234".into());
    session.save().await.expect("saves");
    let edit = only_edit(&counting);
    let keys: BTreeSet<&str> = edit.set.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["cart", "otp"].into());

    session.otp = None;
    session.save().await.expect("saves");
    let removed = only_edit(&counting).remove;
    assert_eq!(removed.iter().map(Key::as_str).collect::<Vec<_>>(), ["otp"], "None is no key");
}

/// What the only change since the last question wrote; it must be one that leaves the header alone.
fn only_edit(counting: &Counting) -> Edit {
    let mut changes = counting.take().changes;
    assert_eq!(changes.len(), 1, "one change");
    match changes.pop() {
        Some(Change::Save(save)) => save.edit,
        change => panic!("a save does not touch the header: {change:?}"),
    }
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
        ErrorKind::Superseded,
        "a handle from before the login wrote"
    );
    assert_eq!(kind(before_login.update(Shop::VISITS, |n| *n += 1).await), ErrorKind::Superseded);
    assert_eq!(kind(before_login.reload().await), ErrorKind::Superseded);

    session.logout().await.expect("logs out");
    before_logout.cart.push("stale".into());
    assert_eq!(
        kind(before_logout.save().await),
        ErrorKind::Superseded,
        "a handle from before the logout wrote"
    );
    assert_eq!(kind(before_logout.touch().await), ErrorKind::Superseded);
    assert_eq!(kind(before_logout.take(Shop::CART).await), ErrorKind::Superseded);
    assert_eq!(kind(before_logout.logout().await), ErrorKind::Superseded);
    assert_eq!(kind(before_logout.login(Member::new(1)).await), ErrorKind::Superseded);
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
        assert!(saved.is_ok() || kind(saved) == ErrorKind::Superseded, "round {round}");
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
    assert_eq!(counting.cost(), "1 apply", "a refused write reached the store");

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
