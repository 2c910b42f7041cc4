//! What a session costs a page in axum, and the same page on tower-sessions with axum-login: in
//! requests per second over real sockets, in turns.

#![allow(clippy::print_stdout, reason = "it is what a benchmark does")]

mod load;
mod ours;
mod theirs;

use std::time::Duration;

use axum::Router;
use axum::routing::get;

use crate::load::Clients;

const CLIENTS: usize = 32;
const SLICE: Duration = Duration::from_millis(200);

/// A handler without a session.
async fn plain() -> &'static str {
    "hello"
}

/// One line: a path of one app beside a path of another.
struct Comparison {
    name: &'static str,
    /// Where each side is in the list of all clients, and what it is asked.
    ours: (usize, &'static str),
    other: (usize, &'static str),
}

const BARE: usize = 0;
const OURS: usize = 1;
const THEIRS: usize = 2;

const COMPARISONS: [Comparison; 6] = [
    Comparison {
        name: "page (sign-in state, counter) / bare route",
        ours: (OURS, "/page"),
        other: (BARE, "/plain"),
    },
    Comparison {
        name: "a session that is read / bare route",
        ours: (OURS, "/read"),
        other: (BARE, "/plain"),
    },
    Comparison { name: "no session / bare route", ours: (OURS, "/plain"), other: (BARE, "/plain") },
    Comparison {
        name: "page / page on tower-sessions + axum-login",
        ours: (OURS, "/page"),
        other: (THEIRS, "/page"),
    },
    Comparison {
        name: "a session that is read / the same there",
        ours: (OURS, "/read"),
        other: (THEIRS, "/read"),
    },
    Comparison {
        name: "no session / the same there",
        ours: (OURS, "/plain"),
        other: (THEIRS, "/plain"),
    },
];

#[tokio::main]
async fn main() {
    let rounds = if std::env::args().any(|arg| arg == "--quick") { 9 } else { 30 };
    let bare = Router::new().route("/plain", get(plain));
    let mut all = [
        Clients::of(bare, false, CLIENTS).await,
        Clients::of(ours::app(), true, CLIENTS).await,
        Clients::of(theirs::app(), true, CLIENTS).await,
    ];
    for clients in [OURS, THEIRS] {
        assert_eq!(all[clients].read("/page").await, "Ada, visit 1");
        assert_eq!(all[clients].read("/read").await, "Ada, visit 1");
        assert_eq!(all[clients].read("/page").await, "Ada, visit 2");
    }
    println!("{CLIENTS} clients, server and clients in one process; load {}", load_average());
    let mut lines = Vec::new();
    for comparison in &COMPARISONS {
        lines.push(compare(&mut all, comparison, rounds).await);
    }
    // The unflattering ones first.
    lines.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    println!(
        "\n{:<46} {:>9} {:>9} {:>6}",
        "requests per second, medians", "ours", "other", "ratio"
    );
    for (_, line) in lines {
        println!("{line}");
    }
    println!("\nload {}", load_average());
}

/// The median ratio, and the line that shows it.
async fn compare(all: &mut [Clients; 3], what: &Comparison, rounds: usize) -> (f64, String) {
    let (mut ratios, mut ours, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let mut turn = async |(clients, path): (usize, &str)| all[clients].rate(path, SLICE).await;
        // Neither always comes after the other.
        let (our, other) = if round % 2 == 0 {
            let our = turn(what.ours).await;
            (our, turn(what.other).await)
        } else {
            let other = turn(what.other).await;
            (turn(what.ours).await, other)
        };
        // The first is for warming up.
        if round > 0 {
            ratios.push(our / other);
            ours.push(our);
            others.push(other);
        }
    }
    let [ratio, our, other] = [ratios, ours, others].map(median);
    (ratio, format!("{:<46} {our:>9.0} {other:>9.0} {ratio:>6.2}", what.name))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What else the machine does, which disturbs all of this.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
