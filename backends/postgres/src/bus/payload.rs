//! What a notification carries: PostgreSQL takes text of less than 8,000 bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;

/// PostgreSQL refuses longer ones.
const LONGEST: usize = 7_999;

/// Before a message itself.
const INLINE: char = 'm';
/// Before the number of a message's row, as `publish_large.sql` writes it.
const ROW: char = 'r';

/// Shows a subscriber that it hears what is published.
pub(super) const PROOF: &str = "p";

/// What a subscriber reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Message(Bytes),
    Row(i64),
    Proof,
}

/// A message as text, if it is small enough for a notification.
pub(super) fn as_text(message: &[u8]) -> Option<String> {
    let longest = (LONGEST - INLINE.len_utf8()) / 4 * 3;
    if message.len() > longest {
        return None;
    }
    let mut text = INLINE.to_string();
    STANDARD_NO_PAD.encode_string(message, &mut text);
    Some(text)
}

impl Payload {
    /// Nothing when somebody else has written it, or another version.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text == PROOF {
            return Some(Self::Proof);
        }
        if let Some(message) = text.strip_prefix(INLINE) {
            return STANDARD_NO_PAD
                .decode(message)
                .ok()
                .map(|message| Self::Message(message.into()));
        }
        text.strip_prefix(ROW)?.parse().ok().map(Self::Row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_messages_come_back_from_their_text() {
        for size in [0, 1, 2, 3, 5_996, 5_997] {
            let message: Vec<u8> =
                (0..size).map(|at| u8::try_from(at % 256).expect("small")).collect();
            let text = as_text(&message).expect("small enough");
            assert!(text.len() <= LONGEST);
            assert_eq!(Payload::read(&text), Some(Payload::Message(message.into())));
        }
        assert_eq!(as_text(&[0; 5_998]), None);
        assert_eq!(Payload::read("r-7"), Some(Payload::Row(-7)));
        assert_eq!(Payload::read(PROOF), Some(Payload::Proof));
    }

    #[test]
    fn b12_what_others_publish_is_not_understood() {
        for text in
            ["", "x", "m=", "m%", "mA", "r", "rx", "r99999999999999999999", "pp", "\u{10ffff}"]
        {
            assert_eq!(Payload::read(text), None, "{text:?}");
        }
    }
}
