//! U2, W6, T4, U5: what ends a session, and whose.

use std::sync::{Arc, Mutex, PoisonError};

use typed_sessions::store::{Deleted, More, Owned};
use typed_sessions::{ErrorKind, Login, Reuse, SessionId, Sessions, UserId, minutes};

use crate::faulty::{Fault, Faulty};
use crate::interleave::Call;
use crate::world::{Member, Shop, World, fresh, is_refused, kind, logged_in, open, stored};

/// How far a session has come when it is to be deleted.
const STATES: [State; 5] =
    [State::Anonymous, State::LoggedIn, State::LoggedInAgain, State::HandedOver, State::LoggedOut];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Anonymous,
    LoggedIn,
    LoggedInAgain,
    HandedOver,
    LoggedOut,
}

impl World {
    /// A session in this state, of the user with id 1 if it is anybody's; 2 where it changed hands.
    async fn session_in(&self, state: State) -> (SessionId, Option<UserId>) {
        let (mut session, _) = stored(&self.sessions::<Shop>()).await;
        let logins: &[u64] = match state {
            State::Anonymous => &[],
            State::LoggedIn | State::LoggedOut => &[1],
            State::LoggedInAgain => &[1, 1],
            State::HandedOver => &[1, 2],
        };
        for user in logins {
            session.login(Member::new(*user)).await.expect("logs in");
        }
        if state == State::LoggedOut {
            session.logout().await.expect("logs out");
        }
        let user = match state {
            State::Anonymous | State::LoggedOut => None,
            State::LoggedIn | State::LoggedInAgain => Some(user(1)),
            State::HandedOver => Some(user(2)),
        };
        (session.id(), user)
    }

    async fn clear(&self, at_most: usize) -> More {
        self.store.clear(at_most).await.expect("the store works")
    }

    async fn is_member(&self, user: &UserId, session: SessionId) -> bool {
        self.members(user, 100).await.iter().any(|(id, _)| *id == session)
    }
}

fn user(id: u64) -> UserId {
    UserId::new(id).expect("an id")
}

pub(crate) async fn u2_delete_is_guarded(world: World) {
    for state in STATES {
        // Once by somebody to whose clock the session is over: that is no reason to spare it.
        for age in [minutes(0), minutes(30)] {
            for nth in 0..6 {
                let (id, owner) = world.session_in(state).await;
                world.clock.advance(age);
                let epoch = world.header(id).await.login_epoch();
                let (only, permitted) = match nth {
                    0 => (Owned::Anyones, true),
                    1 => (Owned::OfUser(user(1)), owner == Some(user(1))),
                    2 => (Owned::OfUser(user(2)), owner == Some(user(2))),
                    3 => (Owned::OfLogin(epoch), true),
                    4 => (Owned::OfLogin(epoch + 1), false),
                    _ => (Owned::OfLogin(epoch.checked_sub(1).unwrap_or(epoch + 2)), false),
                };
                let which = format!("{state:?}, {only:?}, after {age:?}");
                if permitted {
                    assert_deletes(&world, id, &only, &which).await;
                } else {
                    assert_spares(&world, id, &only, &which).await;
                }
                if let Some(owner) = owner.filter(|_| permitted || age.is_zero()) {
                    assert_eq!(world.is_member(&owner, id).await, !permitted, "{which}: the index");
                }
            }
        }
    }
    let unknown = SessionId::from_bytes([7; 16]);
    for only in [Owned::Anyones, Owned::OfUser(user(1)), Owned::OfLogin(0)] {
        assert_eq!(world.delete(unknown, only).await, Deleted::Missing);
    }
}

async fn assert_deletes(world: &World, id: SessionId, only: &Owned, which: &str) {
    assert_eq!(world.delete(id, only.clone()).await, Deleted::Yes, "{which}");
    assert!(world.record(id).await.is_none(), "{which}: it is still there");
    assert_eq!(world.delete(id, only.clone()).await, Deleted::Missing, "{which}");
}

async fn assert_spares(world: &World, id: SessionId, only: &Owned, which: &str) {
    let before = world.record(id).await.expect("stored");
    assert_eq!(world.delete(id, only.clone()).await, Deleted::Superseded, "{which}");
    world.assert_unchanged(id, &before).await;
}

