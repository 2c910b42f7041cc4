use typed_sessions::SessionData;

#[derive(SessionData)]
struct Shop {
    cart: Vec<String>,
    #[session(key = "cart")]
    basket: Vec<String>,
    #[session(key = "cart")]
    bag: Vec<String>,
    #[session(key = "visits")]
    count: u32,
    visits: u32,
}

fn main() {}
