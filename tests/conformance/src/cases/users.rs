//! U1: whose session it is, and the index of a user's sessions.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use typed_sessions::{
    Clock, Device, ErrorKind, Login, SessionData, SessionInfo, SessionUser, Sessions, UserId, days,
    minutes, seconds,
};

use crate::world::{Member, Shop, World, is_refused, kind, logged_in, open, stored};

pub(crate) async fn u1_index_follows_login_and_logout(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, _) = logged_in(&sessions, 1).await;
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 1);
    session.login(Member::new(2)).await.expect("logs in");
    assert_eq!(
        sessions.user(&1).count().await.expect("counts"),
        0,
        "the session is another user's now"
    );
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 1);
    session.logout().await.expect("logs out");
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 0);
    session.login(Member::new(1)).await.expect("logs in");
    session.destroy().await.expect("ends");
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 0);
}

pub(crate) async fn u1_list_shows_devices_and_times(world: World) {
    let sessions = world.sessions::<Shop>();
    let start = world.clock.now();
    let mut phone = sessions.start();
    phone.login(Member::new(1)).await.expect("logs in");
    world.clock.advance(minutes(3));
    let mut laptop = sessions.start();
    let device = Device::new("Firefox on Linux")
        .ip(Ipv4Addr::LOCALHOST)
        .user_agent("Mozilla/5.0".repeat(100));
    laptop
        .login_with(Member::new(1), Login::new().device(device.clone()).remember(days(30)))
        .await
        .expect("logs in");
    assert_eq!(
        device.user_agent.as_ref().map(String::len),
        Some(Device::MAX_TEXT_BYTES),
        "a long user agent is cut"
    );

    let list = sessions.user(&1).seen_from(phone.id()).list().await.expect("lists");
    assert_eq!(
        list.iter().map(SessionInfo::id).collect::<Vec<_>>(),
        [laptop.id(), phone.id()],
        "last used first"
    );
    let [on_laptop, on_phone] = &list[..] else { panic!("two sessions") };
    assert_eq!((on_laptop.device(), on_phone.device()), (Some(&device), None));
    assert_eq!((on_laptop.is_current(), on_phone.is_current()), (false, true));
    assert_eq!(
        (on_phone.created(), on_phone.last_seen(), on_phone.authenticated()),
        (start, start, Some(start))
    );
    assert_eq!(on_phone.expires().since(start), minutes(30));
    assert_eq!(on_laptop.expires().since(start), days(30) + minutes(3));
    assert_eq!((on_laptop.user_id(), laptop.user_id()), (Some("1"), Some(1)));
    assert!(laptop.info().is_current());
}

pub(crate) async fn u1_live_sessions_stay_listed_and_dead_ones_go(world: World) {
    let sessions = world.builder::<Shop>().never_renew().build().expect("consistent");
    let (kept, token) = logged_in(&sessions, 1).await;
    logged_in(&sessions, 1).await;
    // Another, shorter session must not shorten the whole index.
    let mut short = sessions.start();
    short.login_with(Member::new(1), Login::new().remember(seconds(10))).await.expect("logs in");
    for _ in 0..20 {
        world.clock.advance(minutes(29));
        open(&sessions, &token).await;
        let list = sessions.user(&1).list().await.expect("lists");
        assert!(
            list.iter().any(|info| info.id() == kept.id()),
            "a live session fell out of the index"
        );
    }
    assert_eq!(
        sessions.user(&1).count().await.expect("counts"),
        1,
        "the others are past their deadline"
    );
}

pub(crate) async fn u1_longer_by_reauthentication_stays_listed(world: World) {
    let sessions = world.builder::<Shop>().never_renew().build().expect("consistent");
    let (mut long, token) = logged_in(&sessions, 1).await;
    for minute in (0..60 * 14).step_by(20) {
        world.clock.advance(minutes(20));
        if minute == 60 * 11 {
            long = open(&sessions, &token).await;
            long.reauthenticate().await.expect("both timeouts anew");
        }
        open(&sessions, &long.token().expose()).await;
    }
    logged_in(&sessions, 1).await;
    let list = sessions.user(&1).list().await.expect("lists");
    assert!(
        list.iter().any(|info| info.id() == long.id()),
        "it fell out of the index at its first absolute deadline"
    );
    assert_eq!(list.len(), 2);
}

#[derive(Debug, Serialize, Deserialize)]
struct Named(String);

impl SessionUser for Named {
    type Id = String;

    fn id(&self) -> String {
        self.0.clone()
    }
}

#[derive(Debug, SessionData)]
struct Account {
    #[session(user)]
    user: Option<Named>,
}

