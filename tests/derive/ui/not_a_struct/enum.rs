use typed_sessions::{SessionData, Sessions};

#[derive(SessionData)]
enum Shop {
    #[session(key = "open")]
    Open,
    Closed,
}

fn main() {
    let _ = Sessions::<Shop>::new(typed_sessions::MemoryStore::new());
}
