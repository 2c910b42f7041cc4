use typed_sessions::SessionData;

#[derive(SessionData)]
struct Shop {
    #[session(default = "en")]
    language: String,
    #[session(skip, default = 1.5)]
    cache: u8,
}

fn main() {}
