//! Bytes as text: canonical, unpadded base64url.

use std::fmt;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads exactly `N` bytes; anything but their one text is `None`.
pub(crate) fn from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    // The length decides first, so that a 10 MB token costs nothing. Everything fits on the stack.
    if text.len() != (N * 8).div_ceil(6) {
        return None;
    }
    let mut bytes = [0; N];
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (written == N).then_some(bytes)
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes that serde sees as base64url.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &URL_SAFE_NO_PAD))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Reads the text where it is, without a copy.
struct Text<const N: usize>;

impl<const N: usize> Visitor<'_> for Text<N> {
    type Value = Bytes<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes of base64url")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes<N>, E> {
        // The message does not quote the text.
        from_base64(text)
            .map(Bytes)
            .ok_or_else(|| E::custom(format_args!("expected {N} bytes of base64url")))
    }
}
