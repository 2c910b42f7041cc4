use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namespace = 'a', crate = "typed_sessions")]
struct Shop {
    #[session(key = 1, alias = b"visits")]
    visits: u32,
    #[session(ttl = 300, key = some::path)]
    code: Option<String>,
    #[session(key("cart"), default(Vec::new()))]
    cart: Vec<String>,
}

fn main() {}
