//! Whether the loader will take the tracer into a program: it must be a
//! dynamically linked ELF file of this machine, or a script whose interpreter is,
//! and must not run with more rights than its caller.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use object::LittleEndian;
use object::elf::{ELFMAG, FileHeader64, PT_INTERP};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader};

/// Interpreters of interpreters: the kernel follows four.
const DEEPEST_SCRIPT: usize = 4;
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = object::elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = object::elf::EM_AARCH64;

/// Finds a program as execvp does.
pub(crate) fn find(program: &Path) -> anyhow::Result<PathBuf> {
    if program.as_os_str().as_bytes().contains(&b'/') {
        return Ok(program.to_owned());
    }
    std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .map(|folder| folder.join(program))
        .find(|path| {
            path.metadata()
                .is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
        })
        .with_context(|| format!("{}: no such program", program.display()))
}

/// Says why `program` cannot be traced, if it cannot.
pub(crate) fn check(program: &Path) -> anyhow::Result<()> {
    let mut path = program.to_owned();
    for _ in 0..=DEEPEST_SCRIPT {
        let name = path.display().to_string();
        let mut file = File::open(&path).with_context(|| format!("cannot read {name}"))?;
        let metadata = file
            .metadata()
            .with_context(|| format!("cannot read {name}"))?;
        ensure!(metadata.is_file(), "{name} is no program");
        let mut head = [0; 256];
        let length = read_up_to(&mut file, &mut head)?;
        let head = &head[..length];
        if let Some(line) = head.strip_prefix(b"#!") {
            path = interpreter(line).with_context(|| format!("{name}: no interpreter"))?;
            continue;
        }
        ensure!(
            !runs_privileged(&metadata),
            "{name} is setuid or setgid: the loader ignores LD_PRELOAD for such programs"
        );
        return check_elf(file, head).with_context(|| name);
    }
    bail!(
        "{}: too many interpreters of interpreters",
        program.display()
    )
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> anyhow::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// The program that a `#!` line names; for `env`, the one that env runs, where
/// that is beyond doubt, or else env itself.
fn interpreter(line: &[u8]) -> anyhow::Result<PathBuf> {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let to_path = |word: &[u8]| PathBuf::from(std::ffi::OsString::from_vec(word.to_vec()));
    let first = to_path(words.next().context("the #! line is empty")?);
    if first.file_name().is_some_and(|name| name == "env") {
        let mut words = words.skip_while(|&word| word == b"-S" || is_plain_assignment(word));
        if let Some(runs) = words.next()
            && !runs.starts_with(b"-")
            && !runs.iter().any(|byte| b"=\"'\\$#".contains(byte))
        {
            return find(&to_path(runs));
        }
    }
    Ok(first)
}

/// Whether a word of env's sets a variable that does not change what runs.
fn is_plain_assignment(word: &[u8]) -> bool {
    !word.starts_with(b"-")
        && !word.starts_with(b"PATH=")
        && word.contains(&b'=')
        && !word.iter().any(|byte| b"\"'\\$#".contains(byte))
}

fn runs_privileged(file: &std::fs::Metadata) -> bool {
    // SAFETY: these calls cannot fail and touch no memory.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    let mode = file.mode();
    (mode & libc::S_ISUID != 0 && file.uid() != user)
        || (mode & libc::S_ISGID != 0 && mode & 0o010 != 0 && file.gid() != group)
}

/// `head` is how the file begins.
fn check_elf(file: File, head: &[u8]) -> anyhow::Result<()> {
    ensure!(
        head.starts_with(&ELFMAG),
        "neither an ELF program nor a script with a #! line"
    );
    let file = ReadCache::new(file);
    let header = FileHeader64::<LittleEndian>::parse(&file).ok();
    let header = header.filter(|header| {
        header
            .endian()
            .is_ok_and(|endian| header.e_machine(endian) == MACHINE)
    });
    let header = header.context("a program for another machine than the tracer's")?;
    let segments = header
        .program_headers(LittleEndian, &file)
        .ok()
        .context("a damaged ELF file")?;
    ensure!(
        segments
            .iter()
            .any(|segment| segment.p_type(LittleEndian) == PT_INTERP),
        "statically linked: there is no loader that could take the tracer in"
    );
    Ok(())
}
