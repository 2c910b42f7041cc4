use typed_sessions::SessionData;

#[derive(SessionData)]
struct Shop {
    #[session(ttl = "5m")]
    code: String,
    #[session(ttl = "5m", default = 3)]
    tries: std::num::Wrapping<u8>,
}

fn main() {}
