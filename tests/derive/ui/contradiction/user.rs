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
    #[session(user, ttl = "5m", default = None, until_logout, or_default, key = "fine", alias = "too")]
    member: Option<Member>,
}

fn main() {}
