//! What stands under an output's name is not trusted: rights, links, pipes, devices, files that
//! may not be written, and outputs that nobody asked for.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tests::{has, shell};

const JOBS: &str = "id,lower,upper,size\n0,0,2,3\n1,1,3,4\n";

fn folder() -> TempDir {
    tests::folder(&[("jobs.csv", JOBS), ("page.css", "")])
}

/// Each program that writes a file, here `$OUT`.
const COMMANDS: [&str; 4] = [
    "idealloc -q jobs.csv --to csv --iterations 1 -o $OUT",
    "adapt -q jobs.csv --to csv $OUT",
    "report -q placed.csv --svg $OUT",
    "report -q placed.csv --html $OUT",
];

/// Runs a command, with options behind it.
fn run(folder: &Path, command: &str, out: &str, options: &str) -> Output {
    let placed = "id,lower,upper,size,offset\n0,0,2,3,0\n1,1,3,4,3\n";
    fs::write(folder.join("placed.csv"), placed).expect("a file");
    shell(
        folder,
        &format!("{} {options}", command.replace("$OUT", out)),
    )
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

#[track_caller]
fn is_refused(ran: &Output, with: &str) {
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(with), "{said}");
}

#[track_caller]
fn is_done(ran: &Output) {
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said}");
}

#[test]
fn rights_are_kept_but_no_more_than_to_read_write_and_execute() {
    let folder = folder();
    let out = folder.path().join("out");
    for command in COMMANDS {
        for (before, after) in [
            (0o640, 0o640),
            (0o4755, 0o755),
            (0o2770, 0o770),
            (0o1666, 0o666),
        ] {
            fs::write(&out, "old").expect("a file");
            set_mode(&out, before);
            is_done(&run(folder.path(), command, "out", ""));
            assert_eq!(mode(&out), after, "{command}: {before:o}");
        }
    }
}

#[test]
fn rights_of_a_file_of_another_owner_are_not_passed_on() {
    let folder = folder();
    let out = folder.path().join("out");
    fs::write(&out, "old").expect("a file");
    if std::os::unix::fs::chown(&out, Some(65534), None).is_err() {
        eprintln!("SKIPPED: only root gives files away");
        return;
    }
    set_mode(&out, 0o777);
    is_done(&run(folder.path(), COMMANDS[0], "out", ""));
    assert_eq!(mode(&out) & 0o133, 0);
    // Nor does it become readable for more.
    fs::remove_file(&out).expect("a file");
    fs::write(&out, "old").expect("a file");
    std::os::unix::fs::chown(&out, Some(65534), None).expect("root");
    set_mode(&out, 0o600);
    is_done(&run(folder.path(), COMMANDS[0], "out", ""));
    assert_eq!(mode(&out), 0o600);
}

#[test]
fn a_list_of_access_is_kept_and_its_mask_is_no_right_of_the_group() {
    let folder = folder();
    let out = folder.path().join("out");
    fs::write(&out, "old").expect("a file");
    set_mode(&out, 0o600);
    if !has("setfacl")
        || !shell(folder.path(), "setfacl -m u:65534:rw out")
            .status
            .success()
    {
        eprintln!("SKIPPED: setfacl is not installed, or the file system has no lists");
        return;
    }
    let list = |name: &str| shell(folder.path(), &format!("getfacl -c {name}")).stdout;
    let before = list("out");
    is_done(&run(folder.path(), COMMANDS[0], "out", ""));
    assert_eq!(list("out"), before);
}

#[test]
fn a_folders_list_of_access_gives_nobody_what_the_file_did_not() {
    let folder = folder();
    let out = folder.path().join("lists/out");
    fs::create_dir(folder.path().join("lists")).expect("a folder");
    let listed = "setfacl -d -m u:65534:rwx lists";
    if !has("setfacl") || !shell(folder.path(), listed).status.success() {
        eprintln!("SKIPPED: setfacl is not installed, or the file system has no lists");
        return;
    }
    fs::write(&out, "old").expect("a file");
    is_done(&shell(
        folder.path(),
        "setfacl -b lists/out; chmod 640 lists/out",
    ));
    is_done(&run(folder.path(), COMMANDS[0], "lists/out", ""));
    let list = shell(folder.path(), "getfacl -c lists/out").stdout;
    assert!(!String::from_utf8_lossy(&list).contains("65534"));
    assert_eq!(mode(&out), 0o640);
}

