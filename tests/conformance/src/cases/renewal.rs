//! R: secrets renew themselves, and everyone who races gets the same new one.

use std::time::Duration;

use typed_sessions::{Clock, ErrorKind, Reuse, Sessions, minutes};

use crate::faulty::Fault;
use crate::interleave::Call;
use crate::world::{
    Member, ROUNDS, Shop, World, fresh, is_refused, just_under, kind, logged_in, open, race, stored,
};

const MILLI: Duration = Duration::from_millis(1);

/// A session whose secret was renewed just now: the old token and the new one, which nobody has
/// used yet.
async fn renewed(world: &World, sessions: &Sessions<Shop>) -> (String, String) {
    let (_, old) = stored(sessions).await;
    world.clock.advance(minutes(10));
    let new = fresh(&open(sessions, &old).await);
    assert_ne!(old, new);
    (old, new)
}

pub(crate) async fn r1_old_secret_is_renewed_at_open(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, old) = stored(&sessions).await;
    world.clock.advance(just_under(minutes(10)));
    assert!(open(&sessions, &old).await.fresh_token().is_none(), "not yet due");
    world.clock.advance(MILLI);
    let opened = open(&sessions, &old).await;
    let new = fresh(&opened);
    assert_ne!(new, old);
    assert_eq!(opened.id(), session.id(), "the id never changes");
    let again = open(&sessions, &new).await;
    assert!(again.fresh_token().is_none(), "whoever has the new one needs nothing");
    world.clock.advance(minutes(10));
    let third = fresh(&open(&sessions, &new).await);
    assert!(third != old && third != new);
    assert!(is_refused(&sessions, &old).await, "anything older has been used and replaced");
}

pub(crate) async fn r1_renewal_can_be_turned_off(world: World) {
    let sessions = world.builder::<Shop>().never_renew().build().expect("consistent");
    let (_, token) = stored(&sessions).await;
    for _ in 0..20 {
        world.clock.advance(minutes(20));
        assert!(open(&sessions, &token).await.fresh_token().is_none());
    }
}

pub(crate) async fn r2_all_who_race_get_the_same_successor(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS / 2 {
        let (_, old) = stored(&sessions).await;
        world.clock.advance(minutes(10));
        let tokens: Vec<String> = race((0..8).map(|_| {
            let (sessions, old) = (sessions.clone(), old.clone());
            async move { fresh(&open(&sessions, &old).await) }
        }))
        .await;
        assert!(
            tokens.iter().all(|token| *token == tokens[0]),
            "round {round}: several successors"
        );
        open(&sessions, &tokens[0]).await;
    }
}

pub(crate) async fn r3_previous_secret_works_within_the_grace(world: World) {
    let sessions = world.sessions::<Shop>();
    let (old, new) = renewed(&world, &sessions).await;
    open(&sessions, &new).await;
    world.clock.advance(just_under(minutes(2)));
    let late = open(&sessions, &old).await;
    assert_eq!(fresh(&late), new, "each such answer carries the successor again");
    let silent = sessions.peek(&old).await.expect("no error").expect("a session");
    assert_eq!(fresh(&silent), new);
    world.clock.advance(MILLI);
    assert!(is_refused(&sessions, &old).await, "the grace is over and the new one is in use");
    open(&sessions, &new).await;
}

pub(crate) async fn r4_lost_answer_does_not_sign_out(world: World) {
    let sessions = world.sessions::<Shop>();
    let (old, new) = renewed(&world, &sessions).await;
    for _ in 0..3 {
        world.clock.advance(minutes(25));
        assert_eq!(
            fresh(&open(&sessions, &old).await),
            new,
            "the successor was never presented: it is handed out again"
        );
    }
    let arrived = open(&sessions, &new).await;
    let next = fresh(&arrived);
    assert!(
        is_refused(&sessions, &old).await,
        "once the successor was presented, the old one is over"
    );
    open(&sessions, &next).await;
}

pub(crate) async fn r4_reuse_is_rejected(world: World) {
    let sessions = world.sessions::<Shop>();
    let (old, new) = renewed(&world, &sessions).await;
    open(&sessions, &new).await;
    world.clock.advance(minutes(2));
    for _ in 0..3 {
        assert!(is_refused(&sessions, &old).await);
        assert!(sessions.peek(&old).await.expect("no error").is_none());
    }
    open(&sessions, &new).await;
}

pub(crate) async fn r4_reuse_can_end_the_session(world: World) {
    let sessions = world.builder::<Shop>().on_reuse(Reuse::Revoke).build().expect("consistent");
    let (old, new) = renewed(&world, &sessions).await;
    open(&sessions, &new).await;
    open(&sessions, &old).await;
    world.clock.advance(minutes(2));
    assert!(sessions.peek(&old).await.expect("no error").is_none(), "a peek changes nothing");
    open(&sessions, &new).await;
    assert!(is_refused(&sessions, &old).await);
    assert!(is_refused(&sessions, &new).await, "the session ended for both");
}

pub(crate) async fn r5_privilege_change_leaves_no_grace(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, first) = stored(&sessions).await;
    session.renew().await.expect("renews");
    let second = fresh(&session);
    assert!(is_refused(&sessions, &first).await, "the old token outlived renew()");
    session.login(Member::new(1)).await.expect("logs in");
    let third = fresh(&session);
    assert!(is_refused(&sessions, &second).await, "the old token outlived the login");
    session.logout().await.expect("logs out");
    let fourth = fresh(&session);
    assert!(is_refused(&sessions, &third).await, "the old token outlived the logout");
    assert_eq!(open(&sessions, &fourth).await.id(), session.id());

    // Neither the secret before a renewal nor the one after it survives.
    world.clock.advance(minutes(10));
    let mut opened = open(&sessions, &fourth).await;
    let fifth = fresh(&opened);
    opened.renew().await.expect("renews");
    assert!(is_refused(&sessions, &fourth).await && is_refused(&sessions, &fifth).await);
    open(&sessions, &fresh(&opened)).await;
}

