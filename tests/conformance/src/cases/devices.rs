//! U2 to U4: what reaches a user's sessions on other devices: revocation, step-up, limits, sync.

use std::sync::{Arc, Mutex};

use typed_sessions::{Clock, ErrorKind, Login, Overflow, Sessions, days, hours, minutes};

use crate::faulty::Fault;
use crate::interleave::Call;
use crate::world::{Member, Shop, World, is_refused, kind, logged_in, open, stored};

pub(crate) async fn u2_revocation_is_final(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mine, my_token) = logged_in(&sessions, 1).await;
    let (_, other_token) = logged_in(&sessions, 1).await;
    let (_, foreign_token) = logged_in(&sessions, 2).await;
    let mut in_flight = open(&sessions, &other_token).await;
    assert_eq!(sessions.user(&1).revoke_except(mine.id()).await.expect("revokes"), 1);
    assert!(is_refused(&sessions, &other_token).await);
    assert_eq!(
        kind(in_flight.login(Member::new(1)).await),
        ErrorKind::Gone,
        "a login revived a revoked session"
    );
    open(&sessions, &my_token).await;
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 1);
    assert!(is_refused(&sessions, &my_token).await);
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 0);
    open(&sessions, &foreign_token).await;
}

pub(crate) async fn u2_password_change_ends_the_other_sessions(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let mut session = sessions.start();
        session
            .login_with(Member::new(1), Login::new().auth_tag("old hash"))
            .await
            .expect("logs in");
        tokens.push(session.token().expose());
    }
    let (_, untagged) = logged_in(&sessions, 1).await;
    let (_, anonymous) = stored(&sessions).await;
    let check = async |token: &str, hash: &'static str| {
        let current = |id: u64| async move {
            assert_eq!(id, 1);
            Ok::<_, typed_sessions::Error>(hash)
        };
        sessions.open_checked(token, current).await.expect("no error")
    };
    let mut mine = check(&tokens[0], "old hash").await.expect("the password is the same");
    mine.set_auth_tag("new hash").await.expect("notes the change");
    let fresh = mine.fresh_token().expect("a new token after a change of credentials").expose();
    assert!(is_refused(&sessions, &tokens[0]).await);

    assert!(check(&fresh, "new hash").await.is_some(), "the session that changed it goes on");
    assert!(check(&tokens[1], "new hash").await.is_none(), "the others end");
    assert!(is_refused(&sessions, &tokens[1]).await, "for good");
    assert!(
        check(&untagged, "new hash").await.is_none(),
        "a login that rests on nothing known ends too"
    );
    assert!(check(&anonymous, "never asked").await.is_some(), "nobody is logged in here");
    let failing =
        |_| async { Err::<Vec<u8>, _>(typed_sessions::Error::unavailable("no database")) };
    assert_eq!(kind(sessions.open_checked(&fresh, failing).await), ErrorKind::Unavailable);
    // The tag is renewed while the current hash is asked for.
    let (mut changing, token) = (open(&sessions, &fresh).await, fresh.clone());
    let in_time = |_: u64| async move {
        changing.set_auth_tag("newest hash").await.expect("notes the change");
        Ok::<_, typed_sessions::Error>("newest hash")
    };
    let opened = sessions.open_checked(&token, in_time).await.expect("no error");
    assert!(opened.is_some(), "the session that changed the password ended");
}

pub(crate) async fn u2_step_up_asks_for_a_recent_proof(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut anonymous, _) = stored(&sessions).await;
    assert!(!anonymous.authenticated_within(days(1000)), "nobody is logged in");
    assert_eq!(kind(anonymous.reauthenticate().await), ErrorKind::Invalid);
    assert_eq!(kind(anonymous.set_auth_tag("hash").await), ErrorKind::Invalid);

    let (_, token) = logged_in(&sessions, 1).await;
    world.clock.advance(minutes(4));
    assert!(open(&sessions, &token).await.authenticated_within(minutes(5)));
    world.clock.advance(minutes(1));
    let mut session = open(&sessions, &token).await;
    assert!(!session.authenticated_within(minutes(5)));
    let mut in_flight = open(&sessions, &token).await;
    session.reauthenticate().await.expect("proves it again");
    assert!(session.authenticated_within(minutes(5)));
    assert!(is_refused(&sessions, &token).await, "a new token, and the old one is dead");
    let opened = open(&sessions, &session.fresh_token().expect("a new token").expose()).await;
    assert!(opened.authenticated_within(minutes(5)));
    let header = world.header(opened.id()).await;
    assert_eq!(
        header.absolute_deadline().since(world.clock.now()),
        hours(12),
        "both timeouts anew"
    );
    in_flight.set(Shop::VISITS, 5).await.expect("the user is the same: requests in flight go on");
}