pub(crate) async fn u2_clear_ends_everybody_in_steps(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut ids = Vec::new();
    for n in 0..40 {
        let session = if n % 2 == 0 {
            stored(&sessions).await.0
        } else {
            logged_in(&sessions, n % 4).await.0
        };
        ids.push(session.id());
    }
    assert_eq!(world.clear(2).await, More::Yes, "about two at a time");
    let mut left = 0;
    for id in &ids {
        left += usize::from(world.record(*id).await.is_some());
    }
    assert!(left > 0, "about two at a time");
    // Whoever comes in between may be ended or not, but is not lost.
    let (late, _) = logged_in(&sessions, 1).await;
    while world.clear(2).await == More::Yes {}
    for id in &ids {
        assert!(world.record(*id).await.is_none(), "a session was left out");
    }
    let lives = world.record(late.id()).await.is_some();
    assert_eq!(world.is_member(&user(1), late.id()).await, lives, "an index was cleared");
    while world.clear(2).await == More::Yes {}
    let (after, _) = logged_in(&sessions, 3).await;
    let members = |members: Vec<(SessionId, _)>| members.into_iter().map(|(id, _)| id);
    assert!(members(world.members(&user(3), 100).await).eq([after.id()]));
    assert!(members(world.members(&user(1), 100).await).all(|id| id == late.id() && lives));
}

pub(crate) async fn u2_revoke_everybody(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut tokens = Vec::new();
    for user in 0..30 {
        tokens.push(logged_in(&sessions, user % 7).await.1);
        tokens.push(stored(&sessions).await.1);
    }
    let mut in_flight = open(&sessions, &tokens[0]).await;
    sessions.revoke_everybody().await.expect("revokes");
    for token in &tokens {
        assert!(is_refused(&sessions, token).await, "a session outlived everybody's end");
    }
    for user in 0..7 {
        assert_eq!(sessions.user(&user).count().await.expect("counts"), 0);
    }
    assert_eq!(kind(in_flight.login(Member::new(1)).await), ErrorKind::Gone);
    sessions.revoke_everybody().await.expect("there is nobody left");
    let (_, token) = logged_in(&sessions, 1).await;
    open(&sessions, &token).await;
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 1);
}

pub(crate) async fn u2_revoke_is_only_for_the_users_own(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut theirs, _) = logged_in(&sessions, 1).await;
    let (mine, my_token) = logged_in(&sessions, 2).await;
    let (anonymous, anonymous_token) = stored(&sessions).await;
    // It was theirs until now.
    let (mut mine_now, _) = logged_in(&sessions, 1).await;
    mine_now.login(Member::new(2)).await.expect("logs in");
    theirs.login(Member::new(1)).await.expect("logs in again");

    let they = sessions.user(&1);
    for id in [mine.id(), anonymous.id(), mine_now.id(), SessionId::from_bytes([7; 16])] {
        assert!(!they.revoke(id).await.expect("the store works"), "another's session ended");
    }
    open(&sessions, &my_token).await;
    open(&sessions, &anonymous_token).await;
    open(&sessions, &fresh(&mine_now)).await;
    assert!(they.revoke(theirs.id()).await.expect("the store works"), "their own");
    assert!(is_refused(&sessions, &fresh(&theirs)).await);
    assert!(!they.revoke(theirs.id()).await.expect("the store works"), "it is there no more");
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 2);
}

pub(crate) async fn u2_revoke_all_ends_nobody_elses(world: World) {
    let sessions = world.sessions::<Shop>();
    let (between, interleave) = world.interleaved();
    let user = between.sessions::<Shop>().user(&1);
    for call in [Call::SessionsOf, Call::Delete] {
        let (mut a, _) = logged_in(&sessions, 1).await;
        let (mut b, _) = logged_in(&sessions, 1).await;
        let (ids, tokens) = ([a.id(), b.id()], Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&tokens);
        let change_hands = async move {
            a.login(Member::new(2)).await.expect("another user logs in");
            b.logout().await.expect("logs out");
            let fresh = [fresh(&a), fresh(&b)];
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend(fresh);
        };
        if call == Call::SessionsOf {
            interleave.after_next(call, change_hands);
        } else {
            interleave.before_next(call, change_hands);
        }
        assert_eq!(user.revoke_all().await.expect("revokes"), 0, "they are nobody's or another's");
        let tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert_eq!(open(&sessions, &tokens[0]).await.member, Some(Member::new(2)), "{call:?}");
        assert_eq!(open(&sessions, &tokens[1]).await.member, None, "{call:?}");

        // The same user again: it is theirs all the same, and has to go.
        let (mut again, _) = logged_in(&sessions, 1).await;
        let id = again.id();
        let login_again =
            async move { again.login(Member::new(1)).await.expect("the same user again") };
        interleave.before_next(Call::Delete, login_again);
        assert_eq!(user.revoke_except(ids[0]).await.expect("revokes"), 1);
        assert!(world.record(id).await.is_none(), "a session of the user was spared");
    }
}

