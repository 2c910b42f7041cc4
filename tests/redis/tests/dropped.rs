//! U1, U2: what several commands do, given up anywhere between and within them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use typed_sessions::{
    Overflow, RedisStore, Session, SessionId, SessionInfo, SessionStore as _, Sessions, UserId,
};
use typed_sessions_redis_tests::{Member, Shop, builder, logged_in, sharded, store, stored};

/// What a session does; each of it is more than one command in one case or another.
#[derive(Clone, Copy, Debug)]
enum Operation {
    FirstLogin,
    LoginAgain,
    LoginAsAnother,
    Proof,
    Logout,
    Destroy,
    Revoke,
    RevokeAll,
}

const ALL: [Operation; 8] = [
    Operation::FirstLogin,
    Operation::LoginAgain,
    Operation::LoginAsAnother,
    Operation::Proof,
    Operation::Logout,
    Operation::Destroy,
    Operation::Revoke,
    Operation::RevokeAll,
];

async fn perform(operation: Operation, sessions: &Sessions<Shop>, session: &mut Session<Shop>) {
    match operation {
        Operation::FirstLogin | Operation::LoginAgain => {
            drop(session.login(Member { id: 1 }).await);
        }
        Operation::LoginAsAnother => drop(session.login(Member { id: 2 }).await),
        Operation::Proof => drop(session.reauthenticate().await),
        Operation::Logout => drop(session.logout().await),
        Operation::Destroy => drop(session.destroy().await),
        Operation::Revoke => drop(sessions.user(&1).revoke(session.id()).await),
        Operation::RevokeAll => drop(sessions.user(&1).revoke_all().await),
    }
}

/// Polls so often and no further; tells whether it was given up.
async fn give_up(after: usize, future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        if polls == after {
            return Poll::Ready(true);
        }
        polls += 1;
        future.as_mut().poll(context).map(|()| false)
    })
    .await
}

/// The index has a session under its user and nobody else, as far as it lives.
async fn assert_listed(store: &RedisStore, sessions: &Sessions<Shop>, id: SessionId, run: &str) {
    let record = store.load(&id).await.expect("loads");
    let owner = record.as_ref().and_then(|record| record.header.user());
    for user in [1_u64, 2] {
        let listed = sessions.user(&user).list().await.expect("lists");
        let is_listed = listed.iter().map(SessionInfo::id).any(|listed| listed == id);
        let is_theirs = owner == Some(&UserId::new(user.to_string()).expect("an id"));
        assert_eq!(is_listed, is_theirs, "U1, {run}: user {user}");
    }
}

#[tokio::test]
async fn u1_operations_that_are_dropped_at_any_poll_leave_the_index_right() {
    let one = store().await;
    // Whatever is one command there is several here.
    let several = sharded();
    let several = builder(&several.url()).connect().await.expect("connects");
    assert!(check(one).await >= 25, "these polls are not all");
    assert!(check(several).await >= 40, "these polls are not all");
}

/// Tells how often an operation was given up.
async fn check(store: RedisStore) -> usize {
    let builder = Sessions::<Shop>::builder(store.clone());
    let sessions = builder.max_sessions_per_user(1, Overflow::EvictOldest).build().expect("fits");
    let mut runs = 0;
    for operation in ALL {
        for polls in 0.. {
            let run = format!("{operation:?} dropped after {polls} polls");
            let (mut session, _) = match operation {
                Operation::FirstLogin => {
                    // Somebody to make room.
                    logged_in(&sessions, 1).await;
                    stored(&sessions).await
                }
                _ => logged_in(&sessions, 1).await,
            };
            let given_up = give_up(polls, perform(operation, &sessions, &mut session)).await;
            assert_listed(&store, &sessions, session.id(), &run).await;

            let (next, _) = logged_in(&sessions, 1).await;
            assert_listed(&store, &sessions, next.id(), &run).await;
            let listed = sessions.user(&1).list().await.expect("lists");
            assert_eq!(listed.len(), 1, "U3, {run}: a login that is finished finishes this");

            for user in [1_u64, 2] {
                sessions.user(&user).revoke_all().await.expect("revokes");
            }
            let left = store.load(&session.id()).await.expect("loads");
            let is_anonymous = left.is_none_or(|record| record.header.user().is_none());
            assert!(is_anonymous, "U2, {run}: revoked, and there");
            if !given_up {
                break;
            }
            runs += 1;
        }
    }
    runs
}
