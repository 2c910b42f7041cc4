//! The header as text, for stores that keep text.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{CurrentSecret, Header, Persistence, PreviousSecret, SuccessorState};
use super::user_id::LoginInfo;
use crate::error::{Error, Result};
use crate::time::{Timestamp, as_number, whole_millis};
use crate::token::{Bytes, Lineage, SecretHash, Seed};

/// The name under which errors speak of the header.
const KEY: &str = "$header";

/// The version of the text. A reader refuses every other one: half-understood lifecycles are no
/// lifecycles.
const VERSION: u32 = 3;

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Serialize, Deserialize)]
struct HeaderText {
    v: u32,
    rev: u64,
    epoch: u64,
    #[serde(with = "as_number")]
    created: Timestamp,
    #[serde(with = "as_number")]
    seen: Timestamp,
    #[serde(with = "as_number")]
    deadline: Timestamp,
    #[serde(with = "as_number")]
    absolute: Timestamp,
    #[serde(with = "as_number")]
    period: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifetime: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    remembered: bool,
    lineage: Bytes<16>,
    hash: Bytes<32>,
    #[serde(with = "as_number")]
    since: Timestamp,
    seed: Bytes<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<PreviousText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<Arc<LoginInfo>>,
}

#[derive(Serialize, Deserialize)]
struct PreviousText {
    hash: Bytes<32>,
    seed: Bytes<32>,
    #[serde(with = "as_number")]
    renewed: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    presented: Option<u64>,
}

impl Header {
    /// The header as one line of JSON. It contains hashes and seeds but no secret: what is stored
    /// opens nothing.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// # use typed_sessions::SessionStore;
    /// use typed_sessions::store::Header;
    ///
    /// # let store = MemoryStore::new();
    /// # let mut session = Sessions::<Shop>::new(store.clone()).start();
    /// # session.save().await?;
    /// let header = store.load(&session.id()).await?.expect("it was saved").header;
    /// let again = Header::from_text(&header.to_text())?;
    /// assert_eq!(again.deadline(), header.deadline());
    /// # Ok(()) });
    /// ```
    #[allow(
        clippy::missing_panics_doc,
        reason = "numbers and strings under fixed names are always JSON"
    )]
    pub fn to_text(&self) -> String {
        let text = HeaderText {
            v: VERSION,
            rev: self.revision,
            epoch: self.login_epoch,
            created: self.created,
            seen: self.last_seen,
            deadline: self.deadline,
            absolute: self.absolute_deadline,
            period: self.period_start,
            idle: self.idle_timeout.map(whole_millis),
            lifetime: self.absolute_timeout.map(whole_millis),
            remembered: self.persistence == Persistence::Remembered,
            lineage: Bytes(self.lineage.0),
            hash: Bytes(self.secret.hash.0),
            since: self.secret.since,
            seed: Bytes(self.secret.seed.0),
            previous: self.previous.as_ref().map(|previous| PreviousText {
                hash: Bytes(previous.hash.0),
                seed: Bytes(previous.seed.0),
                renewed: previous.renewed,
                presented: match previous.successor {
                    SuccessorState::Unseen => None,
                    SuccessorState::Presented(first) => Some(first.as_millis()),
                },
            }),
            replaced: self.replaced.map(Timestamp::as_millis),
            login: self.login.clone(),
        };
        serde_json::to_string(&text).expect("numbers and strings under fixed names are always JSON")
    }

    /// Reads what [`to_text`](Header::to_text) wrote. Anything else is `ErrorKind::Decode`, naming
    /// `$header`.
    ///
    /// ```
    /// # use typed_sessions::ErrorKind;
    /// # use typed_sessions::store::Header;
    /// assert_eq!(Header::from_text("no header").unwrap_err().kind(), ErrorKind::Decode);
    /// ```
    pub fn from_text(text: &str) -> Result<Self> {
        let text: HeaderText = match serde_json::from_str(text) {
            Ok(header @ HeaderText { v: VERSION, .. }) => header,
            _ => return Err(unreadable(text)),
        };
        Ok(Self {
            revision: text.rev,
            login_epoch: text.epoch,
            created: text.created,
            last_seen: text.seen,
            deadline: text.deadline,
            absolute_deadline: text.absolute,
            period_start: text.period,
            idle_timeout: text.idle.map(Duration::from_millis),
            absolute_timeout: text.lifetime.map(Duration::from_millis),
            persistence: if text.remembered {
                Persistence::Remembered
            } else {
                Persistence::Volatile
            },
            lineage: Lineage(text.lineage.0),
            secret: CurrentSecret {
                hash: SecretHash(text.hash.0),
                since: text.since,
                seed: Seed(text.seed.0),
            },
            previous: text.previous.map(|previous| PreviousSecret {
                hash: SecretHash(previous.hash.0),
                seed: Seed(previous.seed.0),
                renewed: previous.renewed,
                successor: match previous.presented {
                    None => SuccessorState::Unseen,
                    Some(first) => SuccessorState::Presented(Timestamp::from_millis(first)),
                },
            }),
            replaced: text.replaced.map(Timestamp::from_millis),
            login: text.login,
        })
    }
}

fn unreadable(text: &str) -> Error {
    match serde_json::from_str(text) {
        Ok(Version { v: VERSION }) => Error::corrupt(KEY, "it is a damaged session header"),
        Ok(Version { v }) => {
            let reason =
                format!("its format is {v}, this version of typed-sessions reads format {VERSION}");
            Error::corrupt(KEY, &reason)
        }
        Err(_) => Error::corrupt(KEY, "it is not a session header"),
    }
}