/// Two sessions of user 1, one of which cannot be read, and the token of the other.
async fn one_cannot_be_read(
    sessions: &Sessions<Shop>,
    faulty: &Faulty,
) -> (SessionId, SessionId, String) {
    let (unreadable, _) = logged_in(sessions, 1).await;
    let (readable, token) = logged_in(sessions, 1).await;
    faulty.set_for(unreadable.id(), Fault::Unreadable);
    (unreadable.id(), readable.id(), token)
}

pub(crate) async fn u5_what_cannot_be_read_can_still_be_ended(world: World) {
    let (behind, faulty) = world.faulty();
    let sessions = behind.sessions::<Shop>();
    let user = sessions.user(&1);
    let (unreadable, readable, token) = one_cannot_be_read(&sessions, &faulty).await;
    user.list().await.expect("one that cannot be read keeps nobody from the others");
    assert_eq!(user.revoke_except(readable).await.expect("revokes"), 1);
    assert!(world.record(unreadable).await.is_none(), "it was passed over");
    open(&sessions, &token).await;

    let (unreadable, readable, _) = one_cannot_be_read(&sessions, &faulty).await;
    assert_eq!(user.revoke_all().await.expect("revokes"), 3);
    assert!(world.record(unreadable).await.is_none() && world.record(readable).await.is_none());

    let (unreadable, ..) = one_cannot_be_read(&sessions, &faulty).await;
    assert!(user.revoke(unreadable).await.expect("the store works"));
    let (unreadable, ..) = one_cannot_be_read(&sessions, &faulty).await;
    assert!(sessions.revoke(unreadable).await.expect("the store works"));
    assert!(world.record(unreadable).await.is_none());
}

pub(crate) async fn w6_destroy_does_not_end_a_newer_login(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = logged_in(&sessions, 1).await;
    let mut before_login = open(&sessions, &token).await;
    session.login(Member::new(1)).await.expect("logs in anew");
    assert_eq!(kind(before_login.destroy().await), ErrorKind::Superseded);
    assert!(!before_login.is_ended(), "the session goes on");
    let mut before_logout = open(&sessions, &fresh(&session)).await;
    session.cart.push("tea".into());
    session.logout().await.expect("logs out");
    assert_eq!(kind(before_logout.destroy().await), ErrorKind::Superseded);
    assert_eq!(open(&sessions, &fresh(&session)).await.cart, ["tea"]);

    let (between, interleave) = world.interleaved();
    let mut late = open(&between.sessions::<Shop>(), &fresh(&session)).await;
    let id = session.id();
    let login = async move { session.login(Member::new(2)).await.expect("logs in") };
    interleave.before_next(Call::Delete, login);
    assert_eq!(kind(late.destroy().await), ErrorKind::Superseded);
    assert_eq!(world.header(id).await.user(), Some(&user(2)), "a newer login was ended");

    // A renewal is no other login.
    let (mut session, token) = stored(&sessions).await;
    let mut in_flight = open(&sessions, &token).await;
    session.renew().await.expect("renews");
    in_flight.destroy().await.expect("ends");
    assert!(is_refused(&sessions, &fresh(&session)).await);
}

