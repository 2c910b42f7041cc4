//! W5, W1: several handles of one origin: what they share, and what each has for itself.

use typed_sessions::{ErrorKind, Session, SessionData, minutes};

use crate::world::{Member, Prefs, Shop, World, fresh, is_refused, kind, logged_in, open, stored};

/// Both have the token that opens the session now, and both would hand it over.
async fn assert_same_fresh_token<A: SessionData, B: SessionData>(
    world: &World,
    a: &Session<A>,
    b: &Session<B>,
    after: &str,
) {
    assert_eq!(a.token(), b.token(), "{after}");
    assert_eq!(a.fresh_token(), Some(a.token()), "{after}");
    assert_eq!(b.fresh_token(), Some(b.token()), "{after}");
    let opened = open(&world.sessions::<Prefs>(), &a.token().expose()).await;
    assert_eq!(opened.id(), a.id(), "{after}");
}

pub(crate) async fn w5_views_share_the_token(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    let mut view = session.view::<Prefs>().expect("a view of a new session");
    assert!(session.fresh_token().is_none() && view.fresh_token().is_none(), "nothing is stored");
    view.theme = "dark".into();
    view.save().await.expect("creates");
    assert!(session.is_stored() && view.is_stored(), "it is one session");
    assert_same_fresh_token(&world, &session, &view, "a view created it").await;

    for origin in [true, false] {
        // A handle as it is when nothing is new, and one more of the same origin, by itself.
        let token = session.token().expose();
        session = open(&sessions, &token).await;
        view = session.view::<Prefs>().expect("reads");
        let third = view.view::<Shop>().expect("reads");
        assert!(session.fresh_token().is_none() && view.fresh_token().is_none());
        if origin {
            session.renew().await.expect("renews");
        } else {
            view.renew().await.expect("renews");
        }
        assert!(is_refused(&sessions, &token).await);
        assert_same_fresh_token(&world, &session, &view, "it was renewed").await;
        assert_same_fresh_token(&world, &third, &view, "it was renewed").await;
        session.touch().await.expect("goes on");
        view.save().await.expect("goes on");
        session.renew().await.expect("its token is the fresh one");
        view.renew().await.expect("its token is the fresh one");
        assert_same_fresh_token(&world, &session, &view, "each has renewed it").await;
    }

    let mut session = open(&sessions, &session.token().expose()).await;
    let mut shop = session.view::<Shop>().expect("reads");
    let view = session.view::<Prefs>().expect("reads");
    shop.login(Member::new(1)).await.expect("logs in");
    assert_same_fresh_token(&world, &session, &shop, "a view logged in").await;
    assert_same_fresh_token(&world, &view, &shop, "a view logged in").await;
    session.reload().await.expect("reads");
    session.reauthenticate().await.expect("proves it again");
    assert_same_fresh_token(&world, &session, &view, "the origin gave a proof").await;
    session.logout().await.expect("logs out");
    assert_same_fresh_token(&world, &session, &view, "the origin logged out").await;

    // Renewed at open: the view is of the handle that has the news.
    world.clock.advance(minutes(10));
    let session = open(&sessions, &session.token().expose()).await;
    let view = session.view::<Prefs>().expect("reads");
    assert_same_fresh_token(&world, &session, &view, "it was renewed at open").await;

    // Another origin has a token of its own.
    let token = session.token().expose();
    let mut other = open(&sessions, &token).await;
    other.renew().await.expect("renews");
    assert!(session.token() != other.token(), "a dead token became a live one");
    assert!(is_refused(&sessions, &session.token().expose()).await);
}

