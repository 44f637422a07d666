//! The instances that are compared on: generated classes, and folders of files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use common::csv::{Layout, Writer};
use common::format::{self, Format};
use common::input::{self, Offsets};
use common::job::Job;
use common::problem::Problem;
use tempfile::TempDir;

use crate::generate::{self, Cutting, Keeping};

/// An instance that can be made or read.
pub struct Instance {
    /// What it is called.
    pub name: String,
    source: Source,
}

type Make = fn() -> Vec<Job>;

enum Source {
    Made(Make),
    File(PathBuf),
}

/// An instance, and the CSV of it that the peers read.
pub struct Ready {
    /// The jobs.
    pub problem: Problem,
    /// Their CSV.
    pub csv: PathBuf,
    /// Where peers may write.
    pub folder: TempDir,
}

/// One or more of every generated class.
pub fn classes() -> Vec<Instance> {
    const SIDE: u64 = 1 << 30;
    let made: [(&str, Make); 17] = [
        ("random 10 k", || generate::random(10_000, 1)),
        ("random 1 M", || generate::random(1_000_000, 1)),
        ("training 20 k", || generate::training(20_000, 1)),
        ("malloc-like 40 k, seed 1", || {
            generate::malloc_like(8, 40_000, 1)
        }),
        ("malloc-like 40 k, seed 2", || {
            generate::malloc_like(8, 40_000, 2)
        }),
        ("malloc-like 40 k, seed 3", || {
            generate::malloc_like(8, 40_000, 3)
        }),
        ("few live 40 k, seed 1", || {
            generate::few_live(Keeping::default(), 40_000, 1)
        }),
        ("few live 40 k, seed 2", || {
            generate::few_live(Keeping::default(), 40_000, 2)
        }),
        ("adversary 10 k", || {
            generate::first_fit_adversary(10_000, 1)
        }),
        ("guillotine 200", || {
            generate::guillotine(200, SIDE, SIDE, Cutting::Even, 1)
        }),
        ("guillotine 1 k", || {
            generate::guillotine(1000, SIDE, SIDE, Cutting::Even, 1)
        }),
        ("uneven guillotine 1 k", || {
            generate::guillotine(1000, SIDE, SIDE, Cutting::Uneven, 1)
        }),
        ("pinwheel 3 k", || generate::pinwheel(3000, SIDE, SIDE, 1)),
        ("pinwheel 30 k", || {
            generate::pinwheel(30_000, SIDE, SIDE, 1)
        }),
        ("guillotine 10 k", || {
            generate::guillotine(10_000, SIDE, SIDE, Cutting::Even, 1)
        }),
        ("guillotine 100 k", || {
            generate::guillotine(100_000, SIDE, SIDE, Cutting::Even, 1)
        }),
        ("guillotine 1 M", || {
            generate::guillotine(1_000_000, SIDE, SIDE, Cutting::Even, 1)
        }),
    ];
    made.into_iter()
        .map(|(name, make)| Instance {
            name: name.to_owned(),
            source: Source::Made(make),
        })
        .collect()
}

/// The CSVs and traces in a folder and in its folder `traces`, by name.
///
/// # Errors
/// Where the folder cannot be read.
pub fn folder(path: &Path) -> anyhow::Result<Vec<Instance>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in [path.to_path_buf(), path.join("traces")] {
        if folder.is_dir() {
            for entry in std::fs::read_dir(&folder)? {
                files.push(entry?.path());
            }
        }
    }
    files.retain(|file| file.is_file() && Format::of_path(file).is_some());
    files.sort();
    Ok(files
        .into_iter()
        .map(|file| Instance {
            name: file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            source: Source::File(file),
        })
        .collect())
}

impl Instance {
    /// Makes or reads the instance, and writes its CSV.
    ///
    /// # Errors
    /// Where a file cannot be read or the CSV not written.
    pub fn make(&self) -> anyhow::Result<Ready> {
        let problem = match &self.source {
            Source::Made(make) => Problem::new(make())?,
            Source::File(path) => {
                let name = || path.display().to_string();
                let format = Format::of_path(path).with_context(name)?;
                let file = format::open(path).with_context(name)?;
                input::load(file, format, Offsets::Pins)
                    .with_context(name)?
                    .problem
                    .merge_heaps()?
            }
        };
        let folder = TempDir::new()?;
        let csv = folder.path().join("problem.csv");
        let layout = Layout::for_jobs(problem.jobs());
        let file = std::io::BufWriter::new(std::fs::File::create(&csv)?);
        let mut writer = Writer::new(file, layout)?;
        for job in problem.jobs() {
            writer.write(job, None, &[])?;
        }
        writer.finish()?;
        Ok(Ready {
            problem,
            csv,
            folder,
        })
    }
}
