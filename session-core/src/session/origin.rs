//! What all handles of one origin share: the token, and where the session is in its life.
//!
//! Handles are of one origin when one was made from the other as a view. The record is each
//! handle's own: each may have seen the store at another moment.

use std::sync::{Arc, Mutex};

use crate::__backend::lock;
use crate::error::{Error, Result};
use crate::store::{Change, Deleted, Record};
use crate::token::{Lineage, Secret, SessionId, Token};

/// What all handles of one origin share.
#[derive(Debug)]
pub(super) struct Origin {
    id: SessionId,
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Token,
    delivery: Delivery,
    life: Life,
}

/// A record that is to be, and the token that opens it.
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) change: Change,
    /// The same without the login, if it has one: to settle whether it was carried out. It takes
    /// the same place, so that only one of both can be.
    pub(super) without_login: Change,
    pub(super) record: Record,
    pub(super) token: Token,
    /// Of the origin, before any login.
    pub(super) lineage: Lineage,
}

/// Whether the client has yet to be given the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It holds it already, or there is nothing to open yet.
    Done,
    /// The secret renewed itself at open. By now another one may have taken its place.
    DueByRenewal,
    /// These handles made it: they created the session, or replaced its secret.
    Due,
    /// The client holds one, and these handles have ended what it opens.
    Withdrawn,
}

/// Where the session is in its life, as far as these handles know.
#[derive(Clone, Debug)]
pub(super) enum Life {
    /// Nothing was ever sent to the store.
    Unsent(Lineage),
    /// A creation was sent, and no answer came (yet). It may have been carried out.
    Sent(Arc<Creation>),
    Stored,
    /// It was stored, and was not there when the store was asked last.
    Gone,
    /// It is being destroyed: nobody may create it any more. The creation is one that was sent and
    /// not answered.
    Ending(Option<Arc<Creation>>),
    Ended,
}

impl Origin {
    /// Of a new session.
    pub(super) fn start() -> Self {
        let (id, lineage) = (SessionId::random(), Lineage::random());
        let token = Token::new(id, Secret::random(&lineage));
        Self::new(token, Delivery::Done, Life::Unsent(lineage))
    }

    /// Of a session that was found in the store.
    pub(super) fn opened(token: Token, delivery: Delivery) -> Self {
        Self::new(token, delivery, Life::Stored)
    }

    fn new(token: Token, delivery: Delivery, life: Life) -> Self {
        let id = token.id();
        let shared = Shared { token, delivery, life };
        Self { id, shared: Mutex::new(shared) }
    }

    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    pub(super) fn token(&self) -> Token {
        lock(&self.shared).token.clone()
    }

    /// The token, when the client has yet to be given it.
    pub(super) fn undelivered(&self) -> Option<Token> {
        let shared = lock(&self.shared);
        match shared.delivery {
            Delivery::DueByRenewal | Delivery::Due => Some(shared.token.clone()),
            Delivery::Done | Delivery::Withdrawn => None,
        }
    }

    pub(super) fn delivery(&self) -> Delivery {
        lock(&self.shared).delivery
    }

    pub(super) fn life(&self) -> Life {
        lock(&self.shared).life.clone()
    }

    /// The client must use this token from now on.
    pub(super) fn replaced(&self, token: Token) {
        let mut shared = lock(&self.shared);
        shared.token = token;
        shared.delivery = Delivery::Due;
    }

    /// Whether this handle may create the record, which only one of them can.
    pub(super) fn claim(&self, creation: &Arc<Creation>) -> Result<Claim> {
        let mut shared = lock(&self.shared);
        match shared.life {
            Life::Unsent(_) => {
                shared.life = Life::Sent(Arc::clone(creation));
                Ok(Claim::Granted)
            }
            Life::Sent(_) | Life::Stored | Life::Gone => Ok(Claim::Taken),
            Life::Ending(_) | Life::Ended => Err(Error::gone()),
        }
    }

    /// A record is in the store, by this creation or by its form without a login. Tells whether it
    /// may stay: it must not when the session was destroyed meanwhile.
    pub(super) fn created(&self, creation: &Arc<Creation>) -> Claim {
        let mut shared = lock(&self.shared);
        match &shared.life {
            Life::Ending(_) | Life::Ended => return Claim::Taken,
            Life::Sent(sent) if Arc::ptr_eq(sent, creation) => {
                shared.life = Life::Stored;
                shared.delivery = Delivery::Due;
            }
            Life::Unsent(_) | Life::Sent(_) | Life::Stored | Life::Gone => {}
        }
        Claim::Granted
    }

    /// This creation was refused for good: nothing is stored.
    pub(super) fn refused(&self, creation: &Arc<Creation>) {
        let mut shared = lock(&self.shared);
        if let Life::Sent(sent) = &shared.life
            && Arc::ptr_eq(sent, creation)
        {
            shared.life = Life::Unsent(creation.lineage);
        }
    }

    /// From now on no handle creates the record. Tells what there may be to end.
    pub(super) fn end(&self) -> Life {
        let mut shared = lock(&self.shared);
        shared.life = match &shared.life {
            Life::Unsent(_) | Life::Ended => Life::Ended,
            Life::Sent(creation) => Life::Ending(Some(Arc::clone(creation))),
            Life::Ending(creation) => Life::Ending(creation.clone()),
            Life::Stored | Life::Gone => Life::Ending(None),
        };
        shared.life.clone()
    }

    /// The session has ended: by one of these handles, or before they came to it.
    pub(super) fn ended(&self, deleted: Deleted) {
        let mut shared = lock(&self.shared);
        shared.life = Life::Ended;
        shared.delivery =
            if deleted == Deleted::Yes { Delivery::Withdrawn } else { Delivery::Done };
    }

    /// It did not end, as it is not this handle's to end any more.
    pub(super) fn lives_on(&self) {
        lock(&self.shared).life = Life::Stored;
    }

    /// The session was not there when it should have been.
    pub(super) fn gone(&self) {
        let mut shared = lock(&self.shared);
        if matches!(shared.life, Life::Stored) {
            shared.life = Life::Gone;
        }
    }

    /// The session is there.
    pub(super) fn found(&self) {
        let mut shared = lock(&self.shared);
        if matches!(shared.life, Life::Gone) {
            shared.life = Life::Stored;
        }
    }
}

/// Whether one of several handles may do what only one of them can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Granted,
    Taken,
}
