//! Whether the loader will take the tracer into a program: it must be an ELF file of
//! this machine that glibc's loader loads, or a script whose interpreter is, must not
//! run with more rights than its caller, and must not insist on a runtime of its own
//! that comes first.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use object::LittleEndian;
use object::elf::{DT_NEEDED, ELFCLASS32, ELFMAG, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};

/// Interpreters of interpreters: the kernel follows four.
const DEEPEST_SCRIPT: usize = 4;
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = object::elf::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = object::elf::EM_AARCH64;

/// Where programs are looked for without a PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Finds a program as execvp does.
pub(crate) fn find(program: &Path) -> anyhow::Result<PathBuf> {
    if program.as_os_str().as_bytes().contains(&b'/') {
        return Ok(program.to_owned());
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    [folders]
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
        if let Some(why) = privilege(&file, &metadata) {
            bail!("{name} {why}: the loader ignores LD_PRELOAD for such programs");
        }
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

/// What gives a program more rights than its caller has, if anything does. The kernel's
/// own rule, by which it tells the loader.
fn privilege(file: &File, metadata: &std::fs::Metadata) -> Option<&'static str> {
    // SAFETY: zeros are a valid statvfs, which the call fills.
    let ignored = unsafe {
        let mut system = MaybeUninit::<libc::statvfs>::zeroed().assume_init();
        let known = libc::fstatvfs(file.as_raw_fd(), &mut system) == 0;
        known && system.f_flag & libc::ST_NOSUID != 0
    };
    if ignored {
        return None;
    }
    let mode = metadata.mode();
    // SAFETY: these calls cannot fail and touch no memory.
    let (user, group, real_user, real_group) = unsafe {
        (
            libc::geteuid(),
            libc::getegid(),
            libc::getuid(),
            libc::getgid(),
        )
    };
    let is_setuid = mode & libc::S_ISUID != 0;
    let is_setgid = mode & libc::S_ISGID != 0 && mode & libc::S_IXGRP != 0;
    let becomes_user = if is_setuid { metadata.uid() } else { user };
    let becomes_group = if is_setgid { metadata.gid() } else { group };
    if becomes_user != real_user || becomes_group != real_group {
        return Some("is setuid or setgid");
    }
    // Root has them all already.
    (real_user != 0 && has_capabilities(file)).then_some("has file capabilities")
}

fn has_capabilities(file: &File) -> bool {
    let name = c"security.capability".as_ptr();
    // SAFETY: the name has its NUL; without room, only the length is told.
    unsafe { libc::fgetxattr(file.as_raw_fd(), name, std::ptr::null_mut(), 0) > 0 }
}

/// `head` is how the file begins.
fn check_elf(file: File, head: &[u8]) -> anyhow::Result<()> {
    ensure!(
        head.starts_with(&ELFMAG),
        "neither an ELF program nor a script with a #! line"
    );
    ensure!(
        head.get(ELFMAG.len()) != Some(&ELFCLASS32),
        "a 32-bit program: the tracer is a 64-bit library"
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
    let loader = segments
        .iter()
        .find_map(|segment| segment.interpreter(LittleEndian, &file).ok().flatten())
        .context("statically linked: there is no loader that could take the tracer in")?;
    let loader = Path::new(OsStr::from_bytes(loader));
    ensure!(
        is_glibcs(loader),
        "its loader is {}: the tracer needs glibc's",
        loader.display()
    );
    check_sanitizers(needed(header, &file))
}

/// Whether a loader is glibc's, by its name or that of the file which it leads to.
fn is_glibcs(loader: &Path) -> bool {
    let target = loader.canonicalize().unwrap_or_default();
    [loader, &target].into_iter().any(|path| {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let names: [&[u8]; 3] = [b"ld-linux", b"ld-lsb", b"ld-2."];
        names.iter().any(|start| name.starts_with(start))
    })
}

/// The libraries that a program names; none where that cannot be read.
fn needed<'data, R: ReadRef<'data>>(
    header: &'data FileHeader64<LittleEndian>,
    file: R,
) -> Vec<&'data [u8]> {
    let table = header
        .sections(LittleEndian, file)
        .and_then(|sections| sections.dynamic_table(LittleEndian, file));
    let table = table.unwrap_or_default();
    let needed = table.iter().filter(|entry| entry.tag == DT_NEEDED);
    needed
        .filter_map(|entry| table.string(entry).ok())
        .collect()
}

/// AddressSanitizer ends a program in which its runtime does not come first, unless it is
/// told not to; one that the program does not expect, and that comes second, crashes.
fn check_sanitizers(needed: Vec<&[u8]>) -> anyhow::Result<()> {
    let preloaded = std::env::var_os("LD_PRELOAD").unwrap_or_default();
    let mut preloaded = preloaded.as_bytes().split(|byte| b" :".contains(byte));
    ensure!(
        !preloaded.any(is_asan),
        "LD_PRELOAD names AddressSanitizer's runtime, which does not work behind the tracer"
    );
    let options = std::env::var("ASAN_OPTIONS").unwrap_or_default();
    ensure!(
        !needed.into_iter().any(is_asan) || comes_second(&options),
        "AddressSanitizer's runtime wants to come first: set \
         ASAN_OPTIONS=verify_asan_link_order=0 in the environment"
    );
    Ok(())
}

fn is_asan(library: &[u8]) -> bool {
    let name = library.rsplit(|&byte| byte == b'/').next();
    let names: [&[u8]; 2] = [b"libasan.so", b"libclang_rt.asan"];
    names
        .iter()
        .any(|start| name.is_some_and(|name| name.starts_with(start)))
}

/// Whether options of AddressSanitizer's allow its runtime not to come first.
fn comes_second(options: &str) -> bool {
    let option = options
        .split([' ', ',', ':', '\n', '\t', '\r'])
        .filter_map(|option| option.strip_prefix("verify_asan_link_order="))
        .next_back();
    option.is_some_and(|value| ["0", "no", "false"].contains(&value))
}

#[cfg(test)]
mod tests {
    use super::comes_second;

    #[test]
    fn the_last_option_counts() {
        for (options, comes) in [
            ("", false),
            ("verify_asan_link_order=0", true),
            ("detect_leaks=0:verify_asan_link_order=false", true),
            ("verify_asan_link_order=0,verify_asan_link_order=1", false),
        ] {
            assert_eq!(comes_second(options), comes, "{options}");
        }
    }
}
