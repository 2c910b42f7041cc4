use typed_sessions::{SessionData, Sessions};

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
    member: Member,
}

fn main() {
    let sessions = Sessions::<Shop>::new(typed_sessions::MemoryStore::new());
    drop(sessions.start().login(Member));
}