pub(crate) async fn w5_superseded_views_go_on_after_reload(world: World) {
    let sessions = world.sessions::<Shop>();
    for new in [true, false] {
        let mut session = sessions.start();
        if !new {
            session.save().await.expect("saves");
        }
        let mut shop = session.view::<Shop>().expect("a view");
        let mut prefs = session.view::<Prefs>().expect("a view");
        session.login(Member::new(1)).await.expect("logs in");
        shop.visits = 1;
        prefs.theme = "dark".into();
        assert_eq!(kind(shop.save().await), ErrorKind::Superseded, "it has another user");
        assert_eq!(kind(prefs.save().await), ErrorKind::Superseded);
        assert_eq!(kind(shop.set(Shop::VISITS, 1).await), ErrorKind::Superseded);
        assert_eq!(kind(shop.touch().await), ErrorKind::Superseded);
        assert_eq!(kind(shop.renew().await), ErrorKind::Superseded);
        assert_eq!(kind(shop.login(Member::new(2)).await), ErrorKind::Superseded);
        assert_eq!(kind(shop.destroy().await), ErrorKind::Superseded);
        assert!(!shop.is_ended() && !session.is_ended());

        shop.reload().await.expect("it sees the login now");
        prefs.reload().await.expect("it sees the login now");
        assert_eq!(shop.member, Some(Member::new(1)));
        shop.visits = 2;
        shop.save().await.expect("goes on");
        prefs.theme = "dark".into();
        prefs.save().await.expect("goes on");
        session.language = "de".into();
        session.save().await.expect("the one that logged in goes on");

        shop.logout().await.expect("logs out");
        assert_eq!(kind(session.set(Shop::VISITS, 9).await), ErrorKind::Superseded);
        session.reload().await.expect("it sees the logout now");
        assert_eq!(session.member, None);
        session.login(Member::new(2)).await.expect("goes on");
        let opened = open(&sessions, &fresh(&shop)).await;
        assert_eq!(opened.member, Some(Member::new(2)));
        assert_eq!((opened.visits, opened.language.as_str()), (2, "de"));
        assert_eq!(opened.view::<Prefs>().expect("reads").theme, "dark");
    }

    // Of another origin: its token is dead, and no reload makes it live again.
    let (mut session, token) = logged_in(&sessions, 1).await;
    let mut other = open(&sessions, &token).await;
    session.login(Member::new(1)).await.expect("logs in");
    assert_eq!(kind(other.reload().await), ErrorKind::Superseded);
    assert_eq!(kind(other.set(Shop::VISITS, 9).await), ErrorKind::Superseded);
}

pub(crate) async fn w1_views_share_the_end(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    for by_view in [true, false] {
        let (mut session, token) = stored(&sessions).await;
        let mut view = session.view::<Prefs>().expect("a view");
        assert!(!session.is_ended() && !view.is_ended());
        if by_view {
            view.destroy().await.expect("ends");
        } else {
            session.destroy().await.expect("ends");
        }
        assert!(session.is_ended() && view.is_ended(), "it is one session");
        counting.take();
        session.visits = 9;
        view.theme = "dark".into();
        assert_eq!(kind(session.save().await), ErrorKind::Gone);
        assert_eq!(kind(view.save().await), ErrorKind::Gone);
        assert_eq!(kind(session.reload().await), ErrorKind::Gone);
        assert_eq!(kind(view.touch().await), ErrorKind::Gone);
        assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::Gone);
        assert_eq!(counting.cost(), "nothing", "they know it without asking");
        session.destroy().await.expect("it has ended");
        view.destroy().await.expect("it has ended");
        assert!(is_refused(&sessions, &token).await);
    }
    for by_view in [true, false] {
        let mut session = sessions.start();
        let mut view = session.view::<Prefs>().expect("a view of a new session");
        counting.take();
        if by_view {
            view.destroy().await.expect("there is nothing to end");
        } else {
            session.destroy().await.expect("there is nothing to end");
        }
        assert!(session.is_ended() && view.is_ended());
        session.visits = 9;
        assert_eq!(kind(session.save().await), ErrorKind::Gone, "a view had ended it");
        assert_eq!(kind(view.set(Prefs::THEME, "dark".into()).await), ErrorKind::Gone);
        assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::Gone);
        assert_eq!(counting.cost(), "nothing");
        assert!(world.record(session.id()).await.is_none());
    }
}
