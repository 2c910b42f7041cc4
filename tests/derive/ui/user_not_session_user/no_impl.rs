use typed_sessions::SessionData;

#[derive(serde::Serialize, serde::Deserialize)]
struct Member;

#[derive(SessionData)]
struct Shop {
    #[session(user)]
    member: Option<Member>,
}

fn main() {}
