//! `idealloc`: offsets for the jobs of a file.

mod arguments;
mod summary;
mod verify;
mod watch;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use cli::output;
use common::csv::{self, Layout};
use common::format::{self, Format, Output};
use common::input::{self, Document, Offsets};
use common::plc;
use common::text::printable;
use coreba::{Explanation, Solution, Status};

use arguments::{Arguments, Print};
use watch::Watch;

fn main() -> ExitCode {
    let begun = Instant::now();
    cli::main("idealloc", |arguments| {
        run(arguments, begun).map(ExitCode::from)
    })
}

fn run(arguments: &Arguments, begun: Instant) -> anyhow::Result<u8> {
    arguments.memory.apply()?;
    if arguments.verify.is_some() {
        return verify_only(arguments, begun);
    }
    let to = arguments.output_format()?;
    let mut document = read(arguments)?;
    let input = || arguments.input.display().to_string();
    document.problem = document.problem.merge_heaps().with_context(input)?;
    // Before the long work: what the output cannot hold, or a place that cannot be written is told at once.
    if to == Format::Plc {
        for job in document.problem.jobs() {
            if let Some(what) = plc::unsayable(job) {
                bail!(
                    "{}: job {}: a .plc cannot hold {what}: use --to csv",
                    input(),
                    job.id
                );
            }
        }
    }
    let output = arguments.outputs.create(&arguments.output)?;
    if !arguments.quiet && !output.is_standard() {
        output::not_closed()?;
    }
    let mut options = arguments.options(begun, document.problem.len());
    if let Some(path) = &arguments.warm_start {
        options.warm_start = Some(verify::earlier(&document, path, arguments.csv.options())?);
    }
    let mut watch = Watch::new(begun, options.deadline, arguments.quiet);
    let solution = coreba::solve(&document.problem, &options, &mut watch);
    watch.clear();
    let solution = solution.with_context(input)?;
    let is_over = match arguments.capacity {
        Some(capacity) => solution.makespan > capacity && !arguments.keep_best,
        None => false,
    };
    if solution.status != Status::Infeasible && !is_over {
        write(output, &arguments.output, to, &document, &solution)?;
    } else if is_over && solution.status != Status::Infeasible && !arguments.quiet {
        let bytes = solution.makespan;
        let what = format!(
            "nothing is written: the best placement takes {bytes} bytes, more than the capacity; \
             --keep-best writes it"
        );
        cli::tell("idealloc", &what);
    }
    let explanation = if arguments.explain && solution.status == Status::Infeasible {
        explain(arguments, &document, begun)?
    } else {
        None
    };
    let elapsed = begun.elapsed();
    let text = match arguments.format {
        Print::Text => summary::text(
            &document,
            &solution,
            arguments.capacity,
            explanation.as_ref(),
            elapsed,
        ),
        Print::Json => summary::json(&document, &solution, explanation.as_ref(), elapsed)?,
    };
    if arguments.quiet {
        // The exit code says what is known.
    } else if format::is_standard(&arguments.output) {
        let _ = std::io::stderr().write_all(text.as_bytes());
    } else {
        output::print(&text)?;
    }
    Ok(match solution.status {
        Status::Optimal | Status::Feasible => 0,
        Status::Infeasible => 1,
        _ => 3,
    })
}

/// A few jobs that cannot be placed together within the capacity. Each decision
/// on the way takes as long as a solve may.
fn explain(
    arguments: &Arguments,
    document: &Document,
    begun: Instant,
) -> anyhow::Result<Option<Explanation>> {
    let options = arguments.options(begun, 0);
    let mut watch = Watch::new(begun, options.deadline, arguments.quiet);
    let explanation = coreba::explain(&document.problem, &options, &mut watch);
    watch.clear();
    explanation.with_context(|| arguments.input.display().to_string())
}

fn verify_only(arguments: &Arguments, begun: Instant) -> anyhow::Result<u8> {
    let Some(path) = &arguments.verify else {
        bail!("--verify needs a file")
    };
    let document = read(arguments)?;
    let start = arguments.options(begun, 0).start;
    let fault = verify::verify(&document, path, arguments.csv.options(), start)?;
    let name = path.display().to_string();
    let name = printable(&name);
    let verdict = match (&fault, arguments.format) {
        (None, Print::Text) => format!("{name}: valid"),
        (Some(fault), Print::Text) => {
            format!("{name}: not valid: {}", printable(&fault.to_string()))
        }
        (fault, Print::Json) => {
            serde_json::json!({ "valid": fault.is_none(), "violation": fault }).to_string()
        }
    };
    if !arguments.quiet {
        output::print(&(verdict + "\n"))?;
    }
    Ok(u8::from(fault.is_some()))
}

fn read(arguments: &Arguments) -> anyhow::Result<Document> {
    let path = &arguments.input;
    let name = || path.display().to_string();
    let Some(from) = arguments.from.or_else(|| Format::of_path(path)) else {
        bail!(
            "{}: the name does not end in .trc, .plc or .csv: use --from",
            path.display()
        );
    };
    let offsets = if arguments.ignore_offsets {
        Offsets::Ignored
    } else {
        Offsets::Pins
    };
    let file = format::open(path).with_context(name)?;
    let document =
        input::load_with(file, from, offsets, arguments.csv.options()).with_context(name)?;
    if !arguments.quiet {
        for note in &document.notes {
            cli::tell("idealloc", &format!("{}: {note}", path.display()));
        }
    }
    if let Some(trace) = &document.trace {
        for (anomaly, count) in trace.anomalies.iter() {
            let (times, at) = (count.count, count.first_at);
            let what = format!("{times} x {anomaly}, first at byte {at}");
            cli::tell("idealloc", &format!("{}: {what}", path.display()));
        }
    }
    Ok(document)
}

/// Writes a placement, which [`coreba::solve`] has put through the verifier.
fn write(
    mut output: Output,
    path: &Path,
    to: Format,
    document: &Document,
    solution: &Solution,
) -> anyhow::Result<()> {
    let written = write_rows(&mut output, to, document, solution);
    written.with_context(|| output::named(path, "standard output"))?;
    output::commit(output, path)
}

fn write_rows(
    output: &mut Output,
    to: Format,
    document: &Document,
    solution: &Solution,
) -> anyhow::Result<()> {
    let (problem, placement) = (&document.problem, &solution.placement);
    let rows = problem.jobs().iter().zip(&placement.offsets);
    if to == Format::Plc {
        let mut writer = plc::Writer::new(output);
        for (job, &offset) in rows {
            writer.write(job, Some(offset))?;
        }
        writer.finish()?;
    } else {
        let layout = document.layout.clone();
        let layout = layout
            .unwrap_or_else(|| Layout::for_jobs(problem.jobs()))
            .with_offset();
        let mut writer = csv::Writer::new(output, layout)?;
        for (index, (job, &offset)) in rows.enumerate() {
            let unknown = document
                .unknown
                .get(index)
                .map_or(&[][..], |unknown| unknown);
            writer.write(job, Some(offset), unknown)?;
        }
        writer.finish()?;
    }
    Ok(())
}
