use typed_sessions::SessionData;

#[derive(SessionData)]
#[session(namspace = "shop", crates = typed_sessions)]
struct Shop {
    #[session(keys = "lang", defualt = "en".to_owned())]
    language: String,
    #[session(tll = "5m", utnil_logout, or_defaults)]
    code: Option<String>,
    #[session(usr)]
    member: Option<String>,
}

fn main() {}
