use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namespace, crate)]
struct Shop {
    #[session(key)]
    cart: Vec<String>,
    #[session(key =, alias = , default =)]
    visits: u32,
    #[session(ttl, default)]
    code: Option<String>,
}

fn main() {}
