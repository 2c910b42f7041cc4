use typed_sessions::{SessionData, Sessions};

#[derive(SessionData)]
struct Shop(Vec<String>, #[session(user)] Option<String>);

fn main() {
    let _ = Sessions::<Shop>::new(typed_sessions::MemoryStore::new());
}
