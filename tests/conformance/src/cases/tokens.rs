//! T: what the client holds.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tracing::Level;
use typed_sessions::{Reuse, SessionData, Token, minutes};

use crate::log::told;
use crate::world::{Member, Shop, World, is_refused, logged_in, open, stored};

/// What a token is made of: 16 bytes of id, 16 of secret, 8 that tell the secrets of one login.
fn bytes(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token).expect("base64url")
}

/// A token of these parts.
fn forge(id: &[u8], secret: &[u8], tag: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([id, secret, tag].concat())
}

/// A token with the id of one and all else of another.
pub(super) fn with_secret_of(id: &str, secret: &str) -> String {
    forge(&bytes(id)[..16], &bytes(secret)[16..32], &bytes(secret)[32..])
}

pub(crate) async fn t1_tokens_are_canonical_and_never_repeat(world: World) {
    let sessions = world.sessions::<Shop>();
    let mut tokens = HashSet::new();
    let mut ids = HashSet::new();
    for _ in 0..1000 {
        let session = sessions.start();
        let text = session.token().expose();
        assert_eq!(text.len(), 54, "40 bytes of unpadded base64url");
        let parsed = Token::parse(&text).expect("a token parses");
        assert_eq!(parsed.expose(), text, "one text for each token");
        assert_eq!(parsed.id(), session.id());
        assert!(tokens.insert(text) && ids.insert(session.id()), "no token and no id comes twice");
    }
}

pub(crate) async fn t1_malformed_tokens_never_reach_the_store(world: World) {
    let (_, token) = stored(&world.sessions()).await;
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    let mut loose = token.clone();
    loose.pop();
    // The last of 54 characters carries four bits that belong to no byte: they must be zero.
    loose.push('B');
    let malformed = [
        String::new(),
        " ".to_owned(),
        token[..53].to_owned(),
        // Without the last 8 bytes.
        token[..43].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {}", &token[1..]),
        loose,
        "ä".repeat(27),
        "\0".repeat(54),
        "+".repeat(54),
        "A".repeat(10 << 20),
    ];
    for text in &malformed {
        let shown: String = text.chars().take(50).collect();
        assert!(is_refused(&sessions, text).await, "{shown:?} opened a session");
        assert!(
            sessions.peek(text).await.expect("no error").is_none(),
            "{shown:?} could be peeked at"
        );
        assert!(
            !sessions.open_or_start(Some(text)).await.expect("no error").is_stored(),
            "{shown:?} opened a session"
        );
    }
    assert_eq!(counting.cost(), "nothing", "the store heard of a malformed token");
}

pub(crate) async fn t2_what_is_stored_is_no_credential(world: World) {
    let sessions = world.sessions::<Shop>();
    let (session, token) = stored(&sessions).await;
    world.clock.advance(minutes(10));
    let renewed = open(&sessions, &token).await.fresh_token().expect("a renewal is due").expose();

    let record = world.record(session.id()).await.expect("stored");
    let header = record.header.to_text();
    for token in [&token, &renewed] {
        let secret = &bytes(token)[16..32];
        assert!(!header.contains(&URL_SAFE_NO_PAD.encode(secret)), "the header contains a secret");
        assert!(!header.contains(&token[22..43]), "the header contains a token's tail");
    }
    // Every run of 16 bytes that the header reveals, tried as the secret, with every tag that may
    // be the right one.
    let words: Vec<Vec<u8>> = header
        .split('"')
        .filter_map(|word| URL_SAFE_NO_PAD.decode(word).ok())
        .filter(|word| word.len() >= 16)
        .collect();
    assert!(words.len() > 3, "hashes, seeds and keys are base64url");
    for word in &words {
        let tags = [&bytes(&token)[32..], &bytes(&renewed)[32..], &word[..8], &[0; 8]];
        for secret in word.windows(16) {
            for tag in tags {
                let forged = forge(session.id().as_bytes(), secret, tag);
                assert!(is_refused(&sessions, &forged).await, "what is stored opens the session");
            }
        }
    }
    open(&sessions, &renewed).await;
}

pub(crate) async fn t3_unknown_id_is_not_adopted(world: World) {
    let sessions = world.sessions::<Shop>();
    let unknown = sessions.start().token();
    assert!(is_refused(&sessions, &unknown.expose()).await);
    let mut session =
        sessions.open_or_start(Some(&unknown.expose())).await.expect("starts one instead");
    assert_ne!(session.id(), unknown.id(), "a client's id was adopted");
    session.save().await.expect("saves");
    assert!(world.record(unknown.id()).await.is_none(), "an unknown id came into being");
}

