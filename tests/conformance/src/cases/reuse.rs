//! R4, R5, R7: tokens that have had their time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use typed_sessions::store::Header;
use typed_sessions::{ErrorKind, Reuse, Sessions, minutes};

use crate::world::{
    Member, Shop, World, fresh, is_refused, just_under, kind, logged_in, open, stored,
};

const BOTH: [Reuse; 2] = [Reuse::Reject, Reuse::Revoke];

impl World {
    fn on_reuse(&self, reuse: Reuse) -> Sessions<Shop> {
        self.builder().on_reuse(reuse).build().expect("consistent")
    }
}

/// The next secret of a session, after it was renewed at open and then used.
async fn renewed_and_used(world: &World, sessions: &Sessions<Shop>, token: &str) -> String {
    world.clock.advance(minutes(10));
    let next = fresh(&open(sessions, token).await);
    open(sessions, &next).await;
    next
}

pub(crate) async fn r4_an_older_secret_of_the_login_is_reused(world: World) {
    for reuse in BOTH {
        let sessions = world.on_reuse(reuse);
        for older in 0..3 {
            let (_, first) = logged_in(&sessions, 1).await;
            let mut tokens = vec![first];
            for _ in 0..4 {
                let last = tokens.last().expect("one at least");
                tokens.push(renewed_and_used(&world, &sessions, last).await);
            }
            world.clock.advance(minutes(5));
            let current = tokens.last().expect("one at least");
            let peeked = sessions.peek(&tokens[older]).await.expect("no error");
            assert!(peeked.is_none(), "{reuse:?}");
            open(&sessions, current).await;
            assert!(is_refused(&sessions, &tokens[older]).await, "{reuse:?}");
            assert_eq!(
                is_refused(&sessions, current).await,
                reuse == Reuse::Revoke,
                "{reuse:?}: a secret that was replaced {} times came back",
                4 - older
            );
        }
    }
}

pub(crate) async fn r4_a_secret_from_before_a_login_is_a_wrong_one(world: World) {
    let sessions = world.on_reuse(Reuse::Revoke);
    let (_, anonymous) = stored(&sessions).await;
    let renewed = renewed_and_used(&world, &sessions, &anonymous).await;
    let mut session = open(&sessions, &renewed).await;
    session.login(Member::new(1)).await.expect("logs in");
    let first_login = fresh(&session);
    let second = renewed_and_used(&world, &sessions, &first_login).await;
    let mut session = open(&sessions, &second).await;
    for before in [&anonymous, &renewed] {
        world.clock.advance(minutes(5));
        assert!(is_refused(&sessions, before).await);
        open(&sessions, &second).await;
    }
    session.logout().await.expect("logs out");
    let logged_out = fresh(&session);
    for before in [&anonymous, &renewed, &first_login, &second] {
        world.clock.advance(minutes(2));
        assert!(is_refused(&sessions, before).await);
        open(&sessions, &logged_out).await;
    }
    session.login(Member::new(1)).await.expect("the same user again");
    world.clock.advance(minutes(5));
    for before in [&first_login, &second, &logged_out] {
        assert!(is_refused(&sessions, before).await);
    }
    open(&sessions, &fresh(&session)).await;
}

pub(crate) async fn r4_late_requests_after_a_renew_are_no_reuse(world: World) {
    let sessions = world.on_reuse(Reuse::Revoke);
    for proof in [false, true] {
        let (_, older) = logged_in(&sessions, 1).await;
        let old = renewed_and_used(&world, &sessions, &older).await;
        let mut session = open(&sessions, &old).await;
        if proof {
            session.reauthenticate().await.expect("proves it again");
        } else {
            session.renew().await.expect("renews");
        }
        let new = fresh(&session);
        for _ in 0..2 {
            assert!(is_refused(&sessions, &old).await, "the old token is dead at once");
            assert!(is_refused(&sessions, &older).await);
            open(&sessions, &new).await;
            world.clock.advance(just_under(minutes(1)));
        }
        // Within the grace they may have been on their way; now they were not.
        world.clock.advance(minutes(1));
        open(&sessions, &new).await;
        assert!(is_refused(&sessions, &old).await);
        assert!(is_refused(&sessions, &new).await, "it came back long after it was replaced");
    }
}

