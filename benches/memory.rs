//! What an operation costs on the in-memory store, with the floor in the same run.

#![allow(missing_docs, reason = "the names of the benchmarks say what they measure")]

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use typed_sessions_benches::{Floor, World, update};

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fn main() {
    LazyLock::force(&WORLD);
    divan::main();
}

#[divan::bench_group(threads = [1, 2], sample_count = 100, sample_size = 100)]
mod floor {
    use super::{Bencher, Floor, WORLD, black_box};

    #[divan::bench]
    fn moka_get() {
        black_box(WORLD.floor.get(WORLD.token()));
    }

    #[divan::bench]
    fn decode(bencher: Bencher<'_, '_>) {
        let record = WORLD.floor.get(WORLD.token());
        bencher.bench(|| Floor::decode(&record));
    }

    #[divan::bench]
    fn moka_get_and_decode() {
        black_box(WORLD.floor.get_and_decode(WORLD.token()));
    }
}

#[divan::bench_group(threads = [1, 2], sample_count = 100, sample_size = 100)]
mod sessions {
    use super::{Bencher, WORLD, black_box, update};

    #[divan::bench]
    fn open() {
        black_box(WORLD.open());
    }

    #[divan::bench]
    fn open_and_save_one_field() {
        WORLD.open_and_save();
    }

    #[divan::bench]
    fn update_a_counter(bencher: Bencher<'_, '_>) {
        // Each thread has a fresh handle: an update that loses a race would measure the retry.
        bencher.with_inputs(|| WORLD.open()).bench_refs(update);
    }
}
