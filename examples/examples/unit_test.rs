//! How you test code that uses sessions: the in-memory store and the fake clock, no server, no
//! sleep.
//!
//! Run it as a program, `cargo run --example unit_test`, or its tests,
//! `cargo test --example unit_test`.

use typed_sessions::{ManualClock, MemoryStore, Result, Session, SessionData, Sessions, minutes};

#[derive(Debug, SessionData)]
struct Checkout {
    items: Vec<String>,
    #[session(ttl = "10m")]
    coupon: Option<String>,
    attempts: u32,
}

/// The code under test: what a handler does with a session.
async fn apply_coupon(session: &mut Session<Checkout>, coupon: &str) -> Result<&'static str> {
    let attempts = session.update(Checkout::ATTEMPTS, |n| {
        *n += 1;
        *n
    });
    if attempts.await? > 3 {
        return Ok("too many attempts");
    }
    if coupon != "SPRING" {
        return Ok("no such coupon");
    }
    session.set(Checkout::COUPON, Some(coupon.to_owned())).await?;
    Ok("applied")
}

/// Everything a test needs: sessions of its own, and their clock.
fn test_sessions() -> Result<(Sessions<Checkout>, ManualClock)> {
    let clock = ManualClock::default();
    let sessions = Sessions::builder(MemoryStore::new()).clock(clock.clone()).build()?;
    Ok((sessions, clock))
}

async fn coupons_can_be_tried_three_times() -> Result<()> {
    let (sessions, _) = test_sessions()?;
    let mut session = sessions.start();
    for _ in 0..3 {
        assert_eq!(apply_coupon(&mut session, "GUESS").await?, "no such coupon");
    }
    assert_eq!(apply_coupon(&mut session, "SPRING").await?, "too many attempts");
    Ok(())
}

async fn coupon_lasts_ten_minutes() -> Result<()> {
    let (sessions, clock) = test_sessions()?;
    let mut session = sessions.start();
    session.items.push("tea".into());
    assert_eq!(apply_coupon(&mut session, "SPRING").await?, "applied");
    let token = session.token().expose();

    clock.advance(minutes(9));
    assert!(sessions.open(&token).await?.expect("still open").coupon.is_some());
    clock.advance(minutes(1));
    let later = sessions.open(&token).await?.expect("still open");
    assert_eq!((later.coupon.as_deref(), later.items.len()), (None, 1));
    Ok(())
}

async fn signed_out_after_half_an_hour() -> Result<()> {
    let (sessions, clock) = test_sessions()?;
    let mut session = sessions.start();
    session.save().await?;
    clock.advance(minutes(30));
    assert!(sessions.open(session.token().expose()).await?.is_none());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    coupons_can_be_tried_three_times().await?;
    coupon_lasts_ten_minutes().await?;
    signed_out_after_half_an_hour().await?;
    println!("three tests passed, forty minutes of session time among them");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Result;

    #[tokio::test]
    async fn coupons_can_be_tried_three_times() -> Result<()> {
        super::coupons_can_be_tried_three_times().await
    }

    #[tokio::test]
    async fn coupon_lasts_ten_minutes() -> Result<()> {
        super::coupon_lasts_ten_minutes().await
    }

    #[tokio::test]
    async fn signed_out_after_half_an_hour() -> Result<()> {
        super::signed_out_after_half_an_hour().await
    }
}
