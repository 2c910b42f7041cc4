//! W: how a session comes into being, whatever becomes of its first save.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::Notify;
use typed_sessions::{ErrorKind, Overflow};

use crate::faulty::Fault;
use crate::interleave::Call;
use crate::world::{Member, Prefs, Shop, World, fresh, is_refused, kind, logged_in, open, stored};

pub(crate) async fn w1_starting_a_session_stores_nothing(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    assert_eq!(session.language, "en", "the struct has its defaults");
    assert!(session.fresh_token().is_none(), "there is nothing to open yet");
    assert!(is_refused(&sessions, &session.token().expose()).await);
    session.destroy().await.expect("there is nothing to end");
    assert_eq!(counting.cost(), "1 load");
    assert_eq!(kind(session.save().await), ErrorKind::Gone);
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
    assert_eq!(kind(logout.logout().await), ErrorKind::Superseded, "it did not log anybody out");
    assert_eq!(kind(renew.renew().await), ErrorKind::Superseded, "it did not renew anything");
    let (_, token) = stored(&sessions).await;
    let mut before = open(&sessions, &token).await;
    open(&sessions, &token).await.login(Member::new(1)).await.expect("logs in");
    assert_eq!(kind(before.logout().await), ErrorKind::Superseded, "somebody is logged in");
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
    interleave.before_next(Call::Apply, async move { late.set(Fault::WritesFail) });
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

pub(crate) async fn w1_a_retried_first_save_overwrites_nobody(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    for fault in [Fault::WritesFail, Fault::AnswersLost] {
        let mut session = sessions.start();
        let mut view = session.view::<Shop>().expect("a view of a new session");
        session.cart.push("tea".into());
        faulty.set(fault);
        assert_eq!(kind(session.save().await), ErrorKind::Unavailable, "{fault:?}");
        faulty.set(Fault::None);

        view.language = "fr".into();
        view.address = Some("1 Main Street".into());
        view.save().await.expect("creates the session, or writes into it");
        session.visits = 2;
        session.save().await.expect("a second try");
        let opened = open(&sessions, &fresh(&session)).await;
        assert_eq!(
            (opened.language.as_str(), opened.address.as_deref()),
            ("fr", Some("1 Main Street")),
            "{fault:?}: the second try wrote what it had not changed"
        );
        assert_eq!((opened.cart.len(), opened.visits), (1, 2), "{fault:?}: it wrote too little");
    }
}

/// Another handle that takes as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Waits,
    IsQuicker,
}

pub(crate) async fn w4_take_after_a_lost_first_save_gives_once(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    for (fault, other) in [
        (Fault::WritesFail, Other::Waits),
        (Fault::AnswersLost, Other::Waits),
        (Fault::AnswersLost, Other::IsQuicker),
    ] {
        let mut session = sessions.start();
        session.otp = Some("123456".into());
        faulty.set(fault);
        assert_eq!(kind(session.save().await), ErrorKind::Unavailable, "{fault:?}");
        faulty.set(Fault::None);
        let mut taken = Vec::new();
        if other == Other::IsQuicker {
            // Whoever has the token by other means.
            let mut other = open(&sessions, &session.token().expose()).await;
            taken.extend(other.take(Shop::OTP).await.expect("takes"));
        }
        let mut view = session.view::<Shop>().expect("a view");
        taken.extend(session.take(Shop::OTP).await.expect("takes"));
        taken.extend(view.take(Shop::OTP).await.expect("takes"));
        taken.extend(session.take(Shop::OTP).await.expect("takes"));
        assert_eq!(taken, ["123456"], "{fault:?}, {other:?}: handed out once");
        session.save().await.expect("saves");
        assert_eq!(open(&sessions, &fresh(&session)).await.otp, None, "{fault:?}: it is back");
    }
}

pub(crate) async fn w1_destroy_beside_a_cancelled_first_save(world: World) {
    let (between, interleave) = world.interleaved();
    let sessions = between.sessions::<Shop>();
    for carried_out in [false, true] {
        let mut session = sessions.start();
        let mut view = session.view::<Prefs>().expect("a view of a new session");
        session.visits = 1;
        let reached = Arc::new(Notify::new());
        let hang = {
            let reached = Arc::clone(&reached);
            async move {
                reached.notify_one();
                pending::<()>().await;
            }
        };
        if carried_out {
            interleave.after_next(Call::Apply, hang);
        } else {
            interleave.before_next(Call::Apply, hang);
        }
        tokio::select! {
            saved = session.save() => panic!("it hangs: {saved:?}"),
            () = reached.notified() => {}
        }
        // Its caller went away, and nobody knows what became of it.
        view.destroy().await.expect("ends it");
        assert!(world.record(session.id()).await.is_none(), "a session outlived its end");
        assert_eq!(kind(session.save().await), ErrorKind::Gone, "it was created again");
        assert!(is_refused(&sessions, &session.token().expose()).await);
    }
}

pub(crate) async fn u3_a_refused_login_of_a_new_session_stores_nothing_and_goes_on(world: World) {
    let sessions = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::Refuse)
        .build()
        .expect("consistent");
    logged_in(&sessions, 1).await;
    let mut session = sessions.start();
    let mut view = session.view::<Prefs>().expect("a view of a new session");
    session.visits = 3;
    assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::LimitReached);
    assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::LimitReached);
    assert!(world.record(session.id()).await.is_none(), "a refused login stored a session");
    assert!(!session.is_stored() && !view.is_stored() && session.member.is_none());
    session.logout().await.expect("there is nobody to log out");
    session.renew().await.expect("there is nothing to renew");
    assert!(world.record(session.id()).await.is_none(), "and nothing to store");

    view.theme = "dark".into();
    view.save().await.expect("creates");
    session.save().await.expect("goes on");
    let mut opened = open(&sessions, &fresh(&session)).await;
    assert_eq!((opened.visits, opened.member.as_ref()), (3, None));
    assert_eq!(opened.view::<Prefs>().expect("reads").theme, "dark");
    session.login(Member::new(2)).await.expect("another user may");
    assert_eq!(kind(opened.touch().await), ErrorKind::Superseded);
}
