//! Policy alone: a header, a secret, an instant, and nothing else.

use std::time::Duration;

use super::{Admission, Policy, Refusal, Rekeyed, Renewal, Reuse};
use crate::login::Login;
use crate::store::{Header, UserId};
use crate::time::{Timestamp, days, hours, minutes, seconds};
use crate::token::{Lineage, Secret, Seed, SessionId, Token, from_base64, to_base64};

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

/// A session: its header, and the token that its client holds.
struct Client {
    header: Header,
    token: Token,
}

fn create(policy: &Policy, now: Timestamp) -> Client {
    let lineage = Lineage::random();
    let secret = Secret::random(&lineage);
    let token = Token::new(SessionId::random(), secret.clone());
    Client { header: policy.create(&secret, lineage, now), token }
}

impl Client {
    /// The token of this secret, as the header marks it.
    fn token_of(&self, secret: Secret) -> Token {
        Token::new(self.token.id(), secret)
    }

    /// What an open with `token` does to the header; the token that it hands out, if it does.
    fn open_with(
        &mut self,
        policy: &Policy,
        token: &Token,
        now: Timestamp,
    ) -> Result<Option<Token>, Refusal> {
        let admission = policy.admit(&self.header, token, now)?;
        let upkeep = policy.upkeep(&self.header, &admission, token.secret(), now);
        let renewed = upkeep.and_then(|upkeep| {
            self.header = upkeep.header;
            upkeep.renewed
        });
        let successor = match admission {
            Admission::Current => renewed,
            Admission::Previous { successor } => Some(successor),
        };
        Ok(successor.map(|secret| self.token_of(secret)))
    }

    fn renew(&mut self, policy: &Policy, token: &Token, now: Timestamp) -> Token {
        self.open_with(policy, token, now).expect("admitted").expect("renewed")
    }

    fn refusal(&self, policy: &Policy, token: &Token, now: Timestamp) -> Refusal {
        policy.admit(&self.header, token, now).expect_err("refused")
    }

    fn log_in(&mut self, policy: &Policy, login: &Login, now: Timestamp) {
        let user = UserId::new(1).expect("an id");
        self.take(policy.logged_in(&self.header, user, login, None, now));
    }

    fn take(&mut self, next: Rekeyed) {
        self.header = next.header;
        self.token = self.token_of(next.secret);
    }
}

#[test]
fn e1_deadline_is_the_earlier_of_idle_and_absolute() {
    let policy = policy();
    let mut client = create(&policy, START);
    assert_eq!(client.header.deadline(), at(minutes(30)));
    client.header = policy.touched(&client.header, at(hours(11) + minutes(45)));
    assert_eq!(client.header.deadline(), at(hours(12)));
    assert_eq!(client.refusal(&policy, &client.token, at(hours(12))), Refusal::Expired);
}

#[test]
fn e5_lowered_timeouts_hold_at_once_but_not_for_a_login_that_chose_its_own() {
    let long = Policy { idle_timeout: days(30), absolute_timeout: days(30), ..policy() };
    let short = policy();
    let mut client = create(&long, START);
    assert_eq!(short.deadline(&client.header), at(minutes(30)), "idle");
    client.header = long.touched(&client.header, at(hours(11) + minutes(45)));
    assert_eq!(short.deadline(&client.header), at(hours(12)), "absolute");
    assert_eq!(client.refusal(&short, &client.token, at(hours(12))), Refusal::Expired);
    assert!(long.is_live(&client.header, at(hours(12))));

    client.log_in(&long, &Login::new().remember(days(7)), START);
    assert_eq!(short.deadline(&client.header), at(days(7)), "it chose its own");
    // Raised again, nothing that was stored becomes longer.
    let client = create(&short, START);
    assert_eq!(long.deadline(&client.header), at(minutes(30)));
}

#[test]
fn e6_what_lies_in_the_future_counts_as_due() {
    let policy = policy();
    let mut client = create(&policy, at(hours(1)));
    let token = client.token.clone();
    assert!(client.open_with(&policy, &token, START).expect("admitted").is_some(), "renewed");
    assert_eq!(client.header.last_seen(), START, "touched");
    assert_eq!(client.header.deadline(), at(minutes(30)));
    // A little ahead is no clock gone wrong.
    let mut client = create(&policy, at(seconds(30)));
    let token = client.token.clone();
    assert!(client.open_with(&policy, &token, START).expect("admitted").is_none());
    assert_eq!(client.header.last_seen(), at(seconds(30)));
}

#[test]
fn r2_successor_depends_on_seed_and_secret_alone() {
    let lineage = Lineage::random();
    let (secret, seed) = (Secret::random(&lineage), Seed([7; 32]));
    let successor = |secret: &Secret, seed| secret.successor(&seed, &lineage).hash();
    let hash = successor(&secret, seed);
    assert!(successor(&secret, seed).matches(&hash));
    assert!(!successor(&Secret::random(&lineage), seed).matches(&hash));
    assert!(!successor(&secret, Seed([8; 32])).matches(&hash));
}

#[test]
fn r2_each_renewal_has_a_seed_of_its_own() {
    let policy = policy();
    let mut client = create(&policy, START);
    let (first, seed) = (client.token.clone(), client.header.secret.seed.0);
    let second = client.renew(&policy, &first, at(minutes(10)));
    assert_ne!(client.header.secret.seed.0, seed, "a leaked seed must not reach beyond a renewal");
    client.renew(&policy, &second, at(minutes(20)));
}