pub(crate) async fn u3_oldest_is_the_least_recently_used(world: World) {
    let sessions =
        world.builder().max_sessions_per_user(2, Overflow::EvictOldest).never_renew().build();
    let sessions: Sessions<Shop> = sessions.expect("consistent");
    let (_, first) = logged_in(&sessions, 1).await;
    world.clock.advance(minutes(2));
    let (_, second) = logged_in(&sessions, 1).await;
    world.clock.advance(minutes(2));
    open(&sessions, &first).await;
    let (_, foreign) = logged_in(&sessions, 2).await;
    let (mut third, _) = logged_in(&sessions, 1).await;
    assert!(is_refused(&sessions, &second).await, "the one that was used longest ago ends");
    open(&sessions, &first).await;
    open(&sessions, &foreign).await;
    third.login(Member::new(1)).await.expect("a session counts once");
    open(&sessions, &first).await;
    world.clock.advance(minutes(30));
    let (_, fourth) = logged_in(&sessions, 1).await;
    let (_, fifth) = logged_in(&sessions, 1).await;
    open(&sessions, &fourth).await;
    open(&sessions, &fifth).await;
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 2, "expired ones do not count");
}

pub(crate) async fn u3_full_house_refuses(world: World) {
    let sessions = world.builder().max_sessions_per_user(2, Overflow::Refuse).build();
    let sessions: Sessions<Shop> = sessions.expect("consistent");
    let (mut first, first_token) = logged_in(&sessions, 1).await;
    let (_, second) = logged_in(&sessions, 1).await;
    let (mut third, third_token) = stored(&sessions).await;
    let before = world.header(third.id()).await.to_text();
    let error = third.login(Member::new(1)).await.expect_err("two are enough");
    assert_eq!(error.kind(), ErrorKind::LimitReached);
    assert!(error.to_string().contains("max_sessions_per_user"), "{error}");
    assert_eq!(
        (third.member.as_ref(), third.fresh_token().is_some()),
        (None, true),
        "the handle is as it was"
    );
    assert_eq!(world.header(third.id()).await.to_text(), before, "a refused login wrote");
    open(&sessions, &third_token).await;
    let mut new = sessions.start();
    assert_eq!(kind(new.login(Member::new(1)).await), ErrorKind::LimitReached);
    assert!(world.record(new.id()).await.is_none(), "a refused login stored a session");
    new.login(Member::new(2)).await.expect("another user may");

    first.login(Member::new(1)).await.expect("who is in may log in again");
    assert!(is_refused(&sessions, &first_token).await);
    open(&sessions, &second).await;
    first.logout().await.expect("logs out");
    third.login(Member::new(1)).await.expect("there is room again");
}

pub(crate) async fn u4_sync_skips_who_changed_hands_meanwhile(world: World) {
    let sessions = world.sessions::<Shop>();
    let (between, interleave) = world.interleaved();
    let renamed = Member { id: 1, name: "new name".into() };

    let (mut session, _) = logged_in(&sessions, 1).await;
    let token = Arc::new(Mutex::new(String::new()));
    let handed_over = Arc::clone(&token);
    interleave.before_next(Call::Apply, async move {
        session.login(Member::new(2)).await.expect("another user logs in");
        *handed_over.lock().expect("no panic") = session.token().expose();
    });
    assert_eq!(between.sessions::<Shop>().user(&1).sync(&renamed).await.expect("syncs"), 0);
    let token = token.lock().expect("no panic").clone();
    assert_eq!(
        open(&sessions, &token).await.member,
        Some(Member::new(2)),
        "one user's data in another's session"
    );

    let (mut session, _) = logged_in(&sessions, 1).await;
    let id = session.id();
    interleave.before_next(Call::Apply, async move {
        session.login(Member::new(1)).await.expect("the same user again");
    });
    assert_eq!(
        between.sessions::<Shop>().user(&1).sync(&renamed).await.expect("syncs"),
        1,
        "it is theirs all the same"
    );
    let member = world.record(id).await.expect("stored").fields;
    assert!(member.get("member").is_some_and(|text| text.as_str().contains("new name")));

    let (mut session, _) = logged_in(&sessions, 3).await;
    interleave.before_next(Call::Apply, async move { session.destroy().await.expect("ends") });
    assert_eq!(between.sessions::<Shop>().user(&3).sync(&Member::new(3)).await.expect("syncs"), 0);
}

