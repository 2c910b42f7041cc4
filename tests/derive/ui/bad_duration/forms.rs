use typed_sessions::SessionData;

#[derive(SessionData)]
struct Shop {
    #[session(ttl = "")]
    empty: Option<u8>,
    #[session(ttl = "300")]
    without_unit: Option<u8>,
    #[session(ttl = "5 minutes")]
    words: Option<u8>,
    #[session(ttl = "30m1h")]
    order: Option<u8>,
    #[session(ttl = "0s")]
    zero: Option<u8>,
    #[session(ttl = "99999999999999999999d")]
    endless: Option<u8>,
}

fn main() {}
