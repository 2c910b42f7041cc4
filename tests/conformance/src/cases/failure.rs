//! F: an unreachable store or unreadable data is an error, never a fresh session.

use std::collections::BTreeMap;
use std::future::Future;

use serde_json::json;
use typed_sessions::store::{Change, Edit, Key, Save, Text};
use typed_sessions::{Error, ErrorKind, Session, SessionData, Sessions};

use crate::faulty::Fault;
use crate::world::{Member, Prefs, Shop, World, kind, logged_in, open, stored};

pub(crate) async fn f1_unreachable_store_is_an_error(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    faulty.set(Fault::Unreachable);
    assert_eq!(kind(sessions.open(&token).await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.peek(&token).await), ErrorKind::Unavailable);
    assert_eq!(
        kind(sessions.open_or_start(Some(&token)).await),
        ErrorKind::Unavailable,
        "a fresh session instead"
    );
    assert_eq!(kind(session.reload().await), ErrorKind::Unavailable);
    session.visits = 9;
    assert_eq!(kind(session.save().await), ErrorKind::Unavailable);
    assert_eq!(kind(session.set(Shop::LANGUAGE, "de".into()).await), ErrorKind::Unavailable);
    assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::Unavailable);
    assert_eq!(kind(session.destroy().await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.user(&1).list().await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.user(&1).revoke_all().await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.user(&1).count().await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.user(&1).revoke(session.id()).await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.user(&1).sync(&Member::new(1)).await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.revoke_token(&token).await), ErrorKind::Unavailable);
    assert_eq!(kind(sessions.revoke_everybody().await), ErrorKind::Unavailable);
    let error = sessions.revoke(session.id()).await.expect_err("unreachable");
    assert!(error.is_transient());
    assert_eq!(session.language, "en", "a failed operation leaves the struct as it was");
    assert_eq!(session.member, None);

    faulty.set(Fault::None);
    session.save().await.expect("what was not saved is saved later");
    assert_eq!(open(&sessions, &token).await.visits, 9);
    session.destroy().await.expect("and ending it works as well");
}

pub(crate) async fn f1_lost_answer_to_destroy_still_ends_it(world: World) {
    let (world, faulty) = world.faulty();
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    faulty.set(Fault::AnswersLost);
    assert_eq!(
        kind(session.destroy().await),
        ErrorKind::Unavailable,
        "it is not known to have ended"
    );
    faulty.set(Fault::None);
    session.destroy().await.expect("a second try");
    assert!(sessions.open(&token).await.expect("no error").is_none());
}

#[derive(Debug, SessionData)]
struct Lenient {
    #[session(key = "lang", or_default)]
    language: u32,
    #[session(or_default, default = 7)]
    visits: u8,
    #[session(or_default)]
    otp: Option<bool>,
    cart: Vec<String>,
}

/// Writes texts under keys as another program might, past the core.
async fn scribble(world: &World, session: &Session<Shop>, texts: &[(&str, &str)]) {
    let header = world.header(session.id()).await;
    let set = texts.iter().map(|(key, text)| (Key::new(key), Text::from_stored(text))).collect();
    let edit = Edit { set, remove: Vec::new() };
    let save = Save { edit, ..Save::of(&header, world.now()) };
    world.store.apply(&session.id(), &Change::Save(save)).await.expect("the store works");
}

pub(crate) async fn f2_unreadable_value_names_its_key(world: World) {
    let sessions = world.sessions::<Shop>();
    for garbage in [
        "",
        "nonsense",
        "{",
        "5",
        "[1]",
        "\"unterminated",
        "@",
        "@5",
        "@x \"a\"",
        "@-1 \"a\"",
        "\0",
        "null",
    ] {
        let (session, token) = stored(&sessions).await;
        scribble(&world, &session, &[("lang", garbage)]).await;
        let before = world.record(session.id()).await.expect("stored");
        let error = sessions.open(&token).await.expect_err("unreadable");
        assert_eq!(error.kind(), ErrorKind::Decode, "{garbage:?}");
        assert!(error.to_string().contains("`lang`"), "{error}");
        assert_eq!(
            kind(sessions.open_or_start(Some(&token)).await),
            ErrorKind::Decode,
            "a fresh session instead"
        );
        let after = world.record(session.id()).await.expect("stored");
        assert_eq!(before.fields, after.fields, "an unreadable value was overwritten");
    }
}

pub(crate) async fn f2_unreadable_value_survives_other_writes(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    scribble(&world, &session, &[("lang", "{garbage")]).await;
    session.cart.push("tea".into());
    session.save().await.expect("other fields can be saved");
    session.update(Shop::VISITS, |n| *n += 1).await.expect("and updated");
    assert_eq!(kind(session.update(Shop::LANGUAGE, String::clear).await), ErrorKind::Decode);
    assert_eq!(kind(session.take(Shop::LANGUAGE).await), ErrorKind::Decode);
    assert_eq!(kind(session.get(Shop::LANGUAGE).await), ErrorKind::Decode);
    let prefs = world.sessions::<Prefs>();
    open(&prefs, &token)
        .await
        .set(Prefs::THEME, "dark".into())
        .await
        .expect("other structs are not concerned");
    let stored = world.record(session.id()).await.expect("stored").fields;
    assert_eq!(stored.get("lang").map(Text::as_str), Some("{garbage"));
    assert_eq!(stored.get("cart").map(Text::as_str), Some(json!(["tea"]).to_string().as_str()));

    session.set(Shop::LANGUAGE, "de".into()).await.expect("a deliberate write mends it");
    assert_eq!(open(&sessions, &token).await.language, "de");
}

