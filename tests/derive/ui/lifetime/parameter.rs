use typed_sessions::{SessionData, Sessions};

#[derive(SessionData)]
struct Shop<'a, T: 'a> {
    name: &'a str,
    names: Vec<&'a T>,
    visits: u32,
}

fn main() {
    let mut session = Sessions::<Shop<'_, u8>>::new(typed_sessions::MemoryStore::new()).start();
    session.visits += 1;
    drop(session.get(Shop::VISITS));
}