#[test]
fn what_may_not_be_written_is_replaced_when_that_is_forced() {
    let folder = folder();
    let out = folder.path().join("out");
    for command in COMMANDS {
        fs::write(&out, "old").expect("a file");
        set_mode(&out, 0o444);
        is_refused(&run(folder.path(), command, "out", ""), "--force");
        assert_eq!(fs::read(&out).expect("a file"), b"old");
        is_done(&run(folder.path(), command, "out", "--force --no-sync"));
        assert_ne!(fs::read(&out).expect("a file"), b"old");
        fs::remove_file(&out).expect("a file");
    }
}

#[test]
fn links_are_followed_by_the_kernel() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("there")).expect("a folder");
    symlink("there/file", at("link")).expect("a link");
    symlink("loop", at("loop")).expect("a link");
    for command in COMMANDS {
        is_refused(&run(folder.path(), command, "link", ""), "link to nothing");
        assert!(!at("there/file").exists());
        is_refused(&run(folder.path(), command, "loop", ""), "loop");
        fs::write(at("there/file"), "old").expect("a file");
        is_done(&run(folder.path(), command, "link", ""));
        assert!(at("link").is_symlink());
        assert_ne!(fs::read(at("there/file")).expect("a file"), b"old");
        fs::remove_file(at("there/file")).expect("a file");
    }
    assert_eq!(fs::read_dir(at("there")).expect("a folder").count(), 0);
}

/// As in `/tmp`: a user's link is not followed by others.
#[test]
fn another_users_link_in_a_folder_for_all_is_refused_as_for_a_shell() {
    let folder = folder();
    set_mode(folder.path(), 0o755);
    let sticky = folder.path().join("sticky");
    fs::create_dir(&sticky).expect("a folder");
    set_mode(&sticky, 0o1777);
    let precious = folder.path().join("precious");
    fs::write(&precious, "old").expect("a file");
    symlink(&precious, sticky.join("out")).expect("a link");
    let given = std::os::unix::fs::lchown(sticky.join("out"), Some(65534), None);
    let refused = !shell(folder.path(), "echo old > sticky/out")
        .status
        .success();
    if given.is_err() || !refused {
        eprintln!("SKIPPED: not root, or the system follows such links");
        return;
    }
    for command in COMMANDS {
        is_refused(&run(folder.path(), command, "sticky/out", ""), "denied");
    }
    let trace = "idealloc-trace -q -o sticky/out -- /bin/true";
    is_refused(&shell(folder.path(), trace), "denied");
    let mut traced = Command::new("/bin/true");
    traced.current_dir(folder.path());
    tests::tracing::trace_to(&mut traced, "sticky/out");
    let traced = traced.output().expect("it starts");
    assert!(traced.status.success());
    assert!(String::from_utf8_lossy(&traced.stderr).contains("running untraced"));
    assert_eq!(fs::read(&precious).expect("a file"), b"old");
}

#[test]
fn a_trace_is_its_users_own() {
    let folder = folder();
    is_done(&shell(
        folder.path(),
        "idealloc-trace -q -o app.trc -- /bin/true",
    ));
    assert_eq!(mode(&folder.path().join("app.trc")), 0o600);
    is_done(&shell(
        folder.path(),
        "idealloc-trace -q -o app.trc.zst -- /bin/true",
    ));
    assert_eq!(mode(&folder.path().join("app.trc.zst")), 0o600);
}

#[test]
fn pipes_and_devices_are_written_to() {
    let folder = folder();
    let sum = |line: &str| shell(folder.path(), line);
    for out in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let line = format!("idealloc -q jobs.csv -o {out} --to csv --iterations 1 | wc -l");
        assert_eq!(sum(&line).stdout, b"3\n", "{out}");
        let line = format!("adapt -q jobs.csv {out} --to csv > file; wc -l < file");
        assert_eq!(sum(&line).stdout, b"3\n", "{out}");
    }
    is_done(&sum(
        "idealloc -q jobs.csv -o /dev/null --to csv --iterations 1",
    ));
    if has("bash") {
        let line =
            "bash -c 'adapt -q jobs.csv --to csv >(cat > copy); wait; sleep 0.2'; wc -l < copy";
        assert_eq!(sum(line).stdout, b"3\n");
        let line = "bash -c 'adapt -q jobs.csv --to csv /dev/fd/7 7> seventh'; wc -l < seventh";
        assert_eq!(sum(line).stdout, b"3\n");
        let line = "bash -c 'adapt -q jobs.csv --to csv /dev/fd/7 7>> seventh'; wc -l < seventh";
        assert_eq!(sum(line).stdout, b"6\n");
        let line = "cp $(command -v adapt) own; ./own -q jobs.csv --to csv /proc/self/exe";
        is_refused(&sum(line), "busy");
    }
}

