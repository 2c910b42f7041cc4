//! Policy alone: a header, a secret, an instant, and nothing else.

use std::time::Duration;

use super::admit::{Admission, Refusal};
use super::{Policy, Renewal, Reuse};
use crate::record::Header;
use crate::time::{Timestamp, hours, minutes};
use crate::token::{Secret, Seed};

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn policy() -> Policy {
    Policy {
        idle_timeout: minutes(30),
        absolute_timeout: hours(12),
        touch_every: minutes(1),
        renewal: Some(Renewal { every: minutes(10), grace: minutes(2) }),
        on_reuse: Reuse::Reject,
        limit: None,
        max_value_bytes: 1 << 10,
        max_session_bytes: 1 << 12,
    }
}

fn at(offset: Duration) -> Timestamp {
    START.after(offset)
}

/// What an open does to the header; the successor if it renews.
fn open(
    policy: &Policy,
    header: &mut Header,
    secret: &Secret,
    now: Timestamp,
) -> Result<Option<Secret>, Refusal> {
    let admission = policy.admit(header, secret, now)?;
    let upkeep = policy.upkeep(header, &admission, secret, now);
    let renewed = upkeep.and_then(|upkeep| {
        *header = upkeep.header;
        upkeep.renewed
    });
    Ok(match admission {
        Admission::Current => renewed,
        Admission::Previous { successor } => Some(successor),
    })
}

#[test]
fn e1_deadline_is_the_earlier_of_idle_and_absolute() {
    let (policy, secret) = (policy(), Secret::random());
    let mut header = policy.create(&secret, START);
    assert_eq!(header.deadline(), at(minutes(30)));
    header = policy.touched(&header, at(hours(11) + minutes(45)));
    assert_eq!(header.deadline(), at(hours(12)));
    assert_eq!(
        policy.admit(&header, &secret, at(hours(12))).expect_err("at the deadline"),
        Refusal::Expired
    );
}

#[test]
fn r2_successor_depends_on_seed_and_secret_alone() {
    let (secret, seed) = (Secret::random(), Seed([7; 32]));
    assert!(secret.successor(&seed).hash().matches(&secret.successor(&seed).hash()));
    assert!(!secret.successor(&seed).hash().matches(&Secret::random().successor(&seed).hash()));
    assert!(!secret.successor(&seed).hash().matches(&secret.successor(&Seed([8; 32])).hash()));
}

#[test]
fn r2_each_renewal_has_a_seed_of_its_own() {
    let (policy, first) = (policy(), Secret::random());
    let mut header = policy.create(&first, START);
    let seed = header.secret.seed.0;
    let second =
        open(&policy, &mut header, &first, at(minutes(10))).expect("admitted").expect("renewed");
    assert_ne!(header.secret.seed.0, seed, "a leaked seed must not reach beyond one renewal");
    open(&policy, &mut header, &second, at(minutes(20))).expect("admitted").expect("renewed");
}

#[test]
fn r4_a_token_two_renewals_old_is_a_wrong_secret() {
    let (policy, first) = (policy(), Secret::random());
    let mut header = policy.create(&first, START);
    let second =
        open(&policy, &mut header, &first, at(minutes(10))).expect("admitted").expect("renewed");
    open(&policy, &mut header, &second, at(minutes(20))).expect("admitted").expect("renewed");
    let refusal = policy.admit(&header, &first, at(minutes(20))).expect_err("too old");
    assert_eq!(refusal, Refusal::WrongSecret);
}

#[test]
fn r4_previous_secret_never_renews() {
    let (policy, first) = (policy(), Secret::random());
    let mut header = policy.create(&first, START);
    open(&policy, &mut header, &first, at(minutes(10))).expect("admitted").expect("renewed");
    let current = header.secret.hash;
    open(&policy, &mut header, &first, at(minutes(25))).expect("the successor was never presented");
    assert!(header.secret.hash.matches(&current), "the client would be two secrets behind");
}

#[test]
fn every_change_of_the_header_adds_one_to_its_revision() {
    let (policy, secret) = (policy(), Secret::random());
    let header = policy.create(&secret, START);
    let user = crate::UserId::new(1).expect("an id");
    let login = crate::Login::new();
    let next = [
        policy.touched(&header, START),
        Policy::rekeyed(&header, &secret, START),
        policy.logged_in(&header, user, &login, None, &secret, START),
        policy.logged_out(&header, &secret, START),
        policy.upkeep(&header, &Admission::Current, &secret, at(minutes(10))).expect("due").header,
    ];
    assert!(next.iter().all(|next| next.revision() == header.revision() + 1));
    assert_eq!(next.map(|next| next.login_epoch()), [0, 0, 1, 1, 0]);
}

#[test]
fn f3_no_counter_overflows() {
    // Only a damaged record has such counters; it must not take the request down.
    let (policy, secret) = (policy(), Secret::random());
    let mut header = policy.create(&secret, START);
    (header.revision, header.login_epoch) = (u64::MAX, u64::MAX);
    let user = crate::UserId::new(1).expect("an id");
    let next = policy.logged_in(&header, user, &crate::Login::new(), None, &secret, START);
    assert!(next.revision() != header.revision() && next.login_epoch() != header.login_epoch());
    policy.logged_out(&header, &secret, START);
    policy.upkeep(&header, &Admission::Current, &secret, at(minutes(10))).expect("due");
}

#[test]
fn f3_no_instant_overflows() {
    let mut policy = policy();
    policy.idle_timeout = Duration::MAX;
    policy.absolute_timeout = Duration::MAX;
    let secret = Secret::random();
    let header = policy.create(&secret, Timestamp::MAX);
    assert_eq!(header.deadline(), Timestamp::MAX);
    assert!(policy.admit(&header, &secret, Timestamp::MIN).is_ok(), "a clock may go backwards");
    policy.upkeep(&header, &Admission::Current, &secret, Timestamp::MIN);
}
