//! Headers, texts and user ids from a store.

use typed_sessions::store::{Applied, Change, Create, Header, Text};
use typed_sessions::{
    Device, Error, ErrorKind, Login, ManualClock, MemoryStore, SessionData, SessionStore as _,
    SessionUser, Sessions, Token, UserId, days,
};

use crate::now;

/// A token that the seeds' headers admit: they have the hash of its secret, and the lineage key of
/// its mark.
const TOKEN: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8bx6f_qQi8iA";

#[derive(serde::Serialize, serde::Deserialize)]
struct Member {
    id: String,
}

impl SessionUser for Member {
    type Id = String;

    fn id(&self) -> String {
        self.id.clone()
    }
}

#[derive(SessionData)]
struct Account {
    #[session(user)]
    member: Option<Member>,
    visits: u32,
}

/// What reads as a header is written such that it reads again, and a session with this header can
/// be used in every way. Texts and user ids stay as they are.
///
/// # Panics
/// When that does not hold.
pub fn record(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert_eq!(Text::from_stored(&text).as_str(), text);
    match UserId::new(&text) {
        Ok(user) => assert_eq!(user.as_str(), text),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid),
    }
    match Header::from_text(&text) {
        Ok(header) => {
            let written = header.to_text();
            let again = Header::from_text(&written).expect("its own text");
            assert_eq!(again.to_text(), written);
            use_session(header);
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert!(error.to_string().contains("`$header`"), "the error names the key: {error}");
        }
    }
}

/// Puts a session with this header into a store and does what can be done to a header.
fn use_session(header: Header) {
    let clock = ManualClock::default();
    let store = MemoryStore::new();
    let sessions = Sessions::<Account>::builder(store.clone())
        .clock(clock.clone())
        .build()
        .expect("the defaults");
    let id = Token::parse(TOKEN).expect("a token").id();
    let user = header.user().map(UserId::as_str).map(str::to_owned);
    // As if stored long ago: a record past its deadline may be handed out, and is refused.
    let at = header.last_seen();
    let applied = now(store.apply(&id, &Change::Create(Create::new(header, at))));
    assert_eq!(applied.expect("the store works"), Applied::Applied);

    let Some(mut session) = now(sessions.open(TOKEN)).expect("a header is no reason to fail")
    else {
        return;
    };
    assert_eq!(session.user_id(), user);
    let _ = (session.info(), session.is_logged_in(), session.fresh_token(), session.max_age());
    let login = Login::new().device(Device::new("fuzzer")).remember(days(30));
    // Each may be refused; none may panic.
    let calls: [Result<(), Error>; 6] = [
        now(session.touch()),
        now(session.renew()),
        now(session.update(Account::VISITS, |visits| *visits += 1)),
        now(session.login_with(Member { id: "8".to_owned() }, login)),
        now(session.logout()),
        now(session.save()),
    ];
    for error in calls.into_iter().filter_map(Result::err) {
        // A header whose previous secret does not lead to its present one is `Superseded`.
        assert!(
            matches!(
                error.kind(),
                ErrorKind::Gone | ErrorKind::Superseded | ErrorKind::Invalid | ErrorKind::Store
            ),
            "{error:?}"
        );
    }
    let _ = now(session.destroy());
}