pub(crate) async fn t3_loading_creates_and_writes_nothing(world: World) {
    let (session, token) = stored(&world.sessions()).await;
    let before = world.header(session.id()).await.to_text();
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Shop>();
    for _ in 0..3 {
        open(&sessions, &token).await;
        sessions.peek(&token).await.expect("no error").expect("a session");
        assert!(is_refused(&sessions, &sessions.start().token().expose()).await);
    }
    assert_eq!(counting.cost(), "9 load");
    assert_eq!(world.header(session.id()).await.to_text(), before);
}

pub(crate) async fn t4_wrong_secret_is_refused_and_changes_nothing(world: World) {
    // Where reuse ends a session, a forged token must not pass as a reused one.
    let sessions = world.builder::<Shop>().on_reuse(Reuse::Revoke).build().expect("consistent");
    let (session, token) = logged_in(&sessions, 7).await;
    let before = world.header(session.id()).await.to_text();
    world.clock.advance(minutes(20));
    let mine = bytes(&token);
    for _ in 0..20 {
        let other = bytes(&sessions.start().token().expose());
        let secret_and_tag = forge(&mine[..16], &other[16..32], &other[32..]);
        let secret = forge(&mine[..16], &other[16..32], &mine[32..]);
        let tag = forge(&mine[..16], &mine[16..32], &other[32..]);
        for forged in [secret_and_tag, secret, tag] {
            assert!(is_refused(&sessions, &forged).await, "a wrong secret opened the session");
        }
    }
    assert_eq!(
        world.header(session.id()).await.to_text(),
        before,
        "a wrong secret changed the session"
    );
    open(&sessions, &token).await;
}

#[derive(Debug, SessionData)]
struct Vault {
    #[session(user)]
    member: Option<Member>,
    note: String,
    number: u32,
}

#[derive(Debug, SessionData)]
struct WrongVault {
    note: u32,
}

/// A value that must show up nowhere.
const PRIVATE: &str = "hunter2-correct-horse";

pub(crate) async fn t5_nothing_secret_is_shown(world: World) {
    // A thread with nothing else on it, whose log this is.
    let told = tokio::task::spawn_blocking(|| told(Level::TRACE, tell_everything(world)));
    let (log, (shown, secrets)) = told.await.expect("the thread ends");
    assert!(
        log.contains("logged in") && log.contains("secret renewed"),
        "the log was not captured: {log}"
    );
    for secret in secrets {
        assert!(!log.contains(&secret), "the log contains {secret:?}");
        for text in &shown {
            assert!(!text.contains(&secret), "{secret:?} is shown in {text}");
        }
    }
}

/// Everything that can be printed, and what must not be in it.
async fn tell_everything(world: World) -> (Vec<String>, Vec<String>) {
    let sessions = world.sessions::<Vault>();
    let mut secrets = vec![PRIVATE.to_owned()];
    let mut shown = Vec::new();
    let mut session = sessions.start();
    session.note.push_str(PRIVATE);
    session.number = 1;
    secrets.push(session.token().expose());
    session.save().await.expect("saves");
    session.login(Member { id: 1, name: PRIVATE.to_owned() }).await.expect("logs in");
    let token = session.token().expose();
    world.clock.advance(minutes(10));
    let renewed = open(&sessions, &token).await;
    secrets.extend([token.clone(), renewed.token().expose()]);

    let record = world.record(session.id()).await.expect("stored");
    let info = session.info();
    shown.push(format!(
        "{session:?} {renewed:?} {sessions:?} {record:?} {info:?} {:?}",
        world.store
    ));
    shown.push(format!("{:?} {} {:?}", session.token(), session.token(), sessions.user(&1)));
    let wrong = world.sessions::<WrongVault>();
    let unreadable = wrong.open(renewed.token().expose()).await.expect_err("a text is no number");
    shown.push(format!("{unreadable} {unreadable:?} {:?}", std::error::Error::source(&unreadable)));
    let small = world.builder::<Vault>().max_value_bytes(4).build().expect("consistent");
    let mut small = open(&small, &renewed.token().expose()).await;
    small.note.push_str(PRIVATE);
    let too_large = small.save().await.expect_err("too large");
    shown.push(format!("{too_large} {too_large:?}"));
    session.logout().await.expect("logs out");
    session.destroy().await.expect("ends");
    let gone = session.save().await.expect_err("gone");
    shown.push(format!("{gone} {gone:?} {session:?}"));
    // The secret, as part of a token and by itself.
    let tokens: Vec<String> = secrets.iter().filter(|secret| secret.len() == 54).cloned().collect();
    for token in tokens {
        secrets.extend([token[22..42].to_owned(), URL_SAFE_NO_PAD.encode(&bytes(&token)[16..32])]);
    }
    (shown, secrets)
}