#[test]
fn r4_every_older_secret_of_the_login_is_recognized() {
    let policy = policy();
    let mut client = create(&policy, START);
    let first = client.token.clone();
    let second = client.renew(&policy, &first, at(minutes(10)));
    let third = client.renew(&policy, &second, at(minutes(20)));
    for now in [minutes(20), minutes(25)] {
        assert_eq!(client.refusal(&policy, &first, at(now)), Refusal::Reused, "{now:?}");
    }
    client.open_with(&policy, &third, at(minutes(21))).expect("the current one");
    assert_eq!(client.refusal(&policy, &second, at(minutes(23))), Refusal::Reused);
    // A secret that was never this session's, with the mark of no lineage or of this one's.
    let stranger = client.token_of(Secret::random(&Lineage::random()));
    assert_eq!(client.refusal(&policy, &stranger, at(minutes(23))), Refusal::WrongSecret);
}

#[test]
fn r4_one_wrong_bit_in_secret_or_mark_makes_a_wrong_secret() {
    let policy = policy();
    let client = create(&policy, START);
    let right: [u8; 40] = from_base64(&client.token.expose()).expect("a token's text");
    for bit in 16 * 8..40 * 8 {
        let mut wrong = right;
        wrong[bit / 8] ^= 1 << (bit % 8);
        let wrong = Token::parse(&to_base64(&wrong)).expect("in the one form");
        assert_eq!(client.refusal(&policy, &wrong, START), Refusal::WrongSecret, "bit {bit}");
    }
}

#[test]
fn r4_a_secret_from_before_a_login_is_a_wrong_one() {
    let policy = policy();
    let mut client = create(&policy, START);
    let before = client.token.clone();
    client.log_in(&policy, &Login::new(), at(minutes(1)));
    assert_eq!(client.refusal(&policy, &before, at(minutes(20))), Refusal::WrongSecret);
}

#[test]
fn r4_what_comes_soon_after_a_replacement_may_just_be_late() {
    let policy = policy();
    let mut client = create(&policy, START);
    let before = client.token.clone();
    client.take(policy.rekeyed(&client.header, at(minutes(1))));
    assert_eq!(client.refusal(&policy, &before, at(minutes(1))), Refusal::WrongSecret);
    let grace_is_over = at(minutes(3));
    assert_eq!(client.refusal(&policy, &before, grace_is_over), Refusal::Reused);
}

#[test]
fn r4_previous_secret_never_renews() {
    let policy = policy();
    let mut client = create(&policy, START);
    let first = client.token.clone();
    client.renew(&policy, &first, at(minutes(10)));
    let current = client.header.secret.hash;
    let late = client.open_with(&policy, &first, at(minutes(25)));
    late.expect("the successor was never presented");
    assert!(client.header.secret.hash.matches(&current), "the client would be two secrets behind");
}

#[test]
fn r7_the_previous_seed_goes_with_the_first_write_after_its_use() {
    let policy = policy();
    let mut client = create(&policy, START);
    let first = client.token.clone();
    let second = client.renew(&policy, &first, at(minutes(10)));
    client.open_with(&policy, &second, at(minutes(11))).expect("admitted");
    assert!(client.header.previous.is_some(), "within the grace it is still needed");
    client.open_with(&policy, &second, at(minutes(13))).expect("admitted");
    assert!(client.header.previous.is_none(), "who reads the store could derive a secret from it");
    assert_eq!(client.refusal(&policy, &first, at(minutes(14))), Refusal::Reused);
    // For as long as the successor was not seen, it is needed.
    let mut client = create(&policy, START);
    let first = client.token.clone();
    client.renew(&policy, &first, at(minutes(10)));
    client.open_with(&policy, &first, at(minutes(25))).expect("admitted");
    assert!(client.header.previous.is_some());
}

#[test]
fn every_change_of_the_header_adds_one_to_its_revision() {
    let policy = policy();
    let client = create(&policy, START);
    let header = &client.header;
    let user = UserId::new(1).expect("an id");
    let upkeep = policy.upkeep(header, &Admission::Current, client.token.secret(), at(minutes(10)));
    let next = [
        policy.touched(header, START),
        policy.rekeyed(header, START).header,
        policy.logged_in(header, user, &Login::new(), None, START).header,
        policy.logged_out(header, START).header,
        upkeep.expect("due").header,
    ];
    assert!(next.iter().all(|next| next.revision() == header.revision() + 1));
    assert_eq!(next.map(|next| next.login_epoch()), [0, 0, 1, 1, 0]);
}

#[test]
fn f3_no_counter_overflows() {
    // Only a damaged record has such counters; it must not take the request down.
    let policy = policy();
    let mut client = create(&policy, START);
    (client.header.revision, client.header.login_epoch) = (u64::MAX, u64::MAX);
    let before = client.header.clone();
    policy.logged_out(&before, START);
    policy
        .upkeep(&before, &Admission::Current, client.token.secret(), at(minutes(10)))
        .expect("due");
    client.log_in(&policy, &Login::new(), START);
    assert!(client.header.revision() != before.revision());
    assert!(client.header.login_epoch() != before.login_epoch());
}

#[test]
fn f3_no_instant_overflows() {
    let mut policy = policy();
    policy.idle_timeout = Duration::MAX;
    policy.absolute_timeout = Duration::MAX;
    let client = create(&policy, Timestamp::MAX);
    assert_eq!(client.header.deadline(), Timestamp::MAX);
    let admission = policy.admit(&client.header, &client.token, Timestamp::MIN);
    assert!(admission.is_ok(), "a clock may go backwards");
    policy.upkeep(&client.header, &Admission::Current, client.token.secret(), Timestamp::MIN);
}