pub(crate) async fn u4_sync_reaches_all_devices_and_nobody_else(world: World) {
    let sessions = world.sessions::<Shop>();
    let (_, one) = logged_in(&sessions, 1).await;
    let (mut two, two_token) = logged_in(&sessions, 1).await;
    let (_, foreign) = logged_in(&sessions, 2).await;
    let (mut left, _) = logged_in(&sessions, 1).await;
    left.logout().await.expect("logs out");
    two.cart.push("tea".into());
    two.save().await.expect("saves");

    let renamed = Member { id: 1, name: "new name".into() };
    assert_eq!(sessions.user(&1).sync(&renamed).await.expect("syncs"), 2);
    for token in [&one, &two_token] {
        assert_eq!(open(&sessions, token).await.member.as_ref(), Some(&renamed));
    }
    assert_eq!(open(&sessions, &two_token).await.cart, ["tea"], "only the user field is written");
    assert_eq!(open(&sessions, &foreign).await.member, Some(Member::new(2)));
    assert_eq!(open(&sessions, &left.token().expose()).await.member, None);
    assert_eq!(
        kind(sessions.user(&1).sync(&Member::new(2)).await),
        ErrorKind::Invalid,
        "that is somebody else"
    );
    let small = world.builder::<Shop>().max_value_bytes(20).build().expect("consistent");
    assert_eq!(
        kind(small.user(&1).sync(&renamed).await),
        ErrorKind::TooLarge,
        "limits hold here too"
    );
    world.clock.advance(minutes(30));
    assert_eq!(sessions.user(&1).sync(&renamed).await.expect("syncs"), 0, "they have ended");
}

pub(crate) async fn u4_one_that_cannot_take_it_does_not_keep_sync_from_the_others(world: World) {
    let renamed = Member { id: 1, name: "a much longer name than before".into() };
    let (behind, faulty) = world.faulty();
    let small = behind.builder::<Shop>().max_value_bytes(100).max_session_bytes(230).build();
    let sessions: Sessions<Shop> = small.expect("consistent");

    // One is filled to the brim: a sync is bounded by the value's size alone.
    let mut tokens = Vec::new();
    for n in 0..4 {
        let (mut session, token) = logged_in(&sessions, 1).await;
        if n == 1 {
            session.address = Some("x".repeat(90));
            let mut filler = 90;
            session.language = "y".repeat(filler);
            while session.save().await.is_err() {
                filler -= 1;
                session.language = "y".repeat(filler);
            }
            assert_eq!(kind(session.set(Shop::VISITS, 10).await), ErrorKind::TooLarge, "the brim");
        }
        tokens.push(token);
    }
    assert_eq!(sessions.user(&1).sync(&renamed).await.expect("syncs"), 4);
    for token in &tokens {
        assert_eq!(open(&sessions, token).await.member.as_ref(), Some(&renamed));
    }

    // Two really cannot take it, for two reasons: the first is told, the others are done.
    let mut ids = Vec::new();
    for token in &tokens {
        ids.push(open(&sessions, token).await.id());
    }
    faulty.set_for(ids[0], Fault::WritesFail);
    faulty.set_for(ids[2], Fault::AnswersLost);
    let demoted = Member { id: 1, name: "demoted".into() };
    assert_eq!(kind(sessions.user(&1).sync(&demoted).await), ErrorKind::Unavailable);
    faulty.set_for(ids[0], Fault::None);
    faulty.set_for(ids[2], Fault::None);
    for (n, token) in tokens.iter().enumerate() {
        let expected = if n == 0 { &renamed } else { &demoted };
        assert_eq!(open(&sessions, token).await.member.as_ref(), Some(expected), "session {n}");
    }
    assert_eq!(sessions.user(&1).sync(&demoted).await.expect("syncs"), 4);
    assert_eq!(open(&sessions, &tokens[0]).await.member.as_ref(), Some(&demoted));
}
