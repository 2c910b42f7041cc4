use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(key = "shop")]
struct Shop {
    #[session(namespace = "cart", crate = typed_sessions)]
    cart: Vec<String>,
}

fn main() {}