pub(crate) async fn r5_dead_token_cannot_be_exchanged(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut victim, stolen) = logged_in(&sessions, 1).await;
    let mut thief = open(&sessions, &stolen).await;
    victim.reauthenticate().await.expect("proves it again");
    assert!(is_refused(&sessions, &stolen).await);
    assert_eq!(kind(thief.renew().await), ErrorKind::Superseded, "a dead token became a live one");
    assert_eq!(kind(thief.reauthenticate().await), ErrorKind::Superseded);
    assert_eq!(kind(thief.set_auth_tag("mine").await), ErrorKind::Superseded);
    open(&sessions, &fresh(&victim)).await;
}

pub(crate) async fn r5_silent_session_keeps_its_secret(world: World) {
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let mut silent = sessions.peek(&token).await.expect("no error").expect("a session");
    assert_eq!(kind(silent.renew().await), ErrorKind::Invalid);
    assert_eq!(kind(silent.login(Member::new(1)).await), ErrorKind::Invalid);
    assert_eq!(kind(silent.logout().await), ErrorKind::Invalid);
    open(&sessions, &token).await;
}

pub(crate) async fn r6_renewal_changes_nothing_else(world: World) {
    let sessions = world.builder::<Shop>().touch_every(minutes(14)).build().expect("consistent");
    let (session, old) = logged_in(&sessions, 7).await;
    world.clock.advance(minutes(10));
    let before = world.record(session.id()).await.expect("stored");
    let opened = open(&sessions, &old).await;
    assert!(opened.fresh_token().is_some());
    let after = world.record(session.id()).await.expect("stored");
    assert_eq!(opened.id(), session.id());
    assert_eq!(before.fields, after.fields);
    assert_eq!(before.header.deadline(), after.header.deadline());
    assert_eq!(before.header.absolute_deadline(), after.header.absolute_deadline());
    assert_eq!(before.header.created(), after.header.created());
    assert_eq!(before.header.login_epoch(), after.header.login_epoch());
    assert_eq!(before.header.user(), after.header.user());
    let mine = sessions.user(&7).list().await.expect("lists");
    assert_eq!(
        mine.iter().map(typed_sessions::SessionInfo::id).collect::<Vec<_>>(),
        [session.id()]
    );
}

pub(crate) async fn r6_failing_upkeep_does_not_fail_the_request(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    let (_, old) = stored(&sessions).await;
    world.clock.advance(minutes(10));
    faulty.set(Fault::WritesFail);
    let opened = open(&sessions, &old).await;
    assert!(opened.fresh_token().is_none(), "a token that was not stored must not be handed out");
    faulty.set(Fault::AlwaysConflict);
    open(&sessions, &old).await;
    faulty.set(Fault::AnswersLost);
    open(&sessions, &old).await;
    faulty.set(Fault::None);
    // The renewal whose answer was lost was carried out: the client gets its result now.
    let new = fresh(&open(&sessions, &old).await);
    open(&sessions, &new).await;
}

pub(crate) async fn r6_stale_touch_does_not_undo_a_renewal(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut stale, old) = stored(&sessions).await;
    let mut other = open(&sessions, &old).await;
    world.clock.advance(minutes(10));
    let new = fresh(&open(&sessions, &old).await);
    stale.touch().await.expect("touches what is there now");
    open(&sessions, &new).await;
    other.renew().await.expect("renews what is there now");
    assert!(is_refused(&sessions, &new).await, "the renewal did not take place");
    stale.touch().await.expect("touches again");
    open(&sessions, &fresh(&other)).await;
}

pub(crate) async fn r6_open_looks_again_when_others_were_quicker(world: World) {
    let sessions = world.sessions::<Shop>();
    let (between, interleave) = world.interleaved();
    let late = between.sessions::<Shop>();

    let (_, old) = stored(&sessions).await;
    world.clock.advance(minutes(10));
    let (quicker, token) = (sessions.clone(), old.clone());
    interleave.before_next(Call::Apply, async move { drop(open(&quicker, &token).await) });
    let new = fresh(&open(&late, &old).await);
    open(&sessions, &new).await;

    world.clock.advance(minutes(10));
    let mut login = open(&sessions, &new).await;
    world.clock.advance(minutes(10));
    interleave.before_next(Call::Apply, async move {
        login.login(Member::new(1)).await.expect("logs in");
    });
    assert!(
        is_refused(&late, &new).await,
        "a login between load and renewal: the old token is dead"
    );

    let (mut ending, token) = stored(&sessions).await;
    world.clock.advance(minutes(1));
    interleave.before_next(Call::Apply, async move { ending.destroy().await.expect("ends") });
    assert!(is_refused(&late, &token).await, "a touch revived a destroyed session");
}

pub(crate) async fn r6_renewal_races_with_writes(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS / 2 {
        let (_, old) = stored(&sessions).await;
        world.clock.advance(minutes(10));
        let start = world.clock.now();
        let tokens: Vec<String> = race((0..4).map(|_| {
            let (sessions, old) = (sessions.clone(), old.clone());
            async move {
                let mut session = open(&sessions, &old).await;
                session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
                session.touch().await.expect("touches");
                fresh(&session)
            }
        }))
        .await;
        let opened = open(&sessions, &tokens[0]).await;
        assert_eq!(opened.visits, 5, "round {round}: an update was lost");
        assert_eq!(opened.info().last_seen(), start);
        assert!(
            tokens.iter().all(|token| *token == tokens[0]),
            "round {round}: a touch undid a renewal"
        );
    }
}