#[test]
fn what_is_printed_does_not_go_where_an_output_does() {
    let folder = folder();
    is_done(&shell(
        folder.path(),
        "idealloc -q jobs.csv --iterations 1 -o placed.csv",
    ));
    for line in [
        "report placed.csv --html out > out",
        "idealloc jobs.csv --iterations 1 --to csv -o out > out",
        "adapt jobs.csv other.csv --notes out > out",
    ] {
        is_refused(&shell(folder.path(), line), "");
    }
}

#[test]
fn nobody_waits_for_a_pipe_without_end() {
    let folder = folder();
    is_done(&shell(folder.path(), "mkfifo pipe"));
    let line = "adapt -q jobs.csv pipe --to csv & timeout 30 cat pipe | wc -l; wait";
    assert_eq!(shell(folder.path(), line).stdout, b"3\n");
    let begun = Instant::now();
    let mut waiting = tests::program("idealloc")
        .args(["jobs.csv", "-o", "pipe", "--to", "csv"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    std::thread::sleep(Duration::from_millis(300));
    let pid = waiting.id().to_string();
    let killed = Command::new("kill").arg(pid).status().expect("kill");
    assert!(killed.success());
    waiting.wait().expect("it ends");
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn standard_output_that_is_closed_is_told() {
    let folder = folder();
    for line in [
        "idealloc -q jobs.csv --iterations 1 >&-",
        "idealloc jobs.csv --iterations 1 -o placed.csv >&-",
        "adapt jobs.csv - --to csv >&-",
        "adapt jobs.csv /dev/stdout --to csv >&-",
        "report jobs.csv >&-",
        "report --generate man >&-",
        "report --help >&-",
        "adapt --version >&-",
        "idealloc jobs.csv --verify jobs.csv >&-",
    ] {
        is_refused(&shell(folder.path(), line), "");
    }
    assert!(!folder.path().join("placed.csv").exists());
    // Who wants no output says so in this way, too.
    let null = OpenOptions::new().read(true).write(true).open("/dev/null");
    let status = tests::program("report")
        .arg("jobs.csv")
        .current_dir(folder.path())
        .stdout(null.expect("a device"))
        .status();
    assert!(status.expect("it starts").success());
}

#[test]
fn a_placement_over_the_capacity_is_written_if_that_is_asked_for() {
    let mut jobs = String::from("id,lower,upper,size\n");
    for (id, (lower, upper, size)) in PINWHEELS.iter().enumerate() {
        jobs += &format!("{id},{lower},{upper},{size}\n");
    }
    let folder = tests::folder(&[("jobs.csv", jobs)]);
    let out = folder.path().join("out.csv");
    let line = "idealloc jobs.csv --without tiling --capacity 3000 --iterations 1 -o out.csv";
    fs::write(&out, "old").expect("a file");
    let ran = shell(folder.path(), line);
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    assert_eq!(fs::read(&out).expect("a file"), b"old");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("--keep-best"), "{said}");
    let ran = shell(folder.path(), &format!("{line} --keep-best"));
    assert_eq!(ran.status.code(), Some(3));
    assert_ne!(fs::read(&out).expect("a file"), b"old");
}

/// Pieces of a rectangle that no straight line cuts: births, ends and sizes. They fill 3000 bytes
/// at all times, and no quick placement finds out how.
const PINWHEELS: [(u64, u64, u64); 25] = [
    (483, 2883, 12),
    (0, 460, 1091),
    (483, 2513, 16),
    (2967, 2992, 97),
    (2700, 2883, 536),
    (551, 2565, 799),
    (2513, 2883, 247),
    (2883, 2992, 430),
    (460, 551, 2569),
    (2550, 2565, 444),
    (2565, 3000, 1243),
    (2967, 3000, 777),
    (0, 3, 1650),
    (0, 483, 28),
    (2883, 2967, 874),
    (3, 460, 1478),
    (551, 2550, 897),
    (2992, 3000, 527),
    (2550, 3000, 453),
    (1489, 2883, 509),
    (3, 551, 172),
    (551, 2700, 210),
    (551, 1489, 835),
    (1489, 2700, 326),
    (0, 2513, 231),
];
