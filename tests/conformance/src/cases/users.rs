//! U: users, their sessions on all devices, limits.

use crate::world::{Member, Shop, World, is_refused, logged_in, open};

pub(crate) async fn u1_index_follows_login_and_logout(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, _) = logged_in(&sessions, 1).await;
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 1);
    session.login(Member::new(2)).await.expect("logs in");
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 0, "the session is another user's now");
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 1);
    session.logout().await.expect("logs out");
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 0);
}

pub(crate) async fn u2_revocation_is_final(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mine, my_token) = logged_in(&sessions, 1).await;
    let (_, other_token) = logged_in(&sessions, 1).await;
    let (_, foreign_token) = logged_in(&sessions, 2).await;
    assert_eq!(sessions.user(&1).revoke_except(mine.id()).await.expect("revokes"), 1);
    assert!(is_refused(&sessions, &other_token).await);
    open(&sessions, &my_token).await;
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 1);
    assert!(is_refused(&sessions, &my_token).await);
    open(&sessions, &foreign_token).await;
}
