//! A change as `apply.lua` takes it.

use std::collections::HashSet;
use std::time::Duration;

use redis::Cmd;
use typed_sessions_core::__backend::CENTURY;
use typed_sessions_core::Timestamp;
use typed_sessions_core::store::{Change, Create, Edit, Header, Key, Rewrite, Save, Text};

use crate::guard::Guard;
use crate::index::index_lasts;
use crate::joining::Joining;
use crate::keys::{GUARD, HEADER, INDEXED_UNTIL, SEAT};

/// What a write means for the session's seat in the index of its user.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The index does not matter: nobody is logged in, or only fields change.
    Indifferent,
    /// The seat stays. Nothing is written if the session would outlast the index, as far as the
    /// session was told how long that lasts.
    Kept,
    /// The seat stays, and the index lasts for so long from now.
    Prolonged { index_lasts: Duration },
    /// This seat takes the place of another or of none, and the index lasts for so long from now.
    Taken { seat: u64, index_lasts: Duration },
    /// The same, and the seat is taken in the same step. These members do not count.
    Joins { joining: &'a Joining<'a>, uncounted: &'a HashSet<String> },
    /// The seat is left.
    Left,
}

/// What a change writes, and under which conditions.
struct Parts<'a> {
    now: Timestamp,
    condition: Condition,
    expected: &'a [(Key, Option<Text>)],
    header: Option<&'a Header>,
    set: &'a [(Key, Text)],
    remove: &'a [Key],
}

/// What must be so of the session as a whole.
enum Condition {
    Absent,
    Epoch(u64),
    EpochAndRevision(u64, u64),
}

impl<'a> Parts<'a> {
    fn of(change: &'a Change) -> Self {
        match change {
            Change::Create(Create { now, header, fields, limit: _ }) => Self {
                now: *now,
                condition: Condition::Absent,
                expected: &[],
                header: Some(header),
                set: fields,
                remove: &[],
            },
            Change::Save(Save { now, login_epoch, expected, edit: Edit { set, remove } }) => Self {
                now: *now,
                condition: Condition::Epoch(*login_epoch),
                expected,
                header: None,
                set,
                remove,
            },
            Change::Rewrite(Rewrite { now, login_epoch, revision, header, edit, owner: _ }) => {
                let Edit { set, remove } = edit;
                Self {
                    now: *now,
                    condition: Condition::EpochAndRevision(*login_epoch, *revision),
                    expected: &[],
                    header: Some(header),
                    set,
                    remove,
                }
            }
        }
    }

    fn guards(&self, command: &mut Cmd) {
        command.arg(self.now.as_millis());
        match self.condition {
            Condition::Absent => command.arg("absent").arg(""),
            Condition::Epoch(epoch) => command.arg(epoch).arg(""),
            Condition::EpochAndRevision(epoch, revision) => command.arg(epoch).arg(revision),
        };
    }

    /// The keys to remove. What is set wins over what is removed.
    fn removals(&self, place: Place<'_>) -> Vec<&'a str> {
        let is_set = |key: &&Key| self.set.iter().any(|(set, _)| set == *key);
        let mut remove: Vec<&str> =
            self.remove.iter().filter(|key| !is_set(key)).map(Key::as_str).collect();
        if matches!(place, Place::Left) {
            remove.extend([SEAT, INDEXED_UNTIL]);
        }
        remove
    }
}

/// All of the change.
pub(crate) fn write(command: &mut Cmd, change: &Change, place: Place<'_>) {
    let parts = Parts::of(change);
    parts.guards(command);
    let remove = parts.removals(place);
    let sets_fields_only = parts.header.is_none()
        && matches!(place, Place::Indifferent)
        && parts.expected.is_empty()
        && remove.is_empty();
    if sets_fields_only {
        command.arg("");
    } else {
        let keep_for = change.keep_for().map_or(0, millis_rounded_up);
        let (expected, removed) = (parts.expected.len(), remove.len());
        let (seat, index_lasts, joins) = match place {
            Place::Indifferent => ("any", 0, 0),
            Place::Kept => ("kept", 0, 0),
            Place::Prolonged { index_lasts } => ("any", millis_rounded_up(index_lasts), 0),
            Place::Taken { index_lasts, .. } => ("changed", millis_rounded_up(index_lasts), 0),
            Place::Joins { joining, uncounted } => {
                let lasts = millis_rounded_up(index_lasts(joining.lasts));
                ("taken", lasts, joining.arguments(uncounted))
            }
            Place::Left => ("changed", 0, 0),
        };
        command.arg(format!("{keep_for} {seat} {index_lasts} {expected} {removed} {joins}"));
        for (key, text) in parts.expected {
            let (relation, text) =
                text.as_ref().map_or(("absent", ""), |text| ("is", text.as_str()));
            command.arg(key.as_str()).arg(relation).arg(text);
        }
        command.arg(remove);
        if let Place::Joins { joining, uncounted } = place {
            joining.write(command, uncounted);
        }
    }
    if let Some(header) = parts.header {
        command.arg(GUARD).arg(Guard::text_of(header)).arg(HEADER).arg(header.to_text());
    }
    if let Place::Taken { seat, .. } = place {
        command.arg(SEAT).arg(seat);
    }
    for (key, text) in parts.set {
        command.arg(key.as_str()).arg(text.as_str());
    }
}

/// The change's conditions on the session as a whole, and nothing to write.
pub(crate) fn check(command: &mut Cmd, change: &Change) {
    Parts::of(change).guards(command);
    command.arg("0 any 0 0 0 0");
}

/// A lifetime as Redis takes it: at least a millisecond, at most a century.
pub(crate) fn millis_rounded_up(duration: Duration) -> u64 {
    let millis = duration.min(CENTURY).as_nanos().div_ceil(1_000_000).max(1);
    u64::try_from(millis).unwrap_or(u64::MAX)
}
