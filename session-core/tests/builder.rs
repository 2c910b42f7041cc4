//! Configuration that contradicts itself fails when it is built, with the values that clash.

use std::time::Duration;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use typed_sessions_core::__private::{Writer, Written};
use typed_sessions_core::store::{
    Applied, Change, Deleted, Found, Header, More, Owned, Page, Record,
};
use typed_sessions_core::{
    ErrorKind, NoUser, Overflow, Result, SessionData, SessionId, SessionStore, Sessions,
    SessionsBuilder, UserId, hours, minutes, seconds,
};

#[derive(Debug)]
struct Nothing;

#[async_trait]
impl SessionStore for Nothing {
    async fn load(&self, _: &SessionId) -> Result<Option<Record>> {
        Ok(None)
    }

    async fn apply(&self, _: &SessionId, _: &Change) -> Result<Applied> {
        Ok(Applied::Missing)
    }

    async fn delete(&self, _: &SessionId, _: &Owned) -> Result<Deleted> {
        Ok(Deleted::Missing)
    }

    async fn sessions_of(&self, _: &UserId, _: &Page) -> Result<Found> {
        Ok(Found::default())
    }

    async fn headers(&self, _: &[SessionId]) -> Result<Vec<(SessionId, Option<Header>)>> {
        Ok(Vec::new())
    }

    async fn clear(&self, _: usize) -> Result<More> {
        Ok(More::No)
    }
}

/// Session data without fields, by hand: the derive's crate depends on this one.
struct Empty;

impl SessionData for Empty {
    type User = NoUser;
    const __FIELDS: &'static [typed_sessions_core::__private::FieldSpec] = &[];

    fn __initial() -> Self {
        Self
    }

    fn __read(_: &typed_sessions_core::__private::Stored<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn __read_field(
        &mut self,
        _: usize,
        _: &typed_sessions_core::__private::Stored<'_>,
    ) -> Result<()> {
        Ok(())
    }

    fn __write_field(&self, _: usize, _: &mut Writer) -> Result<Written> {
        Ok(Written::Nothing)
    }

    fn __absorb(&mut self, _: Self) {}
}

fn builder() -> SessionsBuilder<Empty> {
    Sessions::builder(Nothing)
}

#[track_caller]
fn refused(builder: SessionsBuilder<Empty>, message: &Expect) {
    let error = builder.build().expect_err("a contradiction");
    assert_eq!(error.kind(), ErrorKind::Config);
    message.assert_eq(&error.to_string());
}

#[test]
fn contradictions_name_both_values() {
    refused(
        builder().idle_timeout(hours(13)),
        &expect![
            "idle_timeout (46800s) must not be longer than absolute_timeout (43200s): lower the first or raise the second"
        ],
    );
    refused(
        builder().renew_every(minutes(1)).renew_grace(minutes(2)),
        &expect![
            "renew_grace (120s) must not be longer than renew_every (60s): lower the first or raise the second"
        ],
    );
    refused(
        builder().renew_grace(minutes(11)),
        &expect![
            "renew_grace (660s) must not be longer than renew_every (600s): lower the first or raise the second"
        ],
    );
    refused(
        builder().touch_every(minutes(30)),
        &expect![
            "touch_every (1800s) must be shorter than idle_timeout (1800s): lower the first or raise the second"
        ],
    );
    refused(
        builder().max_value_bytes(1000).max_session_bytes(999),
        &expect![
            "max_value_bytes (1000) is more than max_session_bytes (999): lower the first or raise the second"
        ],
    );
}

#[test]
fn a_grace_without_renewals_is_a_contradiction() {
    refused(
        builder().never_renew().renew_grace(minutes(2)),
        &expect![
            "never_renew and renew_grace (120s) exclude each other: without renewals there is nothing to grant a grace to; leave one of them out"
        ],
    );
    refused(
        builder().renew_grace(minutes(2)).never_renew(),
        &expect![
            "never_renew and renew_grace (120s) exclude each other: without renewals there is nothing to grant a grace to; leave one of them out"
        ],
    );
    builder().never_renew().build().expect("no renewals");
}

#[test]
fn zero_is_refused() {
    let zero = Duration::ZERO;
    refused(
        builder().idle_timeout(zero),
        &expect!["idle_timeout is 0ns: it must be at least 1ms, 60s for example"],
    );
    refused(
        builder().absolute_timeout(zero),
        &expect!["absolute_timeout is 0ns: it must be at least 1ms, 60s for example"],
    );
    refused(
        builder().touch_every(zero),
        &expect!["touch_every is 0ns: it must be at least 1ms, 60s for example"],
    );
    refused(
        builder().renew_every(zero),
        &expect!["renew_every is 0ns: it must be at least 1ms, 60s for example"],
    );
    refused(
        builder().renew_grace(zero),
        &expect!["renew_grace is 0ns: it must be at least 1ms, 60s for example"],
    );
    refused(
        builder().idle_timeout(Duration::from_nanos(999_999)),
        &expect!["idle_timeout is 999.999µs: it must be at least 1ms, 60s for example"],
    );
    refused(
        builder().max_sessions_per_user(0, Overflow::Refuse),
        &expect!["max_sessions_per_user is 0: nobody could log in; allow at least 1"],
    );
    refused(
        builder().max_value_bytes(0),
        &expect!["max_value_bytes and max_session_bytes must not be 0: nothing could be stored"],
    );
}

#[test]
fn defaults_give_way_to_what_is_set() {
    builder().build().expect("the defaults");
    builder()
        .idle_timeout(seconds(10))
        .build()
        .expect("a short idle timeout shortens the touch interval");
    builder()
        .absolute_timeout(seconds(10))
        .build()
        .expect("a short life shortens the idle timeout");
    builder().renew_every(seconds(10)).build().expect("quick renewal shortens the grace");
    builder().max_session_bytes(10).build().expect("a small session has small values");
    builder()
        .idle_timeout(hours(12))
        .touch_every(hours(11))
        .renew_every(hours(24))
        .build()
        .expect("wide is fine");
    builder()
        .never_renew()
        .renew_every(minutes(5))
        .renew_grace(minutes(5))
        .build()
        .expect("the last one counts");
    builder()
        .idle_timeout(Duration::MAX)
        .absolute_timeout(Duration::MAX)
        .build()
        .expect("for ever is a duration");
}
