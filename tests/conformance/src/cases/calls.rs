//! C: what each operation costs, in calls of the store's methods.

use typed_sessions::{SessionInfo, minutes};

use crate::world::{Member, Shop, World, logged_in, open, stored};

pub(crate) async fn c1_cost_of_opening(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    assert_eq!(counting.cost(), "1 apply", "start and first save");
    open(&sessions, &token).await;
    assert_eq!(counting.cost(), "1 load", "open, nothing due");
    world.clock.advance(minutes(1));
    open(&sessions, &token).await;
    assert_eq!(counting.cost(), "1 load, 1 apply", "open, touch due");
    world.clock.advance(minutes(10));
    let new = open(&sessions, &token).await.token().expose();
    assert_eq!(counting.cost(), "1 load, 1 apply", "open, touch and renewal due");
    open(&sessions, &token).await;
    assert_eq!(counting.cost(), "1 load", "open with the previous secret");
    open(&sessions, &new).await;
    assert_eq!(counting.cost(), "1 load, 1 apply", "open with the new secret for the first time");
    open(&sessions, &new).await;
    assert_eq!(counting.cost(), "1 load", "and ever after");
    sessions.peek(&new).await.expect("no error");
    assert_eq!(counting.cost(), "1 load", "peek");
    sessions.open_or_start(None).await.expect("starts");
    assert_eq!(counting.cost(), "nothing", "open_or_start without a token");
}

pub(crate) async fn c2_cost_of_writing(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let mut session = open(&sessions, &token).await;
    counting.take();

    session.save().await.expect("saves");
    assert_eq!(counting.cost(), "nothing", "save with nothing changed");
    session.visits += 1;
    session.cart.push("tea".into());
    session.save().await.expect("saves");
    assert_eq!(counting.cost(), "1 apply", "save");
    session.set(Shop::OTP, Some("1".into())).await.expect("sets");
    assert_eq!(counting.cost(), "1 apply", "set");
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(counting.cost(), "1 apply", "update, fresh handle");
    session.transact(|shop| shop.visits += 1).await.expect("transacts");
    assert_eq!(counting.cost(), "1 apply", "transact, fresh handle");
    assert_eq!(session.take(Shop::OTP).await.expect("takes").as_deref(), Some("1"));
    assert_eq!(counting.cost(), "1 apply", "take, fresh handle");
    assert_eq!(session.take(Shop::OTP).await.expect("takes"), None);
    assert_eq!(counting.cost(), "1 load", "take of nothing, which only the store can tell");
    let mut other = open(&sessions, &token).await;
    session.set(Shop::OTP, Some("2".into())).await.expect("sets");
    counting.take();
    assert_eq!(other.take(Shop::OTP).await.expect("takes").as_deref(), Some("2"));
    assert_eq!(counting.cost(), "1 load, 1 apply", "take of what another has set since");
    assert!(!session.remove(Shop::OTP).await.expect("another has taken it"));
    assert_eq!(counting.cost(), "1 load, 1 apply", "remove of what another has taken since");
    assert_eq!(session.get_or_insert_with(Shop::OTP, || "3".into()).await.expect("sets"), "3");
    assert_eq!(counting.cost(), "1 apply", "get_or_insert_with, absent");
    assert_eq!(session.get_or_insert_with(Shop::OTP, || "4".into()).await.expect("reads"), "3");
    assert_eq!(counting.cost(), "nothing", "get_or_insert_with, there");
    assert!(session.remove(Shop::CART).await.expect("removes"));
    assert_eq!(counting.cost(), "1 apply", "remove");
    session.get(Shop::VISITS).await.expect("reads");
    session.reload().await.expect("reads");
    assert_eq!(counting.cost(), "2 load", "get and reload");
    session.touch().await.expect("touches");
    assert_eq!(counting.cost(), "1 apply", "touch");
    session.renew().await.expect("renews");
    assert_eq!(counting.cost(), "1 apply", "renew");

    open(&sessions, &session.token().expose()).await.set(Shop::VISITS, 50).await.expect("sets");
    counting.take();
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(counting.cost(), "1 load, 2 apply", "update, stale handle: refused, load, written");
    session.destroy().await.expect("ends");
    assert_eq!(counting.cost(), "1 delete", "destroy");
}

pub(crate) async fn c3_cost_of_users(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (mut session, _) = stored(&sessions).await;
    counting.take();
    session.visits = 9;
    session.login(Member::new(1)).await.expect("logs in");
    assert_eq!(counting.cost(), "1 apply", "login, with what was not saved");
    session.logout().await.expect("logs out");
    assert_eq!(counting.cost(), "1 apply", "logout");
    session.logout().await.expect("nobody is logged in");
    assert_eq!(counting.cost(), "1 load", "logout of nobody, who only the store can tell");
    for _ in 0..5 {
        logged_in(&sessions, 2).await;
    }
    assert_eq!(counting.cost(), "5 apply", "login of a new session");
    let user = sessions.user(&2);
    assert_eq!(user.list().await.expect("lists").len(), 5);
    assert_eq!(counting.cost(), "1 sessions_of", "list");
    assert_eq!(user.sync(&Member::new(2)).await.expect("syncs"), 5);
    assert_eq!(counting.cost(), "5 apply, 1 sessions_of", "sync");
    assert_eq!(user.count().await.expect("counts"), 5);
    assert_eq!(counting.cost(), "1 sessions_of", "count");
    let ids: Vec<_> = user.list().await.expect("lists").iter().map(SessionInfo::id).collect();
    counting.take();
    assert!(user.revoke(ids[0]).await.expect("revokes"));
    assert_eq!(counting.cost(), "1 delete", "revoke one of a user's");
    assert!(sessions.revoke(ids[1]).await.expect("revokes"));
    assert_eq!(counting.cost(), "1 delete", "revoke anybody's");
    assert_eq!(user.revoke_all().await.expect("revokes"), 3);
    assert_eq!(counting.cost(), "3 delete, 1 sessions_of", "revoke_all");
}
