//! W3, W4: nothing is lost, and a value is handed out once.

use typed_sessions::store::Owned;
use typed_sessions::{ErrorKind, SessionData, minutes};

use crate::faulty::Fault;
use crate::interleave::Call;
use crate::world::{ROUNDS, Shop, World, kind, open, race, stored};

pub(crate) async fn w3_update_loses_nothing(world: World) {
    const TASKS: u32 = 64;
    const INCREMENTS: u32 = 50;
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    race((0..TASKS).map(|_| {
        let (sessions, token) = (sessions.clone(), token.clone());
        async move {
            let mut session = open(&sessions, &token).await;
            for _ in 0..INCREMENTS {
                session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
            }
        }
    }))
    .await;
    assert_eq!(open(&sessions, &token).await.visits, 1 + TASKS * INCREMENTS, "updates were lost");
}

#[derive(Debug, SessionData)]
struct Ledger {
    debit: i64,
    credit: i64,
    entries: Vec<u32>,
}

pub(crate) async fn w3_transact_loses_nothing(world: World) {
    let sessions = world.sessions::<Ledger>();
    let mut session = sessions.start();
    session.save().await.expect("creates");
    let token = session.token().expose();
    race((0..16_u32).map(|task| {
        let (sessions, token) = (sessions.clone(), token.clone());
        async move {
            let mut session = open(&sessions, &token).await;
            for round in 0..20 {
                let transfer = |ledger: &mut Ledger| {
                    ledger.debit -= 1;
                    ledger.credit += 1;
                    ledger.entries.push(task * 100 + round);
                    ledger.entries.len()
                };
                let entries = session.transact(transfer).await.expect("transacts");
                assert_eq!(session.entries.len(), entries, "the struct is what was written");
            }
        }
    }))
    .await;
    let mut ledger = open(&sessions, &token).await;
    assert_eq!((ledger.debit, ledger.credit), (-320, 320), "a transaction was lost");
    ledger.entries.sort_unstable();
    ledger.entries.dedup();
    assert_eq!(ledger.entries.len(), 320, "an entry was lost");
}

pub(crate) async fn w3_transact_has_no_write_skew(world: World) {
    let sessions = world.sessions::<Ledger>();
    let mut session = sessions.start();
    session.save().await.expect("creates");
    let token = session.token().expose();
    let (between, interleave) = world.interleaved();
    let mut late = open(&between.sessions::<Ledger>(), &token).await;
    interleave.before_next(Call::Apply, async move {
        session.transact(|ledger| ledger.credit = 1).await.expect("transacts");
    });
    let claim = |ledger: &mut Ledger| {
        if ledger.credit == 0 {
            ledger.debit = 1;
        }
    };
    late.transact(claim).await.expect("transacts");
    assert_eq!(
        (late.debit, late.credit),
        (0, 1),
        "decided on a field that somebody else has changed"
    );
    for round in 0..ROUNDS {
        let mut session = sessions.start();
        session.save().await.expect("creates");
        let token = session.token().expose();
        let claim = |which: fn(&mut Ledger) -> (&mut i64, i64)| {
            let (sessions, token) = (sessions.clone(), token.clone());
            async move {
                let mut session = open(&sessions, &token).await;
                let claim = |ledger: &mut Ledger| {
                    let (mine, theirs) = which(ledger);
                    if theirs == 0 {
                        *mine = 1;
                    }
                };
                session.transact(claim).await.expect("transacts");
            }
        };
        // Each reads the other's field and writes its own: both may claim only if neither saw the
        // other.
        race([
            claim(|ledger| (&mut ledger.debit, ledger.credit)),
            claim(|ledger| (&mut ledger.credit, ledger.debit)),
        ])
        .await;
        let ledger = open(&sessions, &token).await;
        assert_eq!(ledger.debit + ledger.credit, 1, "round {round}: write skew");
    }
}

