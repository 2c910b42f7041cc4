//! The steps of random sequences of changes, and how they are drawn.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use typed_sessions::store::{Edit, Key, Record, Text};

/// Sessions at a time.
pub(crate) const SLOTS: usize = 5;

/// One step of a sequence.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wait(u8),
    /// A new session takes the place of another one.
    Start {
        slot: usize,
        limit: usize,
    },
    /// Another handle on the same session.
    Open {
        slot: usize,
        which: usize,
        limit: usize,
    },
    /// What an application does; the headers that it makes are real ones.
    Act {
        slot: usize,
        which: usize,
        act: Act,
        twist: Option<Twist>,
    },
    /// Fields by themselves, under all sorts of conditions.
    Save {
        slot: usize,
        save: OddSave,
    },
    /// A session under an id that is taken, or was.
    Create {
        slot: usize,
        like: usize,
        fields: Oddities,
        limit: usize,
    },
    Delete {
        slot: usize,
        only: Only,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Save(u32),
    Login(usize),
    Remember(usize),
    Logout,
    Touch,
    Renew,
    Prove,
    Destroy,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Only {
    Anyones,
    OfUser(usize),
    OfLogin(Nth),
}

/// One of three that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nth {
    Previous,
    Current,
    Next,
}

#[derive(Clone, Debug)]
pub(crate) struct OddSave {
    pub(crate) epoch: Nth,
    pub(crate) when: When,
    expected: BTreeMap<usize, Expected>,
    pub(crate) edit: Oddities,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Now,
    AnHourBefore,
    JustBeforeTheDeadline,
    AtTheDeadline,
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    AsStored,
    Absent,
    Other(usize),
}

/// What a change is turned into, and tried, before it is made as it is.
#[derive(Clone, Debug)]
pub(crate) enum Twist {
    LaterEpoch,
    EarlierEpoch,
    LaterRevision,
    EarlierRevision,
    LaterEpochAndRevision,
    AtTheDeadline,
    LongAfter,
    AnHourBefore,
    ToAnUnknownSession,
    WithOddities(Oddities),
}

/// Keys and texts that a store may not like, by their place in [`KEYS`] and [`TEXTS`].
#[derive(Clone, Debug)]
pub(crate) struct Oddities {
    set: BTreeMap<usize, usize>,
    remove: BTreeSet<usize>,
}

const KEYS: [&str; 9] =
    ["a", "b", "a\0b", "\u{10FFFF}", "'; --\\", "{b}:%_*", " ", "é\u{301}🦀", "\"$1\""];

const TEXTS: [&str; 10] = [
    "1",
    "1 ",
    "",
    "\0",
    "null",
    "no json",
    "@1767225600000 \"x\"",
    "{ \"b\" : 1.0e+2,\"a\":\"\\u0000\" }",
    "\"\\u00e9\u{10FFFF}\r\n\t\u{2028}\"",
    "[[[\"'`$1 %s {} \\\\ \u{202E}\"]]]",
];

impl Oddities {
    pub(crate) fn edit(&self) -> Edit {
        let set = self.set.iter().map(|(key, text)| (Key::new(KEYS[*key]), odd_text(*text)));
        Edit {
            set: set.collect(),
            remove: self.remove.iter().map(|key| Key::new(KEYS[*key])).collect(),
        }
    }
}

/// The last one is long.
fn odd_text(nth: usize) -> Text {
    match TEXTS.get(nth) {
        Some(text) => Text::from_stored(text),
        None => Text::from_stored(&format!("\"{}\"", "ä".repeat(5_000))),
    }
}

impl OddSave {
    /// The conditions of the save, when this is what is stored.
    pub(crate) fn expected(&self, record: Option<&Record>) -> Vec<(Key, Option<Text>)> {
        let expected = self.expected.iter().map(|(key, expected)| {
            let key = KEYS[*key];
            let text = match expected {
                Expected::AsStored => record.and_then(|record| record.fields.get(key).cloned()),
                Expected::Absent => None,
                Expected::Other(nth) => Some(odd_text(*nth)),
            };
            (Key::new(key), text)
        });
        expected.collect()
    }
}

