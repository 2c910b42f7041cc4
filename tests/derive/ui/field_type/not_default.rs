use typed_sessions::SessionData;

#[derive(serde::Serialize, serde::Deserialize)]
enum Theme {
    Dark,
    Light,
}

#[derive(SessionData)]
struct Shop {
    theme: Theme,
    #[session(skip)]
    cache: Theme,
}

fn main() {}
