//! What stands under an output's name: nothing, a file that may be replaced, or something that
//! is written to. The kernel follows links, and refuses those that it would not follow for a
//! shell's `>`.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, XattrFlags};

/// How long a reader of a named pipe is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const ACCESS_LIST: &str = "system.posix_acl_access";

/// What stands under a name.
pub(super) enum Standing {
    Nothing,
    /// A regular file, by the name that it really has.
    File(Replaced),
    /// Standard output, by another name.
    Stdout,
    /// A pipe, a terminal, a device: it is written to.
    Other(File),
}

/// A regular file that is to be replaced.
pub(super) struct Replaced {
    pub(super) path: PathBuf,
    owner: u32,
    group: u32,
    mode: u32,
    access_list: Option<Vec<u8>>,
}

impl Standing {
    pub(super) fn at(path: &Path, force: bool) -> io::Result<Standing> {
        let is_link = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Nothing),
            there => there?.is_symlink(),
        };
        let there = match open(path, OFlags::PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_link => {
                let what = "a link to nothing: remove it, or name what it is to point to";
                return Err(io::Error::new(io::ErrorKind::NotFound, what));
            }
            there => File::from(there?),
        };
        let metadata = there.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let is_open_already = is_link && leads_into_proc(path);
        if is_open_already && is_stdout(&metadata) {
            return Ok(Standing::Stdout);
        }
        if !metadata.is_file() || is_open_already {
            return Ok(Standing::Other(open_to_write(path, &metadata)?));
        }
        if !force {
            may_be_written(path, &metadata)?;
        }
        let path = match is_link {
            true => real_path(path, &there, &metadata)?,
            false => path.to_path_buf(),
        };
        Ok(Standing::File(Replaced {
            access_list: access_list(&path),
            path,
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode(),
        }))
    }
}

impl Replaced {
    /// Gives a new file the rights of the one that it replaces, if both have one owner, and else
    /// no more than those: never more than to read, write and execute, and to the group only if
    /// it is the same.
    pub(super) fn pass_rights_to(&self, new: &File) -> io::Result<()> {
        let ours = new.metadata()?;
        let is_ours = ours.uid() == self.owner;
        let mut mode = self.mode & 0o777;
        if !is_ours {
            mode &= ours.mode();
        }
        // Where there is a list, the group's bits are the most that anyone in it has.
        if ours.gid() != self.group || self.access_list.is_some() {
            mode &= !0o070;
        }
        // The folder may have given it a list of its own.
        let _ = rustix::fs::fremovexattr(new, ACCESS_LIST);
        rustix::fs::fchmod(new, Mode::from_raw_mode(mode))?;
        if let Some(list) = self.access_list.as_ref().filter(|_| is_ours) {
            // Where it cannot be set, nobody has more rights than before.
            let _ = rustix::fs::fsetxattr(new, ACCESS_LIST, list, XattrFlags::empty());
        }
        Ok(())
    }
}

fn open(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(CWD, path, flags, Mode::empty())?)
}

/// Whether a link leads to what a process has open, as `/dev/stdout` and a shell's `>(...)` do,
/// or runs.
fn leads_into_proc(path: &Path) -> bool {
    let Ok(proc) = fs::symlink_metadata("/proc/self") else {
        return false;
    };
    let mut path = path.to_path_buf();
    // As many links as the kernel follows.
    for _ in 0..40 {
        let (Ok(to), Ok(link)) = (fs::read_link(&path), fs::symlink_metadata(&path)) else {
            break;
        };
        if link.dev() == proc.dev() {
            return true;
        }
        path = match path.parent() {
            // The folder may be a link itself, as `/dev/fd` is.
            Some(folder) => folder.join(to),
            None => to,
        };
        if let (Some(folder), Some(name)) = (path.parent(), path.file_name())
            && let Ok(folder) = folder.canonicalize()
        {
            path = folder.join(name);
        }
    }
    false
}

fn is_stdout(metadata: &Metadata) -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let stdout = stdout.and_then(|stdout| stdout.metadata());
    stdout.is_ok_and(|stdout| (stdout.dev(), stdout.ino()) == (metadata.dev(), metadata.ino()))
}

/// Opens something that is no file that can be replaced. Nobody waits for ever: not for a
/// reader of a named pipe either.
fn open_to_write(path: &Path, metadata: &Metadata) -> io::Result<File> {
    let deadline = Instant::now() + PATIENCE;
    // A file that somebody has open is written behind its end, as who opened it may do.
    let flags = match metadata.is_file() {
        true => OFlags::WRONLY | OFlags::APPEND,
        false => OFlags::WRONLY,
    };
    let file = loop {
        match open(path, flags) {
            Ok(file) => break File::from(file),
            Err(error) => {
                let waits = error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
                    && metadata.file_type().is_fifo();
                if !waits {
                    return Err(error);
                }
                if Instant::now() > deadline {
                    let what = "a named pipe that nobody reads";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, what));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    };
    let flags = rustix::fs::fcntl_getfl(&file)? - OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(&file, flags)?;
    Ok(file)
}

/// Whether a shell's `>` could write to the file; its owner may have said that nobody should.
fn may_be_written(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let may = rustix::fs::accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS);
    if metadata.mode() & 0o222 == 0 || may == Err(rustix::io::Errno::ACCESS) {
        let what = "it is there and cannot be written: --force replaces it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    Ok(may?)
}

/// The name of the file that a link led the kernel to.
fn real_path(link: &Path, file: &File, metadata: &Metadata) -> io::Result<PathBuf> {
    let told = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Where nothing tells it, it is looked up once more.
    let path = told.or_else(|_| link.canonicalize())?;
    let there = fs::symlink_metadata(&path)?;
    if (there.dev(), there.ino()) != (metadata.dev(), metadata.ino()) {
        return Err(io::Error::other(
            "the link leads to a file that has no name",
        ));
    }
    Ok(path)
}

fn access_list(path: &Path) -> Option<Vec<u8>> {
    let mut list = vec![0; 1 << 16];
    let length = rustix::fs::lgetxattr(path, ACCESS_LIST, &mut list[..]).ok()?;
    list.truncate(length);
    Some(list)
}
