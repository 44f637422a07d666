//! Whether the pages of a trace count as the program's memory: those of a file that lies in
//! memory itself do, in a control group whose memory is limited.

use std::ffi::CString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes from which on version 1 means no limit.
const UNLIMITED: u64 = 1 << 62;
/// Where control groups are, and what tells the limit on memory: of version 1 and 2.
const VERSIONS: [(&str, &str); 2] = [
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
    ("/sys/fs/cgroup", "memory.max"),
];

/// The limit in bytes that the pages of a trace in this folder count towards, if any.
pub(crate) fn limit_with_traces(folder: &Path) -> Option<u64> {
    is_in_memory(folder).then(limit).flatten()
}

fn is_in_memory(folder: &Path) -> bool {
    let Ok(folder) = CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the path has its NUL; zeros are a valid statfs, which the call fills.
    let system = unsafe {
        let mut system = MaybeUninit::<libc::statfs>::zeroed().assume_init();
        if libc::statfs(folder.as_ptr(), &mut system) != 0 {
            return false;
        }
        system.f_type
    };
    // That of ramfs is not in libc.
    [libc::TMPFS_MAGIC, 0x8584_58f6].contains(&system)
}

/// The least limit of this process's control group and those above it.
fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => VERSIONS[1],
            controllers if controllers.split(',').any(|name| name == "memory") => VERSIONS[0],
            _ => continue,
        };
        let group = Path::new(path.trim_start_matches('/'));
        for group in group.ancestors() {
            let limit = fs::read_to_string(Path::new(root).join(group).join(file));
            let limit = limit.ok().and_then(|text| text.trim().parse::<u64>().ok());
            let limit = limit.filter(|&limit| limit < UNLIMITED);
            least = [least, limit].into_iter().flatten().min();
        }
    }
    least
}
