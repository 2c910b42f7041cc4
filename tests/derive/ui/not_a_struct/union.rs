use typed_sessions::{SessionData, Sessions};

#[derive(SessionData)]
union Shop {
    visits: u32,
    bits: f32,
}

fn main() {
    let _ = Sessions::<Shop>::new(typed_sessions::MemoryStore::new());
}
