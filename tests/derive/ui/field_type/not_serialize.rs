use typed_sessions::SessionData;

struct Money(u32);

#[derive(SessionData)]
struct Shop {
    #[session(default = Money(0))]
    sum: Money,
    last: Option<Money>,
}

fn main() {}
