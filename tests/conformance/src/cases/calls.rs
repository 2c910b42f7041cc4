//! C: what each operation costs, in calls of `load`, `apply`, `delete`, `sessions_of` and `purge_expired`.

use typed_sessions::minutes;

use crate::world::{Member, Shop, World, logged_in, open, stored};

pub(crate) async fn c1_cost_of_opening(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "start and first save");
    open(&sessions, &token).await;
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "open, nothing due");
    world.clock.advance(minutes(1));
    open(&sessions, &token).await;
    assert_eq!(counting.take().counts(), [1, 1, 0, 0, 0], "open, touch due");
    world.clock.advance(minutes(10));
    let new = open(&sessions, &token).await.token().expose();
    assert_eq!(counting.take().counts(), [1, 1, 0, 0, 0], "open, touch and renewal due");
    open(&sessions, &token).await;
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "open with the previous secret");
    open(&sessions, &new).await;
    assert_eq!(
        counting.take().counts(),
        [1, 1, 0, 0, 0],
        "open with the new secret for the first time"
    );
    open(&sessions, &new).await;
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "and ever after");
    sessions.peek(&new).await.expect("no error");
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "peek");
    sessions.open_or_start(None).await.expect("starts");
    assert_eq!(counting.take().counts(), [0; 5], "open_or_start without a token");
}

pub(crate) async fn c2_cost_of_writing(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let mut session = open(&sessions, &token).await;
    counting.take();

    session.save().await.expect("saves");
    assert_eq!(counting.take().counts(), [0; 5], "save with nothing changed");
    session.visits += 1;
    session.cart.push("tea".into());
    session.save().await.expect("saves");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "save");
    session.set(Shop::OTP, Some("1".into())).await.expect("sets");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "set");
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "update, fresh handle");
    session.transact(|shop| shop.visits += 1).await.expect("transacts");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "transact, fresh handle");
    assert_eq!(session.take(Shop::OTP).await.expect("takes").as_deref(), Some("1"));
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "take, fresh handle");
    assert_eq!(session.take(Shop::OTP).await.expect("takes"), None);
    assert_eq!(counting.take().counts(), [1, 0, 0, 0, 0], "take of nothing");
    assert!(session.remove(Shop::CART).await.expect("removes"));
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "remove");
    session.get(Shop::VISITS).await.expect("reads");
    session.reload().await.expect("reads");
    assert_eq!(counting.take().counts(), [2, 0, 0, 0, 0], "get and reload");
    session.touch().await.expect("touches");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "touch");
    session.renew().await.expect("renews");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "renew");

    open(&sessions, &session.token().expose()).await.set(Shop::VISITS, 50).await.expect("sets");
    counting.take();
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(
        counting.take().counts(),
        [1, 2, 0, 0, 0],
        "update, stale handle: refused, load, written"
    );
    session.destroy().await.expect("ends");
    assert_eq!(counting.take().counts(), [0, 0, 1, 0, 0], "destroy");
}

pub(crate) async fn c3_cost_of_users(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let (mut session, _) = stored(&sessions).await;
    counting.take();
    session.visits = 9;
    session.login(Member::new(1)).await.expect("logs in");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "login, with what was not saved");
    session.logout().await.expect("logs out");
    assert_eq!(counting.take().counts(), [0, 1, 0, 0, 0], "logout");
    session.logout().await.expect("nobody is logged in");
    assert_eq!(
        counting.take().counts(),
        [1, 0, 0, 0, 0],
        "logout of nobody, who only the store can tell"
    );
    for _ in 0..5 {
        logged_in(&sessions, 2).await;
    }
    assert_eq!(counting.take().counts(), [0, 5, 0, 0, 0], "login of a new session");
    let user = sessions.user(&2);
    assert_eq!(user.list().await.expect("lists").len(), 5);
    assert_eq!(counting.take().counts(), [0, 0, 0, 1, 0], "list");
    assert_eq!(user.sync(&Member::new(2)).await.expect("syncs"), 5);
    assert_eq!(counting.take().counts(), [0, 5, 0, 1, 0], "sync");
    assert_eq!(user.revoke_all().await.expect("revokes"), 5);
    assert_eq!(counting.take().counts(), [0, 0, 5, 1, 0], "revoke_all");
}