pub(crate) async fn u1_odd_user_ids_are_never_mixed_up(world: World) {
    let sessions: Sessions<Account> = world.sessions();
    let longest = "x".repeat(UserId::MAX_BYTES);
    let ids = [
        "a",
        "A",
        "a ",
        " a",
        "a:b",
        "a:*",
        "*",
        "?",
        "[a]",
        "{a}",
        "{a}b",
        "a{",
        "a\0",
        "a\0b",
        "\0",
        "a%",
        "a_",
        "a'",
        "a\"",
        "a\\",
        "a;--",
        "a\n",
        "ä",
        "a\u{308}",
        "🦀",
        "null",
        "0",
        "-1",
        "$user",
        longest.as_str(),
        &longest[1..],
    ];
    let mut tokens = Vec::new();
    for id in ids {
        let mut session = sessions.start();
        session.login(Named(id.to_owned())).await.expect("logs in");
        tokens.push((id.to_owned(), session.id(), session.token().expose()));
    }
    for (id, session, token) in &tokens {
        let list = sessions.user(id).list().await.expect("lists");
        assert_eq!(list.iter().map(SessionInfo::id).collect::<Vec<_>>(), [*session], "user {id:?}");
        assert_eq!(list[0].user_id(), Some(id.as_str()), "stored faithfully");
        assert_eq!(
            open(&sessions, token).await.user.as_ref().map(|user| user.0.as_str()),
            Some(id.as_str())
        );
    }
    assert_eq!(sessions.user(&"a".to_owned()).revoke_all().await.expect("revokes"), 1);
    for (id, _, token) in &tokens {
        assert_eq!(is_refused(&sessions, token).await, id == "a", "user {id:?}");
    }
    for id in [String::new(), "x".repeat(UserId::MAX_BYTES + 1), "x".repeat(4 << 10)] {
        let mut session = sessions.start();
        assert_eq!(
            kind(session.login(Named(id.clone())).await),
            ErrorKind::Invalid,
            "{} bytes",
            id.len()
        );
        assert!(session.user.is_none() && !session.is_stored());
        assert_eq!(kind(sessions.user(&id).list().await), ErrorKind::Invalid);
    }
}

pub(crate) async fn u1_login_again_and_as_another(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, _) = stored(&sessions).await;
    session.cart.push("tea".into());
    session.login(Member::new(1)).await.expect("logs in, and saves what was not saved");
    session.address = Some("1 Main Street".into());
    session.login(Member::new(1)).await.expect("the same user logs in again");
    assert_eq!(
        (session.cart.len(), session.address.as_deref()),
        (1, Some("1 Main Street")),
        "all fields stay"
    );

    session.login(Member::new(2)).await.expect("another user logs in");
    assert_eq!(
        (session.cart.len(), session.address.as_deref()),
        (1, None),
        "what lasts until logout is gone"
    );
    let mut opened = open(&sessions, &session.token().expose()).await;
    assert_eq!(opened.member, Some(Member::new(2)));
    assert_eq!((opened.cart.len(), opened.address.as_deref()), (1, None));
    opened.address = Some("2 Main Street".into());
    opened.logout().await.expect("logs out");
    assert_eq!(
        (opened.member.as_ref(), opened.address.as_deref(), opened.cart.len()),
        (None, None, 1)
    );
    let token = opened.token().expose();
    opened.logout().await.expect("nobody is logged in");
    assert_eq!(opened.token().expose(), token, "a logout of nobody changes nothing");
    assert_eq!(
        open(&sessions, &token).await.raw().keys().collect::<Vec<_>>(),
        ["cart", "lang", "visits"]
    );
}

pub(crate) async fn u1_only_login_decides_who_the_user_is(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut new = sessions.start();
    new.member = Some(Member::new(1));
    assert_eq!(kind(new.save().await), ErrorKind::Invalid, "a save logged somebody in");
    assert!(!new.is_stored());

    let (mut session, token) = logged_in(&sessions, 1).await;
    assert_eq!(kind(session.set(Shop::MEMBER, None).await), ErrorKind::Invalid);
    assert_eq!(kind(session.take(Shop::MEMBER).await), ErrorKind::Invalid);
    assert_eq!(
        kind(session.update(Shop::MEMBER, |member| *member = None).await),
        ErrorKind::Invalid
    );
    assert_eq!(
        kind(session.transact(|shop| shop.member = Some(Member::new(2))).await),
        ErrorKind::Invalid
    );
    assert_eq!(kind(session.extend_raw([("member", "null")]).await), ErrorKind::Invalid);
    session.member = None;
    assert_eq!(kind(session.save().await), ErrorKind::Invalid);
    session.member = Some(Member { id: 1, name: "another name".into() });
    session.save().await.expect("the user's own data may change");
    assert_eq!(
        open(&sessions, &token).await.member.as_ref().map(|member| member.name.as_str()),
        Some("another name")
    );
}

#[derive(Debug, SessionData)]
struct Backdoor {
    member: Option<Member>,
    account: Option<Member>,
}

#[derive(Debug, SessionData)]
struct Aliased {
    #[session(user, alias = "account")]
    member: Option<Member>,
}

pub(crate) async fn u1_header_decides_whose_data_is_believed(world: World) {
    let (sessions, aliased, backdoor) =
        (world.sessions::<Shop>(), world.sessions::<Aliased>(), world.sessions::<Backdoor>());
    let (_, anonymous) = stored(&sessions).await;
    let (_, logged_in) = logged_in(&sessions, 1).await;
    for token in [&anonymous, &logged_in] {
        let mut session = open(&aliased, token).await;
        assert_eq!(
            kind(session.extend_raw([("account", "null")]).await),
            ErrorKind::Invalid,
            "an older key counts too"
        );
        // A struct to which the key means nothing writes somebody in.
        let mut intruder = open(&backdoor, token).await;
        intruder.member = Some(Member::new(666));
        intruder.account = Some(Member::new(666));
        intruder.save().await.expect("to this struct it is data like any other");

        let mut session = open(&sessions, token).await;
        assert_eq!(session.member, None, "a user was believed whom nobody logged in");
        assert_eq!(session.get(Shop::MEMBER).await.expect("reads"), None);
        session.reload().await.expect("reads");
        assert_eq!(session.member, None);
        assert!(session.transact(|shop| shop.member.is_none()).await.expect("transacts"));
        assert_eq!(open(&aliased, token).await.member, None);
        assert_eq!(open(&backdoor, token).await.view::<Shop>().expect("reads").member, None);
    }
}
