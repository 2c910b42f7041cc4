use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(transparent)]
struct Shop {
    #[session(rename = "lang", flatten)]
    language: String,
}

fn main() {}