fn oddities() -> impl Strategy<Value = Oddities> {
    let set = proptest::collection::btree_map(0..KEYS.len(), 0..=TEXTS.len(), 0..4);
    let remove = proptest::collection::btree_set(0..KEYS.len(), 0..3);
    (set, remove).prop_map(|(set, remove)| Oddities { set, remove })
}

fn nth() -> impl Strategy<Value = Nth> {
    prop_oneof![1 => Just(Nth::Previous), 4 => Just(Nth::Current), 1 => Just(Nth::Next)]
}

fn odd_save() -> impl Strategy<Value = OddSave> {
    let when = prop_oneof![
        5 => Just(When::Now),
        1 => Just(When::AnHourBefore),
        1 => Just(When::JustBeforeTheDeadline),
        1 => Just(When::AtTheDeadline),
    ];
    let expected = prop_oneof![
        4 => Just(Expected::AsStored),
        1 => Just(Expected::Absent),
        1 => (0..=TEXTS.len()).prop_map(Expected::Other),
    ];
    let expected = proptest::collection::btree_map(0..KEYS.len(), expected, 0..3);
    (nth(), when, expected, oddities()).prop_map(|(epoch, when, expected, edit)| OddSave {
        epoch,
        when,
        expected,
        edit,
    })
}

/// Most of them the same one: it is to have many sessions.
fn user() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 1 => Just(1), 1 => Just(2)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => any::<u32>().prop_map(Act::Save),
        6 => user().prop_map(Act::Login),
        1 => user().prop_map(Act::Remember),
        2 => Just(Act::Logout),
        2 => Just(Act::Touch),
        2 => Just(Act::Renew),
        2 => Just(Act::Prove),
        1 => Just(Act::Destroy),
    ]
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        Just(Twist::LaterEpoch),
        Just(Twist::EarlierEpoch),
        Just(Twist::LaterRevision),
        Just(Twist::EarlierRevision),
        Just(Twist::LaterEpochAndRevision),
        Just(Twist::AtTheDeadline),
        Just(Twist::LongAfter),
        Just(Twist::AnHourBefore),
        Just(Twist::ToAnUnknownSession),
        oddities().prop_map(Twist::WithOddities),
    ]
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    let limit = || 0_usize..3;
    let which = || 0_usize..2;
    let twist = proptest::option::weighted(0.3, twist());
    let only = prop_oneof![
        1 => Just(Only::Anyones),
        3 => user().prop_map(Only::OfUser),
        2 => nth().prop_map(Only::OfLogin),
    ];
    prop_oneof![
        2 => prop_oneof![5 => 1_u8..3, 1 => Just(5)].prop_map(Step::Wait),
        4 => (slot(), limit()).prop_map(|(slot, limit)| Step::Start { slot, limit }),
        3 => (slot(), which(), limit())
            .prop_map(|(slot, which, limit)| Step::Open { slot, which, limit }),
        18 => (slot(), which(), act(), twist)
            .prop_map(|(slot, which, act, twist)| Step::Act { slot, which, act, twist }),
        4 => (slot(), odd_save()).prop_map(|(slot, save)| Step::Save { slot, save }),
        1 => (slot(), slot(), oddities(), limit())
            .prop_map(|(slot, like, fields, limit)| Step::Create { slot, like, fields, limit }),
        2 => (slot(), only).prop_map(|(slot, only)| Step::Delete { slot, only }),
    ]
}

impl Nth {
    pub(crate) fn of(self, epoch: u64) -> Option<u64> {
        match self {
            Self::Previous => epoch.checked_sub(1),
            Self::Current => Some(epoch),
            Self::Next => epoch.checked_add(1),
        }
    }
}
