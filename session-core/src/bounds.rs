//! Checks of durations in a configuration, with messages that name both values that clash.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::time::seconds;

#[derive(Clone, Copy)]
pub(crate) enum Order {
    AtMost,
    Below,
}

pub(crate) fn ordered(less: (&str, Duration), order: Order, more: (&str, Duration)) -> Result<()> {
    let (holds, relation) = match order {
        Order::AtMost => (less.1 <= more.1, "must not be longer than"),
        Order::Below => (less.1 < more.1, "must be shorter than"),
    };
    if holds {
        return Ok(());
    }
    let ((name, value), (other, bound)) = (less, more);
    Err(Error::config(format!(
        "{name} ({value:?}) {relation} {other} ({bound:?}): lower the first or raise the second"
    )))
}

/// The library counts in milliseconds: less than one is nothing.
pub(crate) fn at_least_a_milli(name: &str, value: Duration) -> Result<()> {
    if value >= Duration::from_millis(1) {
        return Ok(());
    }
    let example = seconds(60);
    Err(Error::config(format!(
        "{name} is {value:?}: it must be at least 1ms, {example:?} for example"
    )))
}
