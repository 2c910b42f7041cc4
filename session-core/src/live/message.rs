//! What servers tell each other, as bytes.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::error::{Error, ErrorKind, Result};
use crate::store::UserId;
use crate::token::SessionId;

/// The largest payload, in bytes.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 << 10;

/// Whose connections a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whom {
    Session(SessionId),
    User(UserId),
    Everybody,
}

/// A message between servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Something has happened to these sessions: ask the store.
    LookAgain(Whom),
    /// An application sends this to these connections.
    Deliver(Whom, Bytes),
}

/// The first byte of every message. Whoever reads another one ignores the message.
const VERSION: u8 = 1;

const LOOK_AGAIN: u8 = 1;
const DELIVER: u8 = 2;

const SESSION: u8 = 1;
const USER: u8 = 2;
const EVERYBODY: u8 = 3;

impl Message {
    /// A message to connections; `ErrorKind::TooLarge` when the payload is larger than any bus
    /// need carry.
    pub(crate) fn deliver(whom: Whom, payload: Bytes) -> Result<Self> {
        let bytes = payload.len();
        if bytes > MAX_PAYLOAD_BYTES {
            let message = format!(
                "a message of {bytes} bytes to live connections is larger than \
                 {MAX_PAYLOAD_BYTES}: store it, and send where it is"
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        Ok(Self::Deliver(whom, payload))
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        let (kind, whom, payload) = match self {
            Self::LookAgain(whom) => (LOOK_AGAIN, whom, &[][..]),
            Self::Deliver(whom, payload) => (DELIVER, whom, &payload[..]),
        };
        let mut bytes = BytesMut::with_capacity(payload.len() + 32);
        bytes.put_slice(&[VERSION, kind]);
        match whom {
            Whom::Session(id) => {
                bytes.put_u8(SESSION);
                bytes.put_slice(id.as_bytes());
            }
            Whom::User(id) => {
                bytes.put_u8(USER);
                let length = u16::try_from(id.as_str().len());
                bytes.put_u16(length.expect("a user's id has at most 1,024 bytes"));
                bytes.put_slice(id.as_str().as_bytes());
            }
            Whom::Everybody => bytes.put_u8(EVERYBODY),
        }
        bytes.put_slice(payload);
        bytes.freeze()
    }

    /// Total: whatever is no message of this version is `None`.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let (&[version, kind, tag], rest) = bytes.split_first_chunk()?;
        if version != VERSION {
            return None;
        }
        let (whom, rest) = match tag {
            SESSION => {
                let (id, rest) = rest.split_first_chunk()?;
                (Whom::Session(SessionId::from_bytes(*id)), rest)
            }
            USER => {
                let (length, rest) = rest.split_first_chunk()?;
                let (id, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
                (Whom::User(UserId::new(std::str::from_utf8(id).ok()?).ok()?), rest)
            }
            EVERYBODY => (Whom::Everybody, rest),
            _ => return None,
        };
        match kind {
            LOOK_AGAIN if rest.is_empty() => Some(Self::LookAgain(whom)),
            DELIVER if rest.len() <= MAX_PAYLOAD_BYTES => {
                Some(Self::Deliver(whom, bytes.slice_ref(rest)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bus::MAX_MESSAGE_BYTES;
    use super::*;

    fn whom() -> impl Strategy<Value = Whom> {
        let user = |id: String| Whom::User(UserId::new(id).expect("not empty"));
        prop_oneof![
            any::<[u8; 16]>().prop_map(|id| Whom::Session(SessionId::from_bytes(id))),
            "\\PC{1,40}".prop_map(user),
            Just(Whom::Everybody),
        ]
    }

    proptest! {
        #[test]
        fn a_message_is_read_as_it_was_written(
            whom in whom(),
            payload in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)),
        ) {
            let message = match payload {
                None => Message::LookAgain(whom),
                Some(payload) => Message::Deliver(whom, payload.into()),
            };
            prop_assert_eq!(Message::from_bytes(&message.to_bytes()), Some(message));
        }

        #[test]
        fn any_bytes_are_a_message_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let bytes = Bytes::from(bytes);
            if let Some(message) = Message::from_bytes(&bytes) {
                prop_assert_eq!(message.to_bytes(), bytes);
            }
        }

        #[test]
        fn a_cut_message_is_none(whom in whom()) {
            let whole = Message::LookAgain(whom).to_bytes();
            for length in 0..whole.len() {
                prop_assert_eq!(Message::from_bytes(&whole.slice(..length)), None);
            }
        }
    }

    #[test]
    fn l6_the_largest_message_is_one_that_every_bus_carries() {
        let user = Whom::User(UserId::new("x".repeat(UserId::MAX_BYTES)).expect("long"));
        let payload = Bytes::from(vec![0; MAX_PAYLOAD_BYTES]);
        let message = Message::deliver(user.clone(), payload).expect("it fits").to_bytes();
        assert!(message.len() <= MAX_MESSAGE_BYTES);
        let larger = Message::deliver(user, vec![0; MAX_PAYLOAD_BYTES + 1].into());
        assert!(larger.is_err_and(|error| error.kind() == ErrorKind::TooLarge));
    }
}
