//! What statements of changes are told, by name: their SQL says `{id}`, and each binds what it
//! needs.

/// A value of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Id,
    /// The instant of the decision.
    Now,
    /// The login epoch that the session must have.
    LoginEpoch,
    /// The revision that it must have, if that matters.
    Revision,
    /// Fields that must be so.
    Expected,
    /// Keys that must be absent.
    Absent,
    /// The header's text, and what guards compare of it.
    Header,
    NextRevision,
    NextEpoch,
    Deadline,
    LastSeen,
    User,
    /// How long the row is kept.
    KeepFor,
    /// How much longer until it is swept.
    Slack,
    /// To what `sweep_at` is cut.
    Unit,
    /// Fields to set.
    Set,
    /// Keys to remove.
    Remove,
}

use Parameter::{
    Absent, Deadline, Expected, Header, Id, KeepFor, LastSeen, LoginEpoch, NextEpoch, NextRevision,
    Now, Remove, Revision, Set, Slack, Unit, User,
};

/// Those of `save.sql`.
pub(crate) const SAVE: &[Parameter] = &[Id, Now, LoginEpoch, Set, Remove];
/// Those of `save.sql` where texts are compared.
pub(crate) const SAVE_IF: &[Parameter] = &[Id, Now, LoginEpoch, Set, Remove, Expected, Absent];
/// Those of `rewrite.sql` where fields stay.
pub(crate) const TOUCH: &[Parameter] = &[
    Id,
    Now,
    LoginEpoch,
    Revision,
    Header,
    NextRevision,
    NextEpoch,
    Deadline,
    LastSeen,
    User,
    KeepFor,
    Slack,
    Unit,
];
/// Those of `rewrite.sql`.
pub(crate) const REWRITE: &[Parameter] = &[
    Id,
    Now,
    LoginEpoch,
    Revision,
    Header,
    NextRevision,
    NextEpoch,
    Deadline,
    LastSeen,
    User,
    KeepFor,
    Slack,
    Unit,
    Set,
    Remove,
];
/// Those of `create.sql`.
pub(crate) const CREATE: &[Parameter] =
    &[Id, Header, NextRevision, NextEpoch, Deadline, LastSeen, User, KeepFor, Slack, Unit, Set];
/// Those of `why_refused.sql`.
pub(crate) const WHY_REFUSED: &[Parameter] = &[Id, Now, LoginEpoch, Revision, Expected, Absent];
/// Those of the function of a login, which has three more. (The function takes what no login has,
/// too: what is expected of fields.)
pub(crate) const LOGIN: &[Parameter] = &[
    Id,
    Now,
    LoginEpoch,
    Revision,
    Expected,
    Absent,
    Header,
    NextRevision,
    NextEpoch,
    Deadline,
    LastSeen,
    User,
    KeepFor,
    Slack,
    Unit,
    Set,
    Remove,
];

impl Parameter {
    /// As the SQL has it, in braces.
    const fn name(self) -> &'static str {
        match self {
            Id => "id",
            Now => "now",
            LoginEpoch => "login_epoch",
            Revision => "revision",
            Expected => "expected",
            Absent => "absent",
            Header => "header",
            NextRevision => "next_revision",
            NextEpoch => "next_epoch",
            Deadline => "deadline",
            LastSeen => "last_seen",
            User => "user",
            KeepFor => "keep_for",
            Slack => "slack",
            Unit => "unit",
            Set => "set",
            Remove => "remove",
        }
    }
}

/// Each one's name in the SQL, and its place.
pub(crate) fn places(parameters: &[Parameter]) -> Vec<(&'static str, String)> {
    (1..).zip(parameters).map(|(n, parameter)| (parameter.name(), format!("${n}"))).collect()
}
