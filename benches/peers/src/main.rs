//! This library, its peers, and the least that sessions could cost, in one run: see README.md.

mod floors;
mod participant;
mod peers;
mod pinning;
mod sections;
mod shop;
mod table;
mod turns;

use std::time::Duration;

use crate::turns::Rounds;

const USAGE: &str = "arguments: any of memory, redis, postgres (all if none is named); --quick";

fn main() {
    let mut rounds = Rounds { count: 9, slice: Duration::from_millis(300) };
    let mut sections: Vec<fn(Rounds)> = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "memory" => sections.push(sections::memory),
            "redis" => sections.push(sections::redis),
            "postgres" => sections.push(sections::postgres),
            "--quick" => rounds = Rounds { count: 3, slice: Duration::from_millis(100) },
            _ => {
                eprintln!("{argument}? {USAGE}");
                std::process::exit(2);
            }
        }
    }
    if sections.is_empty() {
        sections = vec![sections::redis, sections::postgres, sections::memory];
    }
    for section in sections {
        section(rounds);
    }
}
