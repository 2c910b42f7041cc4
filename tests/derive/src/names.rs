//! Fields whose names could collide with what the derived code calls its own.

use typed_sessions::SessionData;

/// Keywords, and names like the macro's own.
#[derive(Debug, SessionData)]
pub struct Names {
    r#type: u8,
    r#match: Option<u8>,
    self_: u8,
    stored: u8,
    index: u8,
    data: Vec<u8>,
    user: u8,
    fields: u8,
    initial: u8,
    read: u8,
    __stored: u8,
    __index: u8,
    __data: u8,
    core: u8,
    std: u8,
    typed_sessions: u8,
}

/// Names that `default` expressions use, from items named like a local of the derived code.
#[derive(Debug, SessionData)]
pub struct Defaults {
    #[session(default = index())]
    index: u8,
    #[session(default = stored)]
    stored: u8,
    #[session(default = Self::FIRST)]
    start: u8,
    #[session(default = {
        let index = data;
        index + 1
    })]
    block: u8,
    #[session(default = if index() > 0 { 1 } else { 2 })]
    branch: u8,
    #[session(default = vec![index(); 2].into_iter().map(|number| number + 1).collect())]
    chain: Vec<u8>,
}

impl Defaults {
    const FIRST: u8 = 7;
}

const fn index() -> u8 {
    1
}

#[allow(non_upper_case_globals, reason = "the name matters here")]
const stored: u8 = 2;

#[allow(non_upper_case_globals, reason = "the name matters here")]
static data: u8 = 3;
