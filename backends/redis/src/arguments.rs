//! A change as `lua/apply.lua` takes it.

use redis::Cmd;
use typed_sessions_core::{Change, Expected, Guard, Key};

use crate::reply::{GUARD, HEADER, SEAT, guard_text};
use crate::store::millis;

/// What happens to the seat in the session's hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeatChange<'a> {
    Keep,
    Take(&'a str),
    Clear,
}

pub(crate) fn fill(command: &mut Cmd, change: &Change, seat: SeatChange<'_>) {
    command.arg(change.now.as_millis());
    let none = Expected::default();
    let expected = match &change.guard {
        Guard::Absent => {
            command.arg("absent").arg("");
            &none
        }
        Guard::Present(expected) => {
            optional(command, expected.login_epoch);
            optional(command, expected.revision);
            expected
        }
    };
    let remove = removals(change, seat);
    let header_changes = change.header.is_some() || seat != SeatChange::Keep;
    if !header_changes && expected.fields.is_empty() && remove.is_empty() {
        command.arg("");
    } else {
        let keep_for = change.keep_for().map_or(0, millis);
        let asks_for_seat = u8::from(seat != SeatChange::Keep);
        command.arg(format!(
            "{keep_for} {asks_for_seat} {} {}",
            expected.fields.len(),
            remove.len()
        ));
        for (key, text) in &expected.fields {
            let (relation, text) =
                text.as_ref().map_or(("absent", ""), |text| ("is", text.as_str()));
            command.arg(key.as_str()).arg(relation).arg(text);
        }
        command.arg(remove);
    }
    if let Some(header) = &change.header {
        command.arg(GUARD).arg(guard_text(header)).arg(HEADER).arg(header.to_text());
    }
    if let SeatChange::Take(seat) = seat {
        command.arg(SEAT).arg(seat);
    }
    for (key, text) in &change.set {
        command.arg(key.as_str()).arg(text.as_str());
    }
}

/// What is set wins over what is removed; from what is not there nothing is removed.
fn removals<'a>(change: &'a Change, seat: SeatChange<'_>) -> Vec<&'a str> {
    if matches!(change.guard, Guard::Absent) {
        return Vec::new();
    }
    let is_set = |key: &&Key| change.set.iter().any(|(set, _)| set == *key);
    let mut remove: Vec<&str> =
        change.remove.iter().filter(|key| !is_set(key)).map(Key::as_str).collect();
    if seat == SeatChange::Clear {
        remove.push(SEAT);
    }
    remove
}

fn optional(command: &mut Cmd, number: Option<u64>) {
    match number {
        Some(number) => command.arg(number),
        None => command.arg(""),
    };
}
