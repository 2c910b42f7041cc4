use typed_sessions::SessionData;

#[derive(serde::Serialize, serde::Deserialize)]
struct Member;

impl typed_sessions::SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        7
    }
}

#[derive(SessionData)]
struct Shop {
    #[session(skip, key = "a", alias = "b", ttl = "5m", until_logout, or_default)]
    cache: Option<u8>,
    #[session(user, skip)]
    member: Option<Member>,
    #[session(skip, default = 3)]
    fine: u8,
}

fn main() {}
