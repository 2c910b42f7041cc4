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
    #[session(user = true)]
    member: Option<Member>,
    #[session(skip = "yes")]
    cache: u8,
    #[session(or_default(true), until_logout =)]
    visits: u32,
}

fn main() {}
