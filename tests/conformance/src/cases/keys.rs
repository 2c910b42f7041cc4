//! W5: keys that a struct does not know, older keys, raw texts.

use typed_sessions::{ErrorKind, Field, Session, SessionData, minutes};

use crate::world::{Member, Prefs, Shop, World, fresh, kind, open, stored};

pub(crate) async fn w5_unknown_keys_stay(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    session.extend_raw([("from.the.future", r#"{"a":[1,2.50]}"#)]).await.expect("writes");
    let mut opened = open(&sessions, &token).await;
    opened.cart.push("tea".into());
    opened.save().await.expect("saves");
    opened.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    opened.transact(|shop| shop.language = "de".into()).await.expect("transacts");
    opened.remove(Shop::LANGUAGE).await.expect("removes");
    opened.login(Member::new(5)).await.expect("logs in");
    opened.logout().await.expect("logs out");
    let raw = open(&sessions, &opened.token().expose()).await.raw();
    assert_eq!(raw.get("from.the.future").map(String::as_str), Some(r#"{"a":[1,2.50]}"#));
}

pub(crate) async fn w5_raw_fields_are_written_at_once(world: World) {
    let (world, counting) = world.counted();
    let builder = world.builder::<Shop>().max_value_bytes(100).max_session_bytes(200);
    let sessions = builder.build().expect("consistent");
    let mut session = sessions.start();
    session.cart.push("tea".into());
    let long = format!("\"{}\"", "x".repeat(95));
    for (fields, problem) in [
        (vec![("a", long.as_str()), ("b", long.as_str())], ErrorKind::TooLarge),
        (vec![("a", "1"), ("visits", "\"many\"")], ErrorKind::Decode),
        (vec![("a", "1"), ("b", "no json")], ErrorKind::Invalid),
        (vec![("a", "1"), ("", "1")], ErrorKind::Invalid),
        (vec![("a", "1"), ("$header", "1")], ErrorKind::Invalid),
        (vec![("a", "1"), ("member", "null")], ErrorKind::Invalid),
    ] {
        assert_eq!(kind(session.extend_raw(fields).await), problem);
    }
    assert_eq!(counting.cost(), "nothing", "half of it was written");
    session
        .extend_raw([("visits", "3"), ("a", "1"), ("otp", "\"1\""), ("a", "2")])
        .await
        .expect("writes");
    assert_eq!(counting.cost(), "1 apply", "the new session and the fields in one call");
    assert_eq!((session.visits, session.otp.as_deref(), session.cart.len()), (3, Some("1"), 1));
    let opened = open(&sessions, &session.token().expose()).await;
    assert_eq!(
        (opened.visits, opened.cart.len(), opened.raw()["a"].as_str()),
        (3, 1, "2"),
        "the last text counts"
    );
    world.clock.advance(minutes(5));
    assert_eq!(
        open(&sessions, &session.token().expose()).await.otp,
        None,
        "fields with a ttl get it"
    );
}

#[derive(Debug, SessionData)]
struct Older {
    locale: Option<String>,
    tongue: Option<String>,
}

#[derive(Debug, SessionData)]
struct Newer {
    #[session(alias = "locale", alias = "tongue")]
    language: Option<String>,
    visits: u32,
}

pub(crate) async fn w5_older_key_moves_with_the_next_write(world: World) {
    let (older, newer) = (world.sessions::<Older>(), world.sessions::<Newer>());
    let keys = |session: &Session<Newer>| session.raw().into_keys().collect::<Vec<_>>();
    let mut session = older.start();
    session.locale = Some("de".into());
    session.tongue = Some("fr".into());
    session.save().await.expect("saves");
    let token = session.token().expose();

    let mut opened = open(&newer, &token).await;
    assert_eq!(opened.language.as_deref(), Some("de"), "the first alias that is there");
    opened.visits = 1;
    opened.save().await.expect("saves");
    assert_eq!(
        keys(&open(&newer, &token).await),
        ["locale", "tongue", "visits"],
        "what did not change stays"
    );
    opened
        .update(Newer::LANGUAGE, |language| *language = Some("en".into()))
        .await
        .expect("updates");
    let mut opened = open(&newer, &token).await;
    assert_eq!(
        (keys(&opened), opened.language.as_deref()),
        (vec!["language".into(), "visits".into()], Some("en"))
    );

    session.set(Older::TONGUE, Some("it".into())).await.expect("an older program writes");
    assert!(opened.remove(Newer::LANGUAGE).await.expect("removes"));
    assert_eq!(
        open(&newer, &token).await.language,
        None,
        "a removed field came back under an older key"
    );
    session.set(Older::LOCALE, Some("es".into())).await.expect("an older program writes");
    assert_eq!(opened.take(Newer::LANGUAGE).await.expect("takes").as_deref(), Some("es"));
    assert_eq!(keys(&open(&newer, &token).await), ["visits"]);
}

/// Before.
#[derive(Debug, SessionData)]
struct Before {
    #[session(user)]
    member: Option<Member>,
    locale: String,
    visits: u32,
}

/// The first deployment: the old keys are written, the new ones are read.
#[derive(Debug, SessionData)]
struct First {
    #[session(user, key = "member", alias = "account")]
    account: Option<Member>,
    #[session(key = "locale", alias = "language")]
    language: String,
    visits: u32,
}

/// The second deployment: the new keys are written, the old ones are read.
#[derive(Debug, SessionData)]
struct Second {
    #[session(user, alias = "member")]
    account: Option<Member>,
    #[session(alias = "locale")]
    language: String,
    visits: u32,
}

/// A node of some deployment: its names for the same things.
trait Node: SessionData<User = Member> {
    const VISITS: Field<Self, u32>;
    fn language(&mut self) -> &mut String;
    fn user(&self) -> Option<&Member>;
}

macro_rules! node {
    ($($node:ident: $language:ident, $user:ident)*) => {$(
        impl Node for $node {
            const VISITS: Field<Self, u32> = $node::VISITS;

            fn language(&mut self) -> &mut String {
                &mut self.$language
            }

            fn user(&self) -> Option<&Member> {
                self.$user.as_ref()
            }
        }
    )*};
}

node! {
    Before: locale, member
    First: language, account
    Second: language, account
}

/// Requests that alternate between nodes of two deployments: each sees what the other has written,
/// and who is logged in.
async fn side_by_side<A: Node, B: Node>(world: &World, token: &mut String) {
    let (one, other) = (world.sessions::<A>(), world.sessions::<B>());
    for round in 0..3_u64 {
        let mut session = open(&one, token).await;
        *session.language() = round.to_string();
        session.save().await.expect("saves");
        let mut session = open(&other, token).await;
        assert_eq!(*session.language(), round.to_string(), "what one node wrote is lost");
        session.language().push('a');
        session.save().await.expect("saves");

        // Both at a time: a compare-and-swap notices the other node's key.
        let (mut session, mut late) = (open(&one, token).await, open(&other, token).await);
        assert_eq!(*session.language(), format!("{round}a"));
        session.update(A::VISITS, |visits| *visits += 1).await.expect("updates");
        session.language().push('b');
        session.save().await.expect("saves");
        late.transact(|data| data.language().push('c')).await.expect("transacts");
        assert_eq!(*late.language(), format!("{round}abc"));

        let mut session = open(&one, token).await;
        session.login(Member::new(round)).await.expect("logs in");
        *token = fresh(&session);
        let mut session = open(&other, token).await;
        assert_eq!(session.user(), Some(&Member::new(round)), "logged in as nobody");
        session.login(Member::new(round + 1)).await.expect("logs in");
        *token = fresh(&session);
        assert_eq!(open(&one, token).await.user(), Some(&Member::new(round + 1)));
        let renamed = Member { name: "renamed".into(), ..Member::new(round + 1) };
        other.user(&(round + 1)).sync(&renamed).await.expect("syncs");
        assert_eq!(open(&one, token).await.user(), Some(&renamed));
    }
}

/// The guide's way to rename a key while old and new nodes run side by side.
pub(crate) async fn w5_a_key_is_renamed_in_two_deployments(world: World) {
    let before = world.sessions::<Before>();
    let mut session = before.start();
    session.save().await.expect("saves");
    let mut token = session.token().expose();
    side_by_side::<Before, First>(&world, &mut token).await;
    side_by_side::<First, Second>(&world, &mut token).await;
    let session = open(&world.sessions::<Second>(), &token).await;
    let keys: Vec<_> = session.raw().into_keys().collect();
    assert_eq!(keys, ["account", "language", "visits"], "every key has moved");
    drop(session);

    // Why not in one: the node from before neither sees the new key nor is seen.
    let mut session = open(&before, &token).await;
    assert!(session.is_logged_in() && session.member.is_none() && session.locale.is_empty());
    session.set(Before::LOCALE, "lost".into()).await.expect("sets");
    assert_ne!(open(&world.sessions::<Second>(), &token).await.language, "lost");
}

pub(crate) async fn w5_views_leave_each_other_alone(world: World) {
    let sessions = world.sessions::<Shop>();
    let (mut session, token) = stored(&sessions).await;
    let mut prefs = session.view::<Prefs>().expect("reads");
    assert_eq!(prefs.theme, "light");
    prefs.theme = "dark".into();
    prefs.font_size = Some(12);
    session.cart.push("tea".into());
    prefs.save().await.expect("saves");
    session.save().await.expect("saves");
    let opened = open(&sessions, &token).await;
    let prefs = opened.view::<Prefs>().expect("reads");
    assert_eq!((opened.cart.len(), prefs.theme.as_str(), prefs.font_size), (1, "dark", Some(12)));
}
