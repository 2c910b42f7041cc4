//! The same without a fuzzer: every seed, and some thousand mutations of the seeds, the same on
//! each run.

use std::fs;
use std::path::Path;

const MUTATIONS: usize = 5_000;

/// What breaks parsers: numbers at their limits, and the characters that mean something to JSON,
/// texts and tokens.
const PIECES: [&str; 16] = [
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "1e400",
    "0",
    "null",
    "{",
    "]",
    "\"",
    "\\ud800",
    "@0 ",
    "@18446744073709551615 ",
    "=",
    "\n",
    "\0",
    "\u{10FFFF}",
];

#[test]
fn f3_any_token_text_is_read_or_refused() {
    run("token", crate::token);
}

#[test]
fn f3_any_request_headers_are_read_or_refused() {
    run("cookie", crate::cookie);
}

#[test]
fn f3_any_stored_header_is_read_or_refused() {
    run("record", crate::record);
}

#[test]
fn f2_f3_any_stored_fields_are_read_or_refused_and_stay() {
    run("session", crate::session);
}

#[test]
fn headers_among_the_seeds_are_of_the_present_version() {
    let headers = seeds("record").into_iter().filter(|seed| seed.starts_with(b"{\"v\":3,"));
    let headers: Vec<_> = headers.map(|seed| String::from_utf8(seed).expect("JSON")).collect();
    assert!(headers.len() >= 9, "the fuzzer would not get past the header's text");
    for header in headers {
        typed_sessions::store::Header::from_text(&header).expect(&header);
    }
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds = seeds(target);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for seed in &seeds {
        check(body, seed);
    }
    for _ in 0..MUTATIONS {
        let mut input = random.pick(&seeds).clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &seeds, &mut random);
        }
        check(body, &input);
    }
}

/// Runs the body and, if it fails, says on which input.
fn check(body: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| body(input)) {
        eprintln!("failed on the input b\"{}\"", input.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no seeds in {}", folder.display());
    paths.iter().map(|path| fs::read(path).expect("a readable seed")).collect()
}

/// One random change: of a byte, of a length, or with a piece from elsewhere.
fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let from = random.below(input.len() + 1);
    let to = from + random.below(input.len() - from + 1).min(24);
    match random.below(6) {
        0 if from < input.len() => input[from] ^= 1 << random.below(8),
        1 => input.truncate(from),
        2 => drop(input.drain(from..to)),
        3 => drop(input.splice(from..to, random.pick(&PIECES).bytes())),
        4 => input.extend_from_within(from..to),
        _ => {
            let other = random.pick(seeds);
            input.truncate(from);
            input.extend_from_slice(&other[from.min(other.len())..]);
        }
    }
}

/// Xorshift: the same sequence on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
