//! "Where am I signed in?", on the console: `cargo run --example devices`.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use typed_sessions::{
    Clock, Device, ErrorKind, Login, ManualClock, MemoryStore, Overflow, Result, SessionData,
    SessionId, SessionUser, Sessions, days, minutes,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    id: u64,
    name: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Debug, SessionData)]
struct Account {
    #[session(user)]
    member: Option<Member>,
    cart: Vec<String>,
    #[session(until_logout)]
    delivery_address: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let clock = ManualClock::default();
    let sessions = Sessions::<Account>::builder(MemoryStore::new())
        .max_sessions_per_user(3, Overflow::EvictOldest)
        .clock(clock.clone())
        .build()?;
    let ada = Member { id: 7, name: "Ada".into() };

    println!("Ada signs in on three devices, one after the other.");
    let mut tokens = Vec::new();
    for (label, address) in
        [("Firefox on Linux", 1), ("Safari on iPhone", 2), ("Chrome on Windows", 3)]
    {
        let device = Device::new(label).ip(Ipv4Addr::new(192, 0, 2, address));
        let mut session = sessions.start();
        session.cart.push(format!("put in before signing in with {label}"));
        session
            .login_with(
                ada.clone(),
                Login::new().device(device).remember(days(30)).auth_tag("old password"),
            )
            .await?;
        tokens.push(session.token().expose());
        clock.advance(minutes(5));
    }
    let [laptop, phone, desktop] = tokens.try_into().expect("three devices");
    let here = sessions.open(&laptop).await?.expect("signed in");
    show(&sessions, &clock, here.id()).await?;

    println!("\nA fourth device: the one used longest ago has to go.");
    let mut tablet = sessions.start();
    tablet
        .login_with(
            ada.clone(),
            Login::new().device(Device::new("Tablet")).auth_tag("old password"),
        )
        .await?;
    show(&sessions, &clock, here.id()).await?;
    println!("the phone's token opens a session: {}", sessions.open(&phone).await?.is_some());

    println!("\nAda kicks the desktop out. A request of it is in flight.");
    let mut in_flight = sessions.open(&desktop).await?.expect("signed in");
    // Only if it is hers: the id comes from her browser.
    println!(
        "it was hers:                       {}",
        sessions.user(&7).revoke(in_flight.id()).await?
    );
    in_flight.delivery_address = Some("1 Main Street".into());
    let outcome = in_flight.save().await.map_err(|error| error.kind());
    println!("its save: {outcome:?}, and the session stays gone");
    assert_eq!(outcome, Err(ErrorKind::Gone));

    println!("\nShe changes her name on the laptop; the tablet hears of it.");
    let renamed = Member { name: "Ada Lovelace".into(), ..ada };
    println!("written into {} sessions", sessions.user(&7).sync(&renamed).await?);
    let mut tablet = sessions.open(tablet.token().expose()).await?.expect("signed in");
    println!("on the tablet: {:?}", tablet.member.as_ref().map(|member| &member.name));

    println!("\nShe changes her password: a fresh proof first, then every other device is out.");
    let mut here = sessions.open(&laptop).await?.expect("signed in");
    println!("proved who she is within 5 minutes: {}", here.authenticated_within(minutes(5)));
    here.reauthenticate().await?;
    println!("after asking for the password:      {}", here.authenticated_within(minutes(5)));
    here.set_auth_tag("new password").await?;
    let password_of = |_id: u64| async { Ok::<_, typed_sessions::Error>("new password") };
    let laptop = here.token().expose();
    println!("laptop: {}", verdict(sessions.open_checked(&laptop, password_of).await?.is_some()));
    println!(
        "tablet: {}",
        verdict(sessions.open_checked(tablet.token().expose(), password_of).await?.is_some())
    );
    show(&sessions, &clock, here.id()).await?;

    println!("\nShe signs out on the laptop: the cart stays, what lasts until logout does not.");
    let mut here = sessions.open(&laptop).await?.expect("signed in");
    here.logout().await?;
    println!("member {:?}, cart {:?}", here.member, here.cart);
    show(&sessions, &clock, here.id()).await?;
    tablet.destroy().await
}

fn verdict(open: bool) -> &'static str {
    if open { "still signed in" } else { "signed out" }
}

async fn show(sessions: &Sessions<Account>, clock: &ManualClock, here: SessionId) -> Result<()> {
    let list = sessions.user(&7).seen_from(here).list().await?;
    println!("{} session(s):", list.len());
    for info in list {
        let device = info.device();
        println!(
            "  {:<20} {:<12} last seen {:>2} min ago, ends in {:>2} days{}",
            device.map_or("unknown", |device| &device.label),
            device.and_then(|device| device.ip).map_or_else(String::new, |ip| ip.to_string()),
            clock.now().since(info.last_seen()).as_secs() / 60,
            info.expires().since(clock.now()).as_secs() / (24 * 60 * 60),
            if info.is_current() { "   <- this device" } else { "" },
        );
    }
    Ok(())
}
