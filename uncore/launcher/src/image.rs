//! What the program is started with: its file, its arguments, and the caller's environment,
//! in which only the tracer's variables differ.

use std::ffi::{CStr, CString, OsString, c_char};
use std::os::unix::ffi::OsStringExt;
use std::ptr::null;

use crate::plan::Plan;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// A program to execute.
pub(crate) struct Image {
    file: CString,
    arguments: Strings,
    environment: Strings,
}

/// An array of strings as C has it, and the strings themselves.
struct Strings {
    array: Vec<*const c_char>,
    _strings: Vec<CString>,
}

// SAFETY: the array points to the strings beside it, which nobody changes.
unsafe impl Send for Strings {}
// SAFETY: as above.
unsafe impl Sync for Strings {}

impl Strings {
    fn new(strings: Vec<CString>) -> Strings {
        let pointers = strings.iter().map(|string| string.as_ptr());
        Strings {
            array: pointers.chain([null()]).collect(),
            _strings: strings,
        }
    }
}

impl Image {
    /// The program of `plan` with these arguments, the first of which is its name.
    pub(crate) fn new(plan: &Plan, arguments: &[OsString]) -> anyhow::Result<Image> {
        let string = |text: OsString| CString::new(text.into_vec());
        let arguments: Result<_, _> = arguments.iter().cloned().map(string).collect();
        Ok(Image {
            file: string(plan.program.clone().into())?,
            arguments: Strings::new(arguments?),
            environment: Strings::new(environment(plan)?),
        })
    }

    /// Executes it in the place of this process; says why that failed. Safe between fork
    /// and exec.
    pub(crate) fn execute(&self) -> std::io::Error {
        let (arguments, environment) = (&self.arguments.array, &self.environment.array);
        // SAFETY: all strings have their NULs, and both arrays their nulls.
        unsafe { libc::execve(self.file.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        std::io::Error::last_os_error()
    }
}

/// The caller's environment with the tracer's variables, everything else as and where it
/// was.
fn environment(plan: &Plan) -> anyhow::Result<Vec<CString>> {
    let mut changes = vec![
        ("LD_PRELOAD", Some(plan.preload())),
        ("TRACEFILE", Some(plan.trace.clone().into())),
        // This run is a new one, even inside of another.
        ("IDEALLOC_RUN", None),
        ("IDEALLOC_FOLLOW", (!plan.follow).then(|| "0".into())),
    ];
    if let Some(signal) = &plan.toggle {
        changes.push(("IDEALLOC_TOGGLE", Some(signal.into())));
    }
    let entry = |name: &str, value: OsString| {
        let mut entry = OsString::from(name);
        entry.push("=");
        entry.push(value);
        CString::new(entry.into_vec())
    };
    let mut entries = Vec::new();
    for old in caller() {
        let name = old.to_bytes().split(|&byte| byte == b'=').next();
        let change = changes
            .iter_mut()
            .find(|(changed, _)| Some(changed.as_bytes()) == name);
        match change {
            None => entries.push(old),
            // The first of that name gets the value.
            Some((name, value)) => {
                if let Some(value) = value.take() {
                    entries.push(entry(name, value)?);
                }
            }
        }
    }
    for (name, value) in changes {
        if let Some(value) = value {
            entries.push(entry(name, value)?);
        }
    }
    Ok(entries)
}

/// The entries of this process's environment, in order.
fn caller() -> Vec<CString> {
    let mut entries = Vec::new();
    // SAFETY: an array of strings that ends with a null; nobody changes it in this program.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() {
            entries.push(CStr::from_ptr(*next).to_owned());
            next = next.add(1);
        }
    }
    entries
}
