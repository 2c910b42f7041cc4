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
    #[session(user)]
    member: Option<Member>,
    #[session(user)]
    admin: Option<Member>,
}

fn main() {}
