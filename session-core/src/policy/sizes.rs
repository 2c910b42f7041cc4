//! What is too large to be stored.

use super::settings::Policy;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Edit, Fields, Text};

impl Policy {
    /// Whether the fields of a session may become these by this edit. A write that makes a session
    /// no larger always may: a limit may have been lowered since (W8).
    pub(crate) fn check_size(&self, before: &Fields, edit: &Edit, after: &Fields) -> Result<()> {
        let bytes = after.bytes();
        if bytes <= before.bytes() {
            return Ok(());
        }
        edit.set.iter().try_for_each(|(key, text)| self.check_value(key.as_str(), text))?;
        let max = self.max_session_bytes;
        if bytes <= max {
            return Ok(());
        }
        let message =
            format!("the session would have {bytes} bytes, max_session_bytes allows {max}");
        Err(Error::new(ErrorKind::TooLarge, message))
    }

    /// Whether one value may be stored.
    pub(crate) fn check_value(&self, key: &str, text: &Text) -> Result<()> {
        let (bytes, max) = (text.as_str().len(), self.max_value_bytes);
        if bytes <= max {
            return Ok(());
        }
        let message =
            format!("the value of `{key}` has {bytes} bytes, max_value_bytes allows {max}");
        Err(Error::new(ErrorKind::TooLarge, message))
    }
}
