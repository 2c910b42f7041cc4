//! Ours against the floor, in ratios and allocations. The two run in turns, many short rounds, so
//! that a noisy machine slows both; the median of the rounds' ratios stays the same when their
//! times do not.

#![allow(missing_docs, reason = "the benchmark's own output says what it measures")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use typed_sessions::{SessionId, SessionStore as _, Token};
use typed_sessions_benches::{Floor, World, now, update};

const ROUNDS: usize = 2_000;
const CALLS_PER_ROUND: u32 = 50;

/// What one thread measured.
struct Measured {
    ratios: Vec<f64>,
    ours: Vec<Duration>,
    floor: Vec<Duration>,
}

fn main() {
    let world = World::new();
    let token = || world.token();
    let visitor = world.visitor();

    println!("{:<42} {:>7} {:>10} {:>10} {:>7}", "", "threads", "ours", "floor", "ratio");
    for threads in [1, 2] {
        let compare = |name, ours: &(dyn Fn() + Sync), floor: &(dyn Fn() + Sync)| {
            compare(name, threads, ours, floor);
        };
        let get_and_decode = || drop(black_box(world.floor.get_and_decode(token())));
        compare("open / get", &|| drop(black_box(world.open())), &|| {
            drop(black_box(world.floor.get(token())));
        });
        compare("open / get + decode", &|| drop(black_box(world.open())), &get_and_decode);
        compare("open + save / get + decode", &|| world.open_and_save(), &get_and_decode);
        compare("open + update / get + decode", &|| world.open_and_update(), &get_and_decode);
        let insert_and_remove = || world.floor.insert_and_remove(next_id(), &visitor);
        let replace = || world.floor.replace(token());
        compare("store: save / get + insert", &|| world.save_in_store(), &replace);
        let create_and_delete = || world.create_and_delete(next_id(), &visitor);
        compare("store: create + delete / insert + remove", &create_and_delete, &insert_and_remove);
        let save_login_destroy = || world.save_login_destroy();
        compare(
            "save + login + destroy / insert + remove",
            &save_login_destroy,
            &insert_and_remove,
        );
    }

    println!("\n{:<42} {:>11} {:>10} {:>7}", "", "allocations", "bytes", "time");
    let record = world.floor.get(token());
    let id = Token::parse(token()).expect("a token").id();
    let mut session = world.open();
    cost("floor: get", || drop(black_box(world.floor.get(token()))));
    cost("floor: decode", || drop(black_box(Floor::decode(&record))));
    cost("floor: get + decode", || drop(black_box(world.floor.get_and_decode(token()))));
    cost("Token::parse", || {
        black_box(Token::parse(token()));
    });
    cost("MemoryStore::load", || drop(black_box(now(world.store.load(&id)))));
    cost("open", || drop(black_box(world.open())));
    cost("open + save of one field", || world.open_and_save());
    cost("save + login + destroy", || world.save_login_destroy());
    cost("update of a counter", || assert_ne!(black_box(update(&mut session)), 0));
}

/// The id of a session that is nowhere yet.
fn next_id() -> SessionId {
    static IDS: AtomicU64 = AtomicU64::new(1);
    let id = IDS.fetch_add(1, Ordering::Relaxed);
    SessionId::from_bytes(u128::from(id).to_be_bytes())
}

/// Prints medians over all rounds of all threads.
fn compare(name: &str, threads: usize, ours: &(dyn Fn() + Sync), floor: &(dyn Fn() + Sync)) {
    let measured: Vec<Measured> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| alternate(ours, floor))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no benchmark panics")).collect()
    });
    let ratio =
        median(measured.iter().flat_map(|measured| &measured.ratios).copied(), f64::total_cmp);
    let ours = median(measured.iter().flat_map(|measured| &measured.ours).copied(), Ord::cmp);
    let floor = median(measured.iter().flat_map(|measured| &measured.floor).copied(), Ord::cmp);
    println!("{name:<42} {threads:>7} {ours:>10.2?} {floor:>10.2?} {ratio:>7.2}");
}

fn alternate(ours: impl Fn(), floor: impl Fn()) -> Measured {
    let mut measured = Measured { ratios: Vec::new(), ours: Vec::new(), floor: Vec::new() };
    for _ in 0..ROUNDS {
        let (below, above) = (time(&floor), time(&ours));
        measured.ratios.push(above.as_secs_f64() / below.as_secs_f64());
        measured.ours.push(above);
        measured.floor.push(below);
    }
    measured
}

/// How long one call takes, on average over a round.
fn time(mut call: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..CALLS_PER_ROUND {
        call();
    }
    start.elapsed() / CALLS_PER_ROUND
}

/// Prints what one call costs: the median allocations, as moka does its housekeeping in some calls,
/// and the median time.
fn cost(name: &str, mut call: impl FnMut()) {
    let counted: Vec<_> = (0..1_001).map(|_| measure(&mut call)).collect();
    let allocations = median(counted.iter().map(|info| info.count_total), Ord::cmp);
    let bytes = median(counted.iter().map(|info| info.bytes_total), Ord::cmp);
    let time = median((0..1_001).map(|_| time(&mut call)), Ord::cmp);
    println!("{name:<42} {allocations:>11} {bytes:>10} {time:>7.2?}");
}

fn median<T: Copy>(
    values: impl Iterator<Item = T>,
    order: impl FnMut(&T, &T) -> std::cmp::Ordering,
) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_by(order);
    values[values.len() / 2]
}