pub(crate) async fn r5_login_and_logout_do_not_exchange_a_dead_token(world: World) {
    let sessions = world.sessions::<Shop>();
    for proof in [false, true] {
        let (mut owner, stolen) = logged_in(&sessions, 1).await;
        let mut thief = open(&sessions, &stolen).await;
        let mut handles = [open(&sessions, &stolen).await, open(&sessions, &stolen).await];
        if proof {
            owner.reauthenticate().await.expect("proves it again");
        } else {
            owner.renew().await.expect("renews");
        }
        let [login, logout] = &mut handles;
        assert_eq!(kind(login.login(Member::new(1)).await), ErrorKind::Superseded);
        assert_eq!(kind(login.login(Member::new(2)).await), ErrorKind::Superseded);
        assert_eq!(kind(logout.logout().await), ErrorKind::Superseded);
        thief.set(Shop::VISITS, 5).await.expect("a write in flight is no exchange");
        assert_eq!(kind(thief.login(Member::new(1)).await), ErrorKind::Superseded, "nor after it");
        thief.reload().await.expect("reads");
        assert_eq!(kind(thief.login(Member::new(1)).await), ErrorKind::Superseded, "nor after it");
        assert_eq!(kind(thief.logout().await), ErrorKind::Superseded);
        assert_eq!(kind(thief.renew().await), ErrorKind::Superseded);
        for handle in [&thief, login, logout] {
            assert!(is_refused(&sessions, &handle.token().expose()).await, "a live token");
        }
        let opened = open(&sessions, &fresh(&owner)).await;
        assert_eq!((opened.member.as_ref(), opened.visits), (Some(&Member::new(1)), 5));
    }
}

pub(crate) async fn r5_a_dead_token_has_no_recent_proof(world: World) {
    let sessions = world.sessions::<Shop>();
    let (_, stolen) = logged_in(&sessions, 1).await;
    world.clock.advance(minutes(6));
    let mut owner = open(&sessions, &stolen).await;
    let mut thief = open(&sessions, &stolen).await;
    let mut updater = open(&sessions, &stolen).await;
    assert!(!thief.authenticated_within(minutes(5)));
    owner.reauthenticate().await.expect("proves it again");
    assert!(owner.authenticated_within(minutes(5)));
    assert!(!thief.authenticated_within(minutes(5)));
    thief.reload().await.expect("reads");
    assert!(!thief.authenticated_within(minutes(5)), "it profits from the owner's proof");
    thief.touch().await.expect("touches");
    assert!(!thief.authenticated_within(minutes(5)));
    updater.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    updater.get(Shop::VISITS).await.expect("reads");
    updater.transact(|shop| shop.visits += 1).await.expect("transacts");
    assert!(!updater.authenticated_within(minutes(5)));
    assert!(open(&sessions, &fresh(&owner)).await.authenticated_within(minutes(5)));

    // A handle that was opened while the proof was recent, by a token that has been replaced.
    let mut late = open(&sessions, &fresh(&owner)).await;
    owner.renew().await.expect("renews");
    late.reload().await.expect("reads");
    assert!(!late.authenticated_within(minutes(5)), "a dead token proves nothing");
    assert!(open(&sessions, &fresh(&owner)).await.authenticated_within(minutes(5)));
}

/// Secrets that can be computed from one of before, with what is stored.
fn successors(header: &Header, token: &str) -> Vec<[u8; 16]> {
    let secret = &URL_SAFE_NO_PAD.decode(token).expect("base64url")[16..32];
    let text = header.to_text();
    let words = text.split('"').filter_map(|word| URL_SAFE_NO_PAD.decode(word).ok());
    words
        .map(|seed| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&seed).expect("a key of any length");
            mac.update(secret);
            let mut successor = [0; 16];
            successor.copy_from_slice(&mac.finalize().into_bytes()[..16]);
            successor
        })
        .collect()
}

pub(crate) async fn r7_the_seed_goes_with_its_use(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, old) = stored(&sessions).await;
    world.clock.advance(minutes(10));
    let new = fresh(&open(&sessions, &old).await);
    let current = URL_SAFE_NO_PAD.decode(&new).expect("base64url")[16..32].to_vec();
    let reveals = |header: &Header| successors(header, &old).iter().any(|it| it[..] == current[..]);
    assert!(
        reveals(&world.header(session.id()).await),
        "it is what hands the new secret out again"
    );
    open(&sessions, &new).await;
    world.clock.advance(minutes(2));
    open(&sessions, &new).await;
    assert!(
        !reveals(&world.header(session.id()).await),
        "an old token and what is stored give the current secret"
    );
    assert!(is_refused(&sessions, &old).await);
    open(&sessions, &new).await;
}
