//! A change as `update.sql` takes it.

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use typed_sessions_core::{Change, Expected, Guard, Key, SessionId, Text};

use crate::fields::{key, object};
use crate::retention::Retention;

pub(crate) type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// What a change binds, made once: a statement may be sent again.
#[derive(Debug)]
pub(crate) struct Arguments {
    id: [u8; 16],
    now: i64,
    login_epoch: Option<i64>,
    revision: Option<i64>,
    expected: Option<String>,
    absent: Option<Vec<String>>,
    header: Option<HeaderColumns>,
    set: Option<String>,
    remove: Option<Vec<String>>,
}

#[derive(Debug)]
struct HeaderColumns {
    text: String,
    revision: i64,
    login_epoch: i64,
    deadline: i64,
    last_seen: i64,
    user: Option<Vec<u8>>,
    retention: Retention,
}

impl Arguments {
    pub(crate) fn new(id: &SessionId, change: &Change) -> Self {
        let none = Expected::default();
        let expected = match &change.guard {
            Guard::Present(expected) => expected,
            Guard::Absent => &none,
        };
        let is = expected.fields.iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
        let absent = expected
            .fields
            .iter()
            .filter(|(_, text)| text.is_none())
            .map(|(absent, _)| key(absent));
        let header =
            change.header.as_ref().zip(change.keep_for()).map(|(header, keep_for)| HeaderColumns {
                text: header.to_text(),
                revision: header.revision().cast_signed(),
                login_epoch: header.login_epoch().cast_signed(),
                deadline: instant(header.deadline().as_millis()),
                last_seen: instant(header.last_seen().as_millis()),
                user: header.user().map(|user| user.as_str().as_bytes().to_owned()),
                retention: Retention::new(keep_for),
            });
        Self {
            id: *id.as_bytes(),
            now: instant(change.now.as_millis()),
            login_epoch: expected.login_epoch.map(u64::cast_signed),
            revision: expected.revision.map(u64::cast_signed),
            expected: some_object(is.collect()),
            absent: some(absent.collect()),
            header,
            set: some_object(change.set.iter().map(|(key, text)| (key, text)).collect()),
            remove: some(change.remove.iter().map(key).collect()),
        }
    }

    pub(crate) fn bind<'q>(&'q self, query: PgQuery<'q>) -> PgQuery<'q> {
        let header = self.header.as_ref();
        let retention = header.map(|header| header.retention);
        query
            .bind(&self.id[..])
            .bind(self.now)
            .bind(self.login_epoch)
            .bind(self.revision)
            .bind(self.expected.as_deref())
            .bind(self.absent.as_deref())
            .bind(header.map(|header| &*header.text))
            .bind(header.map(|header| header.revision))
            .bind(header.map(|header| header.login_epoch))
            .bind(header.map(|header| header.deadline))
            .bind(header.map(|header| header.last_seen))
            .bind(header.and_then(|header| header.user.as_deref()))
            .bind(retention.map(|retention| retention.keep_for))
            .bind(retention.map(|retention| retention.slack))
            .bind(retention.map(|retention| retention.unit))
            .bind(self.set.as_deref())
            .bind(self.remove.as_deref())
    }
}

/// An instant as the columns have it. Beyond the year 292 million all are one.
pub(crate) fn instant(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}

fn some_object(fields: Vec<(&Key, &Text)>) -> Option<String> {
    (!fields.is_empty()).then(|| object(fields))
}
