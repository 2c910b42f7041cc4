//! Which settings contradict each other, and what is assumed of those that are not set.

use super::{RenewalSetting, SessionsBuilder};
use crate::bounds::{Order, at_least_a_milli, ordered};
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::policy::{Policy, Renewal, Timeouts, default};

impl<D: SessionData> SessionsBuilder<D> {
    pub(super) fn checked_policy(&self) -> Result<Policy> {
        let timeouts = Timeouts::default();
        let absolute_timeout = self.absolute_timeout.unwrap_or(timeouts.absolute());
        let idle_timeout = self.idle_timeout.unwrap_or(timeouts.idle().min(absolute_timeout));
        let touch_every = self.touch_every.unwrap_or(default::TOUCH_EVERY.min(idle_timeout / 2));
        let max_session_bytes = self.max_session_bytes.unwrap_or(default::MAX_SESSION_BYTES);
        let max_value_bytes =
            self.max_value_bytes.unwrap_or(default::MAX_VALUE_BYTES.min(max_session_bytes));
        let renewal = self.checked_renewal()?;

        at_least_a_milli("absolute_timeout", absolute_timeout)?;
        at_least_a_milli("idle_timeout", idle_timeout)?;
        at_least_a_milli("touch_every", touch_every)?;
        ordered(
            ("idle_timeout", idle_timeout),
            Order::AtMost,
            ("absolute_timeout", absolute_timeout),
        )?;
        ordered(("touch_every", touch_every), Order::Below, ("idle_timeout", idle_timeout))?;
        if self.limit.is_some_and(|limit| limit.sessions == 0) {
            return Err(Error::config(
                "max_sessions_per_user is 0: nobody could log in; allow at least 1",
            ));
        }
        if max_value_bytes == 0 || max_session_bytes == 0 {
            return Err(Error::config(
                "max_value_bytes and max_session_bytes must not be 0: nothing could be stored",
            ));
        }
        if max_value_bytes > max_session_bytes {
            return Err(Error::config(format!(
                "max_value_bytes ({max_value_bytes}) is more than max_session_bytes \
                 ({max_session_bytes}): lower the first or raise the second"
            )));
        }
        Ok(Policy {
            idle_timeout,
            absolute_timeout,
            touch_every,
            renewal,
            on_reuse: self.on_reuse,
            limit: self.limit,
            max_value_bytes,
            max_session_bytes,
        })
    }

    fn checked_renewal(&self) -> Result<Option<Renewal>> {
        let every = match self.renewal {
            RenewalSetting::Every(every) => every,
            RenewalSetting::ByDefault => default::RENEW_EVERY,
            RenewalSetting::Never => {
                return match self.renew_grace {
                    None => Ok(None),
                    Some(grace) => Err(Error::config(format!(
                        "never_renew and renew_grace ({grace:?}) exclude each other: without \
                         renewals there is nothing to grant a grace to; leave one of them out"
                    ))),
                };
            }
        };
        let grace = self.renew_grace.unwrap_or(default::RENEW_GRACE.min(every));
        at_least_a_milli("renew_every", every)?;
        at_least_a_milli("renew_grace", grace)?;
        ordered(("renew_grace", grace), Order::AtMost, ("renew_every", every))?;
        Ok(Some(Renewal { every, grace }))
    }
}