pub(crate) async fn f2_the_advice_fits_the_field(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = logged_in(&sessions, 1).await;
    let says = |error: Error, word: &str, not: &str| {
        assert_eq!(error.kind(), ErrorKind::Decode);
        let message = error.to_string();
        assert!(message.contains(word) && !message.contains(not), "{message}");
    };
    scribble(&world, &session, &[("lang", "5")]).await;
    let error = sessions.open(&token).await.expect_err("unreadable");
    says(error, "`#[session(or_default)]` would", "revoke_token");

    scribble(&world, &session, &[("lang", "\"en\""), ("member", r#"{"id":1}"#)]).await;
    let error = sessions.open(&token).await.expect_err("unreadable");
    says(error, "`Sessions::revoke_token`", "or_default");
    // As it says: `sync` writes the user anew, and whoever cannot be read can be signed out.
    sessions.user(&1).sync(&Member::new(1)).await.expect("syncs");
    assert_eq!(open(&sessions, &token).await.member, Some(Member::new(1)));
    scribble(&world, &session, &[("member", "5")]).await;
    assert!(sessions.revoke_token(&token).await.expect("revokes"));

    let lenient: Sessions<Lenient> = world.sessions();
    let (session, token) = stored(&sessions).await;
    scribble(&world, &session, &[("visits", "300")]).await;
    let mut opened = open(&lenient, &token).await;
    let error = opened.take(Lenient::VISITS).await.expect_err("there is nothing to hand out");
    says(error, "`remove`", "or_default");
    assert!(opened.remove(Lenient::VISITS).await.expect("as it says"));

    // What is wrong with it: not all that JSON's reader objects to is no JSON.
    let deep = format!(r#"{{"1":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (text, problem) in [
        (deep.as_str(), "nested deeper than 127"),
        (r#"{"x":1}"#, "valid JSON but not of type"),
        ("{", "not valid JSON"),
    ] {
        let (session, token) = stored(&sessions).await;
        scribble(&world, &session, &[("counts", text)]).await;
        let error = world.sessions::<Counts>().open(&token).await.expect_err("unreadable");
        says(error, problem, "revoke_token");
    }
}

#[derive(Debug, SessionData)]
struct Counts {
    counts: BTreeMap<u32, serde_json::Value>,
}

pub(crate) async fn f2_or_default_reads_garbage_as_the_default(world: World) {
    let shop = world.sessions::<Shop>();
    let sessions: Sessions<Lenient> = world.sessions();
    let (session, token) = stored(&shop).await;
    scribble(&world, &session, &[("visits", "300"), ("otp", "@9999999999999999 \"x\"")]).await;
    let mut opened = open(&sessions, &token).await;
    assert_eq!((opened.language, opened.visits, opened.otp), (0, 7, None));
    opened.cart.push("tea".into());
    opened.save().await.expect("saves");
    let raw = opened.raw();
    assert_eq!(
        (raw["lang"].as_str(), raw["visits"].as_str()),
        ("\"en\"", "300"),
        "what was not changed stays"
    );
}

/// Lets this happen in a runtime that ends with it.
async fn elsewhere<T: Send + 'static, F: Future<Output = T>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> T {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work())
    };
    tokio::task::spawn_blocking(work).await.expect("it went well elsewhere, too")
}

/// As every `#[tokio::test]` has a runtime of its own, and some servers one for each core.
pub(crate) async fn f5_any_number_of_runtimes(world: World) {
    let sessions = world.sessions::<Shop>();
    let first = sessions.clone();
    // Whoever uses the store first need not stay.
    let token = elsewhere(move || async move { stored(&first).await.1 }).await;
    let work = async |sessions: Sessions<Shop>, token: String, user: u64| {
        // A write comes first: it is not sent again, as a read may be.
        let mut own = sessions.start();
        own.login(Member::new(user)).await.expect("logs in");
        let mut session = open(&sessions, &token).await;
        session.update(Shop::VISITS, |visits| *visits += 1).await.expect("updates");
        assert_eq!(sessions.user(&user).revoke_all().await.expect("revokes"), 1);
    };
    let before = open(&sessions, &token).await.visits;
    for user in 1..=6 {
        let (sessions, token) = (sessions.clone(), token.clone());
        elsewhere(move || work(sessions, token, user)).await;
    }
    let mut rounds = Vec::new();
    for user in 7..=10 {
        let (sessions, token) = (sessions.clone(), token.clone());
        // Each ends while others are at work.
        rounds.push(tokio::spawn(async move {
            for _ in 0..5 {
                let (sessions, token) = (sessions.clone(), token.clone());
                elsewhere(move || work(sessions, token, user)).await;
            }
        }));
    }
    for round in rounds {
        round.await.expect("all went well");
    }
    assert_eq!(open(&sessions, &token).await.visits, before + 26);
}
