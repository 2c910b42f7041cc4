//! The main job on the console: `cargo run --example quickstart`. No server, no waiting.

use serde::{Deserialize, Serialize};
use typed_sessions::{
    ErrorKind, ManualClock, MemoryStore, Result, Session, SessionData, SessionStore, SessionUser,
    Sessions, hours, minutes,
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

/// The session: each field is stored under its own key.
#[derive(Debug, SessionData)]
struct Shop {
    #[session(user)]
    member: Option<Member>,
    cart: Vec<String>,
    #[session(key = "lang", default = "en".to_owned())]
    language: String,
    visits: u32,
    #[session(ttl = "5m")]
    otp: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    tour(MemoryStore::new()).await
}

/// The same on every store.
pub(crate) async fn tour(store: impl SessionStore) -> Result<()> {
    // A fake clock, so that hours pass in no time. Leave it out and the system's is used.
    let clock = ManualClock::default();
    let sessions = Sessions::<Shop>::builder(store)
        .idle_timeout(minutes(30))
        .absolute_timeout(hours(12))
        .renew_every(minutes(10))
        .renew_grace(minutes(2))
        .clock(clock.clone())
        .build()?;

    title("A visitor comes");
    let mut session = sessions.start();
    println!("nothing is stored yet:     {}", !session.is_stored());
    session.cart.push("tea".into());
    session.save().await?;
    let token = session.fresh_token().expect("the first save makes a token").expose();
    println!("the client's cookie:       {}... ({} characters)", &token[..8], token.len());
    println!("what logs may show:        {}", session.token());
    show_stored(&session);

    title("The next request changes two fields");
    let mut session = open(&sessions, &token).await?;
    session.language = "de".into();
    session.visits += 1;
    session.save().await?;
    show_stored(&session);

    title("Two requests at once, on different fields");
    let mut one = open(&sessions, &token).await?;
    let mut two = open(&sessions, &token).await?;
    one.cart.push("cake".into());
    two.language = "fr".into();
    let (saved_one, saved_two) = tokio::join!(one.save(), two.save());
    saved_one.and(saved_two)?;
    let both = open(&sessions, &token).await?;
    println!("both survive:              cart {:?}, language {:?}", both.cart, both.language);

    title("64 requests at once, on the same field");
    let counters = (0..64).map(|_| {
        let (sessions, token) = (sessions.clone(), token.clone());
        tokio::spawn(async move {
            open(&sessions, &token).await?.update(Shop::VISITS, |n| *n += 1).await
        })
    });
    for counter in counters.collect::<Vec<_>>() {
        counter.await.expect("no panic")?;
    }
    println!("none is lost:              visits {}", open(&sessions, &token).await?.visits);

    title("A one-time code");
    let mut session = open(&sessions, &token).await?;
    session.set(Shop::OTP, Some("246810".into())).await?;
    println!("the first takes it:        {:?}", session.take(Shop::OTP).await?);
    println!("the second does not:       {:?}", session.take(Shop::OTP).await?);
    session.set(Shop::OTP, Some("135791".into())).await?;
    clock.advance(minutes(5));
    println!("after five minutes:        {:?}", session.get(Shop::OTP).await?);

    title("Ten minutes later the secret renews itself");
    clock.advance(minutes(5));
    let renewed = open(&sessions, &token).await?;
    let parallel = open(&sessions, &token).await?;
    let new_token = renewed.fresh_token().expect("a renewal is due").expose();
    println!("the client gets a new one: {}", new_token != token);
    println!("every racing request the same: {}", parallel.fresh_token() == renewed.fresh_token());
    println!("same session:              {}", renewed.id() == both.id());
    // The client has received it.
    open(&sessions, &new_token).await?;

    title("An attacker has the old token");
    println!("within the grace:          {}", verdict(&sessions, &token).await?);
    clock.advance(minutes(2));
    println!("after it:                  {}", verdict(&sessions, &token).await?);
    println!("the owner's token:         {}", verdict(&sessions, &new_token).await?);
    let forged = forge(&new_token, &sessions.start().token().expose());
    println!("a guess at the secret:     {}", verdict(&sessions, &forged).await?);

    title("Login");
    let mut session = open(&sessions, &new_token).await?;
    let mut in_flight = open(&sessions, &new_token).await?;
    session.login(Member { id: 7, name: "Ada".into() }).await?;
    let member_token = session.fresh_token().expect("a login makes a new token").expose();
    println!("who is in:                 {:?}", session.member.as_ref().map(|member| &member.name));
    println!("the cart stays:            {:?}", session.cart);
    println!("the token from before:     {}", verdict(&sessions, &new_token).await?);
    in_flight.cart.clear();
    println!("a request from before:     {}", outcome(in_flight.save().await));

    title("The session ends");
    let mut late = open(&sessions, &member_token).await?;
    session.destroy().await?;
    println!("its token:                 {}", verdict(&sessions, &member_token).await?);
    late.visits += 1;
    println!("a save in flight:          {}", outcome(late.save().await));
    println!("and still:                 {}", verdict(&sessions, &member_token).await?);
    Ok(())
}

async fn open(sessions: &Sessions<Shop>, token: &str) -> Result<Session<Shop>> {
    Ok(sessions.open(token).await?.expect("the token is good"))
}

async fn verdict(sessions: &Sessions<Shop>, token: &str) -> Result<&'static str> {
    Ok(if sessions.open(token).await?.is_some() { "opens the session" } else { "refused" })
}

fn outcome(result: Result<()>) -> String {
    match result {
        Ok(()) => "written".into(),
        Err(error) if error.kind() == ErrorKind::Superseded => {
            "refused, somebody has logged in since".into()
        }
        Err(error) if error.kind() == ErrorKind::Gone => "refused, the session has ended".into(),
        Err(error) => error.to_string(),
    }
}

/// The right id with another secret.
fn forge(token: &str, other: &str) -> String {
    format!("{}{}", &token[..22], &other[22..])
}

fn title(text: &str) {
    println!("\n{text}");
}

fn show_stored(session: &Session<Shop>) {
    for (key, json) in session.raw() {
        println!("stored:                    {key} = {json}");
    }
}
