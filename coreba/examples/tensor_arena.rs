//! Plans the arena of a small neural network, as a compiler would: every
//! tensor is live from the operator that makes it to the last one that reads
//! it, and all of them are to lie in one block of memory.
//!
//! `cargo run -p idealloc --example tensor_arena`

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use common::units::human_bytes;
use coreba::{Job, Options, Problem};

/// An operator: the tensor that it makes, its size in bytes, and what it reads.
struct Operator {
    makes: String,
    bytes: u64,
    reads: Vec<String>,
}

/// Residual blocks of two convolutions and a shortcut, every second of them at
/// half the resolution and with twice the channels of the one before.
fn network(blocks: u32) -> Vec<Operator> {
    let mut operators = Vec::new();
    let mut operator = |makes: String, bytes: u64, reads: &[&str]| {
        let reads = reads.iter().map(ToString::to_string).collect();
        operators.push(Operator {
            makes: makes.clone(),
            bytes,
            reads,
        });
        makes
    };
    let mut last = operator("image".into(), 4 * 3 * 224 * 224, &[]);
    for block in 0..blocks {
        let (side, channels) = (112 >> (block / 2), 64 << (block / 2));
        let bytes = 4 * side * side * channels;
        let first = operator(format!("block{block}/conv1"), bytes, &[&last]);
        let active = operator(format!("block{block}/relu1"), bytes, &[&first]);
        // Scratch memory of the convolution: made and read by one operator.
        let patches = operator(format!("block{block}/patches"), 9 * bytes / 4, &[&active]);
        let second = operator(format!("block{block}/conv2"), bytes, &[&active, &patches]);
        let shortcut = operator(format!("block{block}/shortcut"), bytes, &[&last]);
        last = operator(format!("block{block}/sum"), bytes, &[&second, &shortcut]);
    }
    operator("scores".into(), 4 * 1000, &[&last]);
    operators
}

/// A job a tensor. The clock counts operators.
fn lifetimes(operators: &[Operator]) -> Vec<Job> {
    let mut last_read: BTreeMap<&str, u64> = BTreeMap::new();
    for (time, operator) in (0..).zip(operators) {
        for tensor in &operator.reads {
            last_read.insert(tensor, time);
        }
    }
    let job = |(time, operator): (u64, &Operator)| {
        // What nobody reads is the result: it lives to the end.
        let end = operators.len() as u64;
        let read = last_read.get(&*operator.makes);
        let death = read.map_or(end, |&last| last + 1);
        Job::new(time, time, death, operator.bytes)
            .named(&*operator.makes)
            .aligned(64)
    };
    (0..).zip(operators).map(job).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let operators = network(8);
    let problem = Problem::new(lifetimes(&operators))?;
    let options = Options::within(Duration::from_millis(500));
    let solution = coreba::solve(&problem, &options, &mut ())?;
    for (job, offset) in problem.jobs().iter().zip(&solution.placement.offsets) {
        println!("{offset:>9} {:>9}  {}", job.size, job.id);
    }
    let apart: u64 = problem.jobs().iter().map(|job| job.size).sum();
    println!("tensors apart  {}", human_bytes(apart));
    println!("lower bound    {}", human_bytes(solution.lower_bound));
    println!("arena          {}", human_bytes(solution.makespan));
    println!("status         {:?}", solution.status);
    Ok(())
}
