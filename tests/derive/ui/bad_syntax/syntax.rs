use typed_sessions::SessionData;

#[derive(SessionData)]
#[session = "shop"]
struct Shop {
    #[session]
    alone: u8,
    #[session("key")]
    string: u8,
    #[session(key: "lang")]
    colon: u8,
    #[session(key = "lang" skip)]
    no_comma: u8,
    #[session(default = 1 +)]
    half: u8,
    #[session(my::key = "lang")]
    path: u8,
    #[session(, skip)]
    comma: u8,
}

fn main() {}
