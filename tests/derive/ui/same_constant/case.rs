use typed_sessions::SessionData;

#[allow(non_snake_case)]
#[derive(SessionData)]
struct Shop {
    cart: Vec<String>,
    Cart: Vec<String>,
    #[session(key = "sum")]
    r#CART: u32,
}

fn main() {
    let _ = Shop::CART;
}