pub(crate) async fn w3_transact_keeps_unsaved_changes(world: World) {
    let sessions = world.sessions::<Shop>();
    let (_, token) = stored(&sessions).await;
    let mut session = open(&sessions, &token).await;
    let mut other = open(&sessions, &token).await;
    other.set(Shop::VISITS, 10).await.expect("writes");
    session.language = "de".into();
    session.transact(|shop| shop.visits += 1).await.expect("transacts");
    assert_eq!((session.visits, session.language.as_str()), (11, "de"));
    let opened = open(&sessions, &token).await;
    assert_eq!((opened.visits, opened.language.as_str()), (11, "de"));
}

/// A field that came later than its sessions: each handle would have a random default of its own.
pub(crate) async fn w3_get_or_insert_gives_everybody_the_same(world: World) {
    let (counted, counting) = world.counted();
    let (shop, forms) = (world.sessions::<Shop>(), counted.sessions::<Forms>());
    let (_, token) = stored(&shop).await;
    let mut session = open(&forms, &token).await;
    let (mut stale, mut late) = (open(&forms, &token).await, open(&forms, &token).await);
    counting.take();
    session.draft = Some("unsaved".into());
    stale.csrf = Some("unsaved".into());
    assert_eq!(session.get_or_insert_with(Forms::CSRF, || "a".into()).await.expect("is made"), "a");
    assert_eq!(counting.cost(), "1 apply", "absent as far as it knows");
    assert_eq!(session.csrf.as_deref(), Some("a"));
    let again = session.get_or_insert_with(Forms::CSRF, || unreachable!("it is there"));
    assert_eq!(again.await.expect("reads"), "a");
    assert_eq!(counting.cost(), "nothing", "it knows it");
    let other = stale.get_or_insert_with(Forms::CSRF, || "b".into());
    assert_eq!(other.await.expect("reads"), "a", "another was quicker");
    assert_eq!(counting.cost(), "1 load, 1 apply", "refused, load");
    assert_eq!(stale.csrf.as_deref(), Some("a"), "an unsaved change of the field is dropped");
    stale.save().await.expect("there is nothing to save");
    assert_eq!(counting.cost(), "nothing");
    assert_eq!(open(&forms, &token).await.csrf.as_deref(), Some("a"));
    assert_eq!(open(&forms, &token).await.draft, None, "others stay unsaved");

    // What is removed is made anew, and what is past its ttl.
    late.set(Forms::CODE, Some(1)).await.expect("sets");
    late.remove(Forms::CSRF).await.expect("removes");
    let anew = late.get_or_insert_with(Forms::CSRF, || "c".into());
    assert_eq!(anew.await.expect("is made"), "c");
    world.clock.advance(minutes(5));
    assert_eq!(late.get_or_insert_with(Forms::CODE, || 2).await.expect("is made"), 2);
    assert_eq!(open(&forms, &token).await.code, Some(2));

    // A new session: what its struct has is what is stored.
    for (csrf, expected) in [(None, "d"), (Some("mine".to_owned()), "mine")] {
        let mut new = forms.start();
        new.csrf = csrf;
        new.draft = Some("saved along".into());
        counting.take();
        let made = new.get_or_insert_with(Forms::CSRF, || "d".into());
        assert_eq!(made.await.expect("stores it"), expected);
        assert_eq!(counting.cost(), "1 apply");
        let opened = open(&forms, &new.token().expose()).await;
        assert_eq!(opened.csrf.as_deref(), Some(expected));
        assert!(opened.draft.is_some());
    }

    let error = forms.start().get_or_insert_with(Forms::NUMBER, || f64::NAN).await;
    assert_eq!(kind(error), ErrorKind::Encode);
    world.delete(late.id(), Owned::Anyones).await;
    late.csrf = None;
    assert_eq!(kind(late.remove(Forms::CSRF).await), ErrorKind::Gone);
    let gone = late.get_or_insert_with(Forms::CSRF, || "e".into());
    assert_eq!(kind(gone.await), ErrorKind::Gone, "W1");

    for round in 0..ROUNDS / 4 {
        let (_, token) = stored(&shop).await;
        let made: Vec<String> = race((0..8).map(|task| {
            let (forms, token) = (world.sessions::<Forms>(), token.clone());
            async move {
                let mut session = open(&forms, &token).await;
                let made = session.get_or_insert_with(Forms::CSRF, || task.to_string());
                made.await.expect("is made or read")
            }
        }))
        .await;
        let stored = open(&forms, &token).await.csrf.clone().expect("it was stored");
        assert!(made.iter().all(|it| *it == stored), "round {round}: {made:?}, {stored}");
    }
}

