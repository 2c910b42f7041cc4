use typed_sessions::{SessionData, Sessions};

#[derive(SessionData)]
struct Shop;

fn main() {
    let _ = Sessions::<Shop>::new(typed_sessions::MemoryStore::new());
}
