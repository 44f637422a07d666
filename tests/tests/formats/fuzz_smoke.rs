//! What the fuzzer runs for hours in `tests/fuzz`, run here for seconds: every
//! target over its seeds, and over mutations of them.

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;
use tests::fuzzing::{self, TARGETS, Target};

/// Runs a target; where it panics, says what to run it with again.
fn run(target: &Target, bytes: &[u8]) {
    let run = std::panic::catch_unwind(|| fuzzing::run(target.name, bytes));
    if let Err(panic) = run {
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("target {} fails on these bytes: {text}", target.name);
        std::panic::resume_unwind(panic);
    }
}

/// A mutation of one of the seeds, or of two.
fn mutation(seeds: &[Vec<u8>], random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = seeds
        .choose(random)
        .expect("every target has seeds")
        .clone();
    for _ in 0..random.random_range(1..6) {
        let place =
            |bytes: &[u8], random: &mut Xoshiro256PlusPlus| random.random_range(0..=bytes.len());
        let (from, to) = (place(&bytes, random), place(&bytes, random));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 16));
        match random.random_range(0..7) {
            0 => drop(bytes.drain(from..to)),
            1 => bytes[from..to].fill_with(|| random.random()),
            2 => bytes[from..to].fill([0, 0xff, b'9', b'-'][random.random_range(0..4)]),
            3 => {
                let copy = bytes[from..to].to_vec();
                let at = place(&bytes, random);
                drop(bytes.splice(at..at, copy));
            }
            4 => {
                let other = seeds.choose(random).expect("every target has seeds");
                let at = place(other, random);
                drop(bytes.splice(to.., other[at..].iter().copied()));
            }
            5 => bytes.extend((0..random.random_range(1..40)).map(|_| random.random::<u8>())),
            _ => {
                if let Some(byte) = bytes.get_mut(from) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
        }
    }
    bytes
}

/// How many mutations: more where asked for.
fn rounds() -> u64 {
    let asked = std::env::var("FUZZ_ROUNDS").ok();
    asked.map_or(150, |rounds| {
        rounds.parse().expect("FUZZ_ROUNDS is a number")
    })
}

fn smoke(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("it is a target");
    let seeds = (target.seeds)();
    run(target, &[]);
    for seed in &seeds {
        run(target, seed);
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    for _ in 0..rounds() {
        run(target, &mutation(&seeds, &mut random));
    }
}

macro_rules! smoke {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(run));
        }
    };
}

smoke! {
    trace events plc csv iopddl xla hlo tflite iree executorch pytorch packed convert report placements solve extremes
}