#[derive(Debug, SessionData)]
struct Forms {
    csrf: Option<String>,
    draft: Option<String>,
    #[session(ttl = "5m")]
    code: Option<u32>,
    number: Option<f64>,
}

pub(crate) async fn w3_endless_conflicts_end(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    faulty.set(Fault::AlwaysConflict);
    let mut updated = open(&sessions, &token).await;
    let mut touched = open(&sessions, &token).await;
    let endless = futures::join!(
        updated.update(Shop::VISITS, |n| *n += 1),
        session.transact(|shop| shop.visits += 1),
        touched.touch(),
    );
    assert_eq!(
        (kind(endless.0), kind(endless.1), kind(endless.2)),
        (ErrorKind::Conflict, ErrorKind::Conflict, ErrorKind::Conflict)
    );
    assert_eq!((updated.visits, session.visits), (1, 1), "the struct is as it was");
    faulty.set(Fault::None);
    assert_eq!(open(&sessions, &token).await.visits, 1);
}

pub(crate) async fn w4_take_hands_a_value_out_once(world: World) {
    let sessions = world.sessions::<Shop>();
    for round in 0..ROUNDS {
        let (mut session, token) = stored(&sessions).await;
        session.set(Shop::OTP, Some("123456".into())).await.expect("writes");
        let taken: Vec<Option<String>> = race((0..8).map(|_| {
            let (sessions, token) = (sessions.clone(), token.clone());
            async move { open(&sessions, &token).await.take(Shop::OTP).await.expect("takes") }
        }))
        .await;
        let winners: Vec<&String> = taken.iter().flatten().collect();
        assert_eq!(winners, ["123456"], "round {round}: one of eight gets the value");
        assert_eq!(open(&sessions, &token).await.otp, None);
    }
}

pub(crate) async fn w4_a_stale_handle_takes_what_is_there_now(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    let mut stale = open(&sessions, &token).await;
    session.set(Shop::OTP, Some("1".into())).await.expect("writes");
    assert_eq!(
        stale.take(Shop::OTP).await.expect("takes"),
        Some("1".into()),
        "set since the handle was opened"
    );
    assert_eq!(
        session.take(Shop::OTP).await.expect("takes"),
        None,
        "taken since the handle wrote it"
    );

    session.set(Shop::OTP, Some("2".into())).await.expect("writes");
    let mut other = open(&sessions, &token).await;
    session.set(Shop::OTP, Some("3".into())).await.expect("writes");
    assert_eq!(
        other.take(Shop::OTP).await.expect("takes"),
        Some("3".into()),
        "changed since the handle was opened"
    );
    assert!(!session.remove(Shop::OTP).await.expect("removes"));
    session.set(Shop::OTP, Some("4".into())).await.expect("writes");
    world.clock.advance(minutes(5));
    assert_eq!(
        session.take(Shop::OTP).await.expect("takes"),
        None,
        "a value past its ttl is not handed out"
    );
}

pub(crate) async fn w4_remove_is_exact(world: World) {
    let sessions = world.sessions::<Shop>();
    for _ in 0..ROUNDS / 4 {
        let (mut session, token) = stored(&sessions).await;
        session.set(Shop::ADDRESS, Some("here".into())).await.expect("writes");
        let removed: Vec<bool> =
            race((0..4).map(|_| {
                let (sessions, token) = (sessions.clone(), token.clone());
                async move {
                    open(&sessions, &token).await.remove(Shop::ADDRESS).await.expect("removes")
                }
            }))
            .await;
        assert_eq!(
            removed.iter().filter(|was_there| **was_there).count(),
            1,
            "one of four removes it"
        );
        assert_eq!(session.get(Shop::ADDRESS).await.expect("reads"), None);
    }
}
