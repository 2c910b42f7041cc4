use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namespace = "a", namespace = "b")]
struct Shop {
    #[session(key = "a", key = "b")]
    cart: Vec<String>,
    #[session(or_default)]
    #[session(or_default)]
    visits: u32,
}

fn main() {}
