use typed_sessions::{MemoryStore, SessionData, Sessions};

#[derive(serde::Serialize, serde::Deserialize)]
struct Member {
    id: u64,
}

impl typed_sessions::SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(SessionData)]
#[session(namspace = "shop")]
struct Shop {
    #[session(user, ttl = "5m")]
    member: Option<Member>,
    #[session(key = "$cart", aliass = "basket")]
    cart: Vec<String>,
    #[session(key = "visits")]
    count: u32,
    #[session(until_logout, until_logout)]
    visits: u32,
    #[session(ttl = "5 minutes")]
    code: String,
    #[session(skip, or_default)]
    cache: u8,
    #[session(user)]
    admin: Member,
    fine: Option<u8>,
}

fn main() {
    // Nothing here is reported: the struct is still session data, with its constants and its user.
    let sessions = Sessions::<Shop>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.cart.push("tea".to_owned());
    drop(session.login(Member { id: 7 }));
    drop(session.get(Shop::CART));
    drop(session.set(Shop::CODE, "1234".to_owned()));
    drop(session.take(Shop::FINE));
    drop(session.update(Shop::VISITS, |visits| *visits += 1));
    drop(sessions.user(&7).revoke_all());
}
