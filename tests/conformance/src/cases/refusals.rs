//! U: a login that is refused moves nothing, whatever the index had to do with it.

use typed_sessions::{ErrorKind, Overflow, SessionInfo, Sessions};

use crate::world::{Member, Shop, World, kind, logged_in, open, stored};

async fn is_listed(sessions: &Sessions<Shop>, user: u64, id: typed_sessions::SessionId) -> bool {
    sessions
        .user(&user)
        .list()
        .await
        .expect("lists")
        .iter()
        .map(SessionInfo::id)
        .any(|listed| listed == id)
}

pub(crate) async fn u3_a_refused_login_ends_nobody(world: World) {
    let sessions = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::EvictOldest)
        .build()
        .expect("consistent");
    let (inside, inside_token) = logged_in(&sessions, 1).await;

    let (mut ended, _) = stored(&sessions).await;
    sessions.revoke(ended.id()).await.expect("revokes");
    assert_eq!(kind(ended.login(Member::new(1)).await), ErrorKind::Gone);
    let (_, token) = stored(&sessions).await;
    let mut late = open(&sessions, &token).await;
    open(&sessions, &token).await.login(Member::new(2)).await.expect("logs in");
    assert_eq!(kind(late.login(Member::new(1)).await), ErrorKind::Superseded);

    open(&sessions, &inside_token).await;
    assert!(
        is_listed(&sessions, 1, inside.id()).await,
        "a login that was refused put somebody out"
    );
}

pub(crate) async fn u3_a_refused_login_takes_no_place(world: World) {
    let sessions = world
        .builder::<Shop>()
        .max_sessions_per_user(2, Overflow::Refuse)
        .build()
        .expect("consistent");
    logged_in(&sessions, 1).await;
    for _ in 0..3 {
        let (mut ended, _) = stored(&sessions).await;
        sessions.revoke(ended.id()).await.expect("revokes");
        assert_eq!(kind(ended.login(Member::new(1)).await), ErrorKind::Gone);
    }
    let (mut second, _) = logged_in(&sessions, 1).await;
    second.login(Member::new(1)).await.expect("whoever is in may log in again");
    second.login(Member::new(1)).await.expect("and again");
    second.logout().await.expect("logs out");
    logged_in(&sessions, 1).await;
}

pub(crate) async fn u3_a_full_house_matters_only_to_who_could_enter(world: World) {
    let sessions = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::Refuse)
        .build()
        .expect("consistent");
    logged_in(&sessions, 1).await;
    let (mut ended, _) = stored(&sessions).await;
    sessions.revoke(ended.id()).await.expect("revokes");
    assert_eq!(
        kind(ended.login(Member::new(1)).await),
        ErrorKind::Gone,
        "there is no session to log in"
    );
}

pub(crate) async fn u1_a_refused_login_leaves_nobody(world: World) {
    let sessions = world
        .builder::<Shop>()
        .max_sessions_per_user(1, Overflow::Refuse)
        .build()
        .expect("consistent");
    logged_in(&sessions, 2).await;
    let (mut session, token) = logged_in(&sessions, 1).await;
    assert_eq!(kind(session.login(Member::new(2)).await), ErrorKind::LimitReached);
    assert!(
        is_listed(&sessions, 1, session.id()).await,
        "a full house for another user: the session left its own"
    );

    let mut late = open(&sessions, &token).await;
    session.login(Member::new(1)).await.expect("logs in again");
    assert_eq!(kind(late.login(Member::new(3)).await), ErrorKind::Superseded);
    assert!(
        is_listed(&sessions, 1, session.id()).await,
        "a login that was refused took a live session out"
    );
    assert!(!is_listed(&sessions, 3, session.id()).await);
}
