use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namespace = "$shop")]
struct Shop {
    #[session(key = "$cart")]
    cart: Vec<String>,
    #[session(alias = "$visits")]
    visits: u32,
}

fn main() {}