pub(crate) async fn w6_open_checked_does_not_end_a_newer_login(world: World) {
    let sessions = world.sessions::<Shop>();
    let (between, interleave) = world.interleaved();
    let tagged = |tag: &'static str| (Member::new(1), Login::new().auth_tag(tag));
    for between_check_and_end in [false, true] {
        for anew in [true, false] {
            let mut session = sessions.start();
            let (member, login) = tagged("old hash");
            session.login_with(member, login).await.expect("logs in");
            session.set(Shop::CART, vec!["tea".into()]).await.expect("sets");
            let (id, token) = (session.id(), fresh(&session));
            let change = Box::pin(async move {
                if anew {
                    let (member, login) = tagged("new hash");
                    session.login_with(member, login).await.expect("logs in anew");
                } else {
                    session.logout().await.expect("logs out");
                }
            });
            let current = if between_check_and_end {
                interleave.before_next(Call::Delete, change);
                None
            } else {
                Some(change)
            };
            let ask = move |_: u64| async move {
                if let Some(change) = current {
                    change.await;
                }
                Ok::<_, typed_sessions::Error>("new hash")
            };
            let opened = between.sessions::<Shop>().open_checked(&token, ask).await;
            assert!(opened.expect("no error").is_none(), "its token is dead by now");
            let record = world.record(id).await.expect("a newer login was ended");
            assert_eq!(record.header.user().is_some(), anew);
            assert!(record.fields.get("cart").is_some_and(|cart| cart.as_str() == "[\"tea\"]"));
        }
    }
}

pub(crate) async fn r4_reuse_does_not_end_a_newer_login(world: World) {
    let revoking = |world: &World| world.builder::<Shop>().on_reuse(Reuse::Revoke).build();
    let sessions = revoking(&world).expect("consistent");
    let (between, interleave) = world.interleaved();
    let late = revoking(&between).expect("consistent");
    let (_, old) = stored(&sessions).await;
    world.clock.advance(minutes(10));
    let new = fresh(&open(&sessions, &old).await);
    let mut session = open(&sessions, &new).await;
    world.clock.advance(minutes(2));
    let id = session.id();
    let login = async move { session.login(Member::new(1)).await.expect("logs in") };
    interleave.before_next(Call::Delete, login);
    assert!(is_refused(&late, &old).await, "it is reused");
    assert_eq!(world.header(id).await.user(), Some(&user(1)), "a newer login was ended");
}

pub(crate) async fn t4_revoke_token_checks_the_secret(world: World) {
    let (counted, counting) = world.counted();
    let sessions = counted.sessions::<Shop>();
    let (session, token) = logged_in(&sessions, 1).await;
    let (_, other) = logged_in(&sessions, 1).await;
    counting.take();
    for malformed in ["", "x", &token[..token.len() - 1]] {
        assert!(!sessions.revoke_token(malformed).await.expect("no error"));
    }
    assert_eq!(counting.cost(), "nothing", "the store heard of a malformed token");
    assert!(!sessions.revoke_token(&sessions.start().token().expose()).await.expect("unknown"));

    let before = world.record(session.id()).await.expect("stored");
    let forged = super::tokens::with_secret_of(&token, &other);
    assert!(!sessions.revoke_token(&forged).await.expect("no error"), "a wrong secret");
    world.assert_unchanged(session.id(), &before).await;
    assert!(sessions.revoke_token(&token).await.expect("no error"), "it has ended");
    assert!(!sessions.revoke_token(&token).await.expect("no error"), "it is there no more");
    assert!(is_refused(&sessions, &token).await);
    open(&sessions, &other).await;

    // A token that a login has replaced ends nothing.
    let (mut session, old) = stored(&sessions).await;
    session.login(Member::new(2)).await.expect("logs in");
    assert!(!sessions.revoke_token(&old).await.expect("no error"));
    open(&sessions, &fresh(&session)).await;
    let (between, interleave) = world.interleaved();
    let (token, id) = (fresh(&session), session.id());
    let login = async move { session.login(Member::new(3)).await.expect("logs in") };
    interleave.before_next(Call::Delete, login);
    let revoked = between.sessions::<Shop>().revoke_token(&token).await.expect("no error");
    assert!(!revoked, "a newer login was ended");
    assert_eq!(world.header(id).await.user(), Some(&user(3)));

    // A session whose fields no longer decode.
    let (mut session, token) = stored(&sessions).await;
    session.extend_raw([("theme", "7")]).await.expect("to this struct it means nothing");
    let prefs = counted.sessions::<crate::world::Prefs>();
    assert_eq!(kind(prefs.open(&token).await), ErrorKind::Decode);
    counting.take();
    assert!(prefs.revoke_token(&token).await.expect("it reads no fields"));
    assert_eq!(counting.cost(), "1 delete, 1 headers");
    assert!(world.record(session.id()).await.is_none());
}
