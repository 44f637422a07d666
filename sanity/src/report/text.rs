//! The report for people: a table that fits 80 columns.

use std::fmt::Write as _;

use common::units::human_bytes;

use super::{Heap, Report};

/// Heaps that are listed one by one; the rest are summed up.
const HEAPS_SHOWN: usize = 12;

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    verdict(&mut text, report);
    line(&mut text, "jobs", &report.jobs.to_string());
    if let Some(trace) = &report.trace {
        line(&mut text, "events", &trace.events.to_string());
        line(
            &mut text,
            "never freed",
            &format!("{} jobs", trace.never_freed),
        );
        for oddity in &trace.oddities {
            let (count, at) = (oddity.count, oddity.first_at);
            line(
                &mut text,
                "odd",
                &format!("{count} x {}, first at byte {at}", oddity.kind),
            );
        }
    }
    line(&mut text, "heaps", &report.heaps.len().to_string());
    if let Some(job) = &report.largest {
        let (birth, death) = (job.birth, job.death);
        let value = format!(
            "{}, job {}, lives [{birth}, {death})",
            bytes(job.size),
            job.id
        );
        line(&mut text, "largest job", &value);
    }
    let load = report.load;
    line(
        &mut text,
        "LOAD",
        &format!("{} at time {}", bytes(load.bytes), load.time),
    );
    if let Some(placed) = &report.placement {
        line(&mut text, "makespan", &bytes(placed.makespan));
        line(&mut text, "fragmentation", &percent(placed.fragmentation));
        line(
            &mut text,
            "makespan/LOAD",
            &percent(placed.makespan_over_load),
        );
    }
    if report.heaps.len() > 1 {
        heaps(&mut text, &report.heaps);
    }
    text
}

fn verdict(text: &mut String, report: &Report) {
    let value = match &report.placement {
        Some(placed) => match &placed.violation {
            None => "valid".to_owned(),
            Some(violation) => format!("INVALID: {violation}"),
        },
        None if report.placed_jobs > 0 => {
            let (placed, jobs) = (report.placed_jobs, report.jobs);
            format!("none: only {placed} of {jobs} jobs have an offset")
        }
        None => "none: the jobs have no offsets".to_owned(),
    };
    line(text, "placement", &value);
}

fn heaps(text: &mut String, heaps: &[Heap]) {
    let mut largest: Vec<&Heap> = heaps.iter().collect();
    largest.sort_by_key(|heap| std::cmp::Reverse((heap.makespan, heap.load.bytes)));
    let shown = largest.len().min(HEAPS_SHOWN);
    let (shown, rest) = largest.split_at(shown);
    let _ = writeln!(
        text,
        "\n{:>18} {:>9} {:>16} {:>16} {:>15}",
        "heap", "jobs", "LOAD", "makespan", "fragmentation"
    );
    for heap in shown {
        let makespan = heap
            .makespan
            .map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let fragmentation = heap.fragmentation.map_or_else(|| "-".to_owned(), percent);
        let base = format!("{:#x}", heap.base);
        let (jobs, load) = (heap.jobs, heap.load.bytes);
        let _ = writeln!(
            text,
            "{base:>18} {jobs:>9} {load:>16} {makespan:>16} {fragmentation:>15}"
        );
    }
    if !rest.is_empty() {
        let jobs: usize = rest.iter().map(|heap| heap.jobs).sum();
        let makespan: u64 = rest
            .iter()
            .filter_map(|heap| heap.makespan)
            .fold(0, u64::saturating_add);
        let name = format!("{} smaller ones", rest.len());
        let _ = writeln!(text, "{name:>18} {jobs:>9} {:>16} {makespan:>16}", "");
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<14} {value}");
}

fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        format!("{bytes} bytes")
    } else {
        format!("{bytes} bytes ({})", human_bytes(bytes))
    }
}

fn percent(fraction: f64) -> String {
    format!("{:.4} %", 100.0 * fraction)
}
