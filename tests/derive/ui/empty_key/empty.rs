use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namespace = "")]
struct Shop {
    #[session(key = "")]
    cart: Vec<String>,
    #[session(alias = "")]
    visits: u32,
}

fn main() {}
