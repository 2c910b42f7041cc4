//! Counts the instructions of `open`, of a save and of a login, and fails when one takes more than
//! is known. It runs itself under valgrind, which must be installed: `scripts/instructions`.
//!
//! Each operation is counted twice, done a few times and many times: the difference has neither the
//! start of a program in it nor the making of connections. Hashing is counted by itself: valgrind
//! hides that the processor can do it, so a third of a login would be SHA-256 in software, and hide
//! the rest.

#![allow(clippy::print_stdout, reason = "it is a program that tells what it counted")]

use std::process::{Command, ExitCode};
use std::time::Duration;

use typed_sessions::{MemoryStore, RedisStore, Sessions};
use typed_sessions_cost_tests::Operation::{self, Open, OpenAndSave, SaveAndLogin};
use typed_sessions_test_servers::redis::Redis;

/// What is known to be enough. When a change makes it less, write that down here; when it makes it
/// more, it has to be worth it. `scripts/instructions` prints the numbers.
const KNOWN: [Known; 3] = [
    Known { operation: Open, hashing: 3_474, in_memory: 16_700, on_redis: 57_000 },
    Known { operation: OpenAndSave, hashing: 3_474, in_memory: 38_500, on_redis: 96_700 },
    Known { operation: SaveAndLogin, hashing: 41_688, in_memory: 70_500, on_redis: 135_200 },
];

/// Other compilers, C libraries and processors take a little more or less.
const SLACK_PERCENT: u64 = 15;

/// What hashes 64 bytes.
const HASH: &str = "sha2::sha256::soft::unroll::compress";

/// The URL of the store in memory.
const IN_MEMORY: &str = "memory:";

/// How many instructions an operation takes.
struct Known {
    operation: Operation,
    /// Whatever the store.
    hashing: u64,
    /// All but hashing, on the store in memory.
    in_memory: u64,
    /// All but hashing, in a client of Redis that does 64 at a time.
    on_redis: u64,
}

/// Which instructions are counted.
#[derive(Clone, Copy)]
enum Counted {
    All,
    Hashing,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => count_all(),
        [row, times, url] => {
            let row: usize = row.parse().expect("a row of the table, from 0");
            work(KNOWN[row].operation, times.parse().expect("a number"), url);
            ExitCode::SUCCESS
        }
        _ => panic!("without arguments, as `scripts/instructions` does it"),
    }
}

/// Counts every operation, and says which take too much.
fn count_all() -> ExitCode {
    let server = Redis::start(&[]);
    let mut are_known = true;
    for (row, known) in KNOWN.iter().enumerate() {
        let mut judge = |place, counted, enough| {
            let name = format!("{:?}, {place}", known.operation);
            let (is_known, verdict) = verdict(counted, enough);
            println!("{name:<23} {counted:>7} instructions, known {enough:>7}  {verdict}");
            are_known &= is_known;
        };
        let hashing = of_one(Counted::Hashing, row, IN_MEMORY);
        judge("hashing", hashing, known.hashing);
        judge("in memory", of_one(Counted::All, row, IN_MEMORY) - hashing, known.in_memory);
        judge("on Redis", of_one(Counted::All, row, &server.url()) - hashing, known.on_redis);
    }
    if are_known {
        return ExitCode::SUCCESS;
    }
    println!("What is known stands in {}. CONTRIBUTING.md says how to find out why.", file!());
    ExitCode::FAILURE
}

/// Whether it is no more than is known, and what to do.
fn verdict(counted: u64, known: u64) -> (bool, &'static str) {
    if counted * 100 > known * (100 + SLACK_PERCENT) {
        (false, "too many: find out why")
    } else if counted * (100 + SLACK_PERCENT) < known * 100 {
        (true, "fewer, well done: write it down")
    } else {
        (true, "")
    }
}

/// How many instructions one operation takes.
fn of_one(counted: Counted, row: usize, url: &str) -> u64 {
    let (few, many) = if url == IN_MEMORY { (500, 1_500) } else { (5, 20) };
    let more = count(counted, row, many, url) - count(counted, row, few, url);
    more / ((many - few) * tasks(url))
}

/// How many instructions this program takes to do it so many times in each task.
fn count(counted: Counted, row: usize, times: u64, url: &str) -> u64 {
    let program = std::env::current_exe().expect("this program is a file");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if let Counted::Hashing = counted {
        // Then it counts nothing else.
        valgrind.arg(format!("--toggle-collect={HASH}"));
    }
    valgrind.arg(program).args([&row.to_string(), &times.to_string(), url]);
    let output = valgrind.output().expect("valgrind is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let count = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.unwrap_or_else(|| panic!("valgrind did not count:\n{said}"));
    count.trim().parse().expect("valgrind counts in digits")
}

/// How many do it at a time.
fn tasks(url: &str) -> u64 {
    if url == IN_MEMORY { 1 } else { 64 }
}

/// What is counted.
fn work(operation: Operation, times: u64, url: &str) {
    // One thread: which of several finds work is chance.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let work = async {
        let sessions = if url == IN_MEMORY {
            Sessions::new(MemoryStore::new())
        } else {
            // A busy machine is not what this is about.
            let builder = RedisStore::builder().url(url).time_limit(Duration::from_secs(20));
            Sessions::new(builder.connect().await.expect("the server answers"))
        };
        operation.repeat(&sessions, tasks(url), times).await
    };
    runtime.expect("a runtime").block_on(work).expect("the store answers");
}
