use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namespace = "shop")]
struct Shop {
    cart: Vec<String>,
    #[session(alias = "cart")]
    basket: Vec<String>,
    #[session(alias = "old", alias = "old", alias = "bag")]
    bag: Vec<String>,
}

fn main() {}
