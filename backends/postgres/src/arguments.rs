//! A change as statements take it.

use std::time::Duration;

use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use typed_sessions_core::store::{Change, Create, Header, Key, Owner, Rewrite, Save, Text};
use typed_sessions_core::{SessionId, Timestamp};

use crate::fields::{key, object};
use crate::parameters::Parameter;
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

/// The header, and what guards compare of it in columns of their own.
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
        let columns = |header| HeaderColumns::new(header, change.keep_for().unwrap_or_default());
        match change {
            // A limit is the login function's affair.
            Change::Create(Create { now, header, fields, limit: _ }) => Self {
                header: Some(columns(header)),
                set: object_of(fields.iter().map(|(key, text)| (key, text))),
                ..Self::none(id, *now)
            },
            Change::Save(Save { now, login_epoch, expected, edit }) => {
                let texts = expected.iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
                let absent = expected.iter().filter(|(_, text)| text.is_none());
                Self {
                    login_epoch: Some(login_epoch.cast_signed()),
                    expected: object_of(texts),
                    absent: keys(absent.map(|(key, _)| key)),
                    set: object_of(edit.set.iter().map(|(key, text)| (key, text))),
                    remove: keys(&edit.remove),
                    ..Self::none(id, *now)
                }
            }
            Change::Rewrite(Rewrite {
                now,
                login_epoch,
                revision,
                header,
                edit,
                // Whose session it is becomes a column, of the header.
                owner:
                    Owner::Same
                    | Owner::SameForLonger
                    | Owner::Login { before: _, limit: _ }
                    | Owner::Logout { before: _ },
            }) => Self {
                login_epoch: Some(login_epoch.cast_signed()),
                revision: Some(revision.cast_signed()),
                header: Some(columns(header)),
                set: object_of(edit.set.iter().map(|(key, text)| (key, text))),
                remove: keys(&edit.remove),
                ..Self::none(id, *now)
            },
        }
    }

    fn none(id: &SessionId, now: Timestamp) -> Self {
        Self {
            id: *id.as_bytes(),
            now: instant(now),
            login_epoch: None,
            revision: None,
            expected: None,
            absent: None,
            header: None,
            set: None,
            remove: None,
        }
    }

    /// Binds these parameters, in this order.
    pub(crate) fn bind<'q>(&'q self, parameters: &[Parameter], query: PgQuery<'q>) -> PgQuery<'q> {
        let header = self.header.as_ref();
        let retention = header.map(|header| header.retention);
        parameters.iter().fold(query, |query, parameter| match parameter {
            Parameter::Id => query.bind(&self.id[..]),
            Parameter::Now => query.bind(self.now),
            Parameter::LoginEpoch => query.bind(self.login_epoch),
            Parameter::Revision => query.bind(self.revision),
            Parameter::Expected => query.bind(self.expected.as_deref()),
            Parameter::Absent => query.bind(self.absent.as_deref()),
            Parameter::Header => query.bind(header.map(|header| &*header.text)),
            Parameter::NextRevision => query.bind(header.map(|header| header.revision)),
            Parameter::NextEpoch => query.bind(header.map(|header| header.login_epoch)),
            Parameter::Deadline => query.bind(header.map(|header| header.deadline)),
            Parameter::LastSeen => query.bind(header.map(|header| header.last_seen)),
            Parameter::User => query.bind(header.and_then(|header| header.user.as_deref())),
            Parameter::KeepFor => query.bind(retention.map(|retention| retention.keep_for)),
            Parameter::Slack => query.bind(retention.map(|retention| retention.slack)),
            Parameter::Unit => query.bind(retention.map(|retention| retention.unit)),
            Parameter::Set => query.bind(self.set.as_deref()),
            Parameter::Remove => query.bind(self.remove.as_deref()),
        })
    }
}

impl HeaderColumns {
    fn new(header: &Header, keep_for: Duration) -> Self {
        Self {
            text: header.to_text(),
            revision: header.revision().cast_signed(),
            login_epoch: header.login_epoch().cast_signed(),
            deadline: instant(header.deadline()),
            last_seen: instant(header.last_seen()),
            user: header.user().map(|user| user.as_str().as_bytes().to_owned()),
            retention: Retention::new(keep_for),
        }
    }
}

/// An instant as the columns have it. Beyond the year 292 million all are one.
pub(crate) fn instant(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

fn object_of<'a>(fields: impl Iterator<Item = (&'a Key, &'a Text)>) -> Option<String> {
    let mut fields = fields.peekable();
    fields.peek()?;
    Some(object(fields))
}

fn keys<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Option<Vec<String>> {
    let keys: Vec<String> = keys.into_iter().map(key).collect();
    (!keys.is_empty()).then_some(keys)
}
