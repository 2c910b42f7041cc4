use typed_sessions::SessionData;

#[derive(SessionData)]
struct Shop {
    name: &'static str,
    nick: Option<&'static str>,
    #[session(skip, default = "not stored")]
    label: &'static str,
}

fn main() {}
