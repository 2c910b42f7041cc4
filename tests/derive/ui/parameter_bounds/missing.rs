use typed_sessions::{SessionData, Sessions};

struct Money(u32);

#[derive(SessionData)]
struct Page<T> {
    items: Vec<T>,
}

fn main() {
    let _ = Sessions::<Page<Money>>::new(typed_sessions::MemoryStore::new());
}
