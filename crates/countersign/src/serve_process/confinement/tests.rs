//! Each test runs itself again as a child, which confines itself as the server process does, is then taken for one that
//! somebody took over, and tries what they would. The parent stands for supervisor and vault.

use std::io::ErrorKind::PermissionDenied;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use super::enforce;
use crate::config::{Environment, Flags, Settings};

const FOLDER: &str = "COUNTERSIGN_TEST_FOLDER";

/// In the child: the folder that the parent made.
#[allow(clippy::disallowed_methods, reason = "a test tells its child its part")]
fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn child(test: &str, folder: &Path) -> ExitStatus {
    let program = std::env::current_exe().unwrap();
    let name = format!("serve_process::confinement::tests::{test}");
    Command::new(program).args(["--exact", &name, "--nocapture"]).env(FOLDER, folder).status().unwrap()
}

/// Says that the child came to its end, which a test that was not found would not.
fn done() -> ! {
    std::process::exit(99)
}

/// The settings of a server whose files stand in `folder`, with this root key.
fn settings(folder: &Path, root_key: &str) -> Settings {
    let file = folder.join("countersign.toml");
    let text = format!("data = '{0}'\n[vault]\nroot_key = 'file:{root_key}'", folder.join("data").display());
    std::fs::write(&file, text).unwrap();
    Settings::load(Some(&file), &Flags::default(), &Environment::default()).unwrap()
}

/// A data folder with a root key at `root_key`, and something beside it.
fn prepared(root_key: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("data").join(root_key);
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, "the root key").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(folder.path().join("data/administrator.key"), "csk_").unwrap();
    folder
}

#[test]
fn p03_the_root_key_can_be_neither_read_nor_changed_nor_moved() {
    const NAME: &str = "p03_the_root_key_can_be_neither_read_nor_changed_nor_moved";
    let Some(folder) = folder() else {
        let folder = prepared("vault/root.key");
        assert_eq!(child(NAME, folder.path()).code(), Some(99));
        let key = folder.path().join("data/vault/root.key");
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "the root key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        return;
    };
    let settings = settings(&folder, "vault/root.key");
    let store = folder.join("data/store");
    let key = folder.join("data/vault/root.key");
    assert!(std::fs::read(&key).is_ok(), "the control: before, it can");
    for protection in enforce(&settings) {
        assert!(protection.outcome.is_ok(), "{protection:?}");
    }
    std::fs::write(store.join("countersign.db"), "data").unwrap();
    std::fs::rename(store.join("countersign.db"), store.join("countersign.db-wal")).unwrap();

    let refused = |result: std::io::Result<()>| result.unwrap_err().kind() == PermissionDenied;
    assert!(refused(std::fs::read(&key).map(drop)));
    assert!(refused(std::fs::write(&key, "another")));
    assert!(refused(std::fs::remove_file(&key)));
    assert!(refused(std::fs::read_dir(key.parent().unwrap()).map(drop)));
    assert!(refused(std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))));
    assert!(refused(std::os::unix::fs::chown(&key, Some(1), Some(1))));
    let moved = std::fs::rename(&key, store.join("root.key")).unwrap_err();
    assert!([PermissionDenied, std::io::ErrorKind::CrossesDevices].contains(&moved.kind()), "{moved}");
    assert!(std::fs::hard_link(&key, store.join("root.key")).is_err());
    std::os::unix::fs::symlink(&key, store.join("link")).unwrap();
    assert!(refused(std::fs::read(store.join("link")).map(drop)));
    // By way of its own root, and of a process outside.
    assert!(refused(std::fs::read(format!("/proc/self/root{}", key.display())).map(drop)));
    let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
    assert!(refused(std::fs::read(format!("/proc/{parent}/root{}", key.display())).map(drop)));
    assert!(refused(std::fs::read(folder.join("data/administrator.key")).map(drop)));
    for elsewhere in ["/etc/shadow", "/etc/countersign-was-here", "/tmp/countersign-was-here", "/dev/shm/x"] {
        let result = std::fs::OpenOptions::new().append(true).create(true).open(elsewhere);
        assert!(refused(result.map(drop)), "{elsewhere}");
    }
    done()
}

#[test]
fn p03_a_root_key_among_what_the_server_needs_is_told_of() {
    const NAME: &str = "p03_a_root_key_among_what_the_server_needs_is_told_of";
    let Some(folder) = folder() else {
        assert_eq!(child(NAME, prepared("store/root.key").path()).code(), Some(99));
        return;
    };
    let protections = enforce(&settings(&folder, "store/root.key"));
    let root_key = protections.iter().find(|protection| protection.name == "server_root_key").unwrap();
    let why = root_key.outcome.clone().unwrap_err();
    assert!(why.contains("data/store/root.key") && why.contains("a folder of their own"), "{why}");
    done()
}

#[test]
fn p03_other_processes_can_be_neither_signalled_nor_looked_into() {
    const NAME: &str = "p03_other_processes_can_be_neither_signalled_nor_looked_into";
    let Some(folder) = folder() else {
        assert_eq!(child(NAME, prepared("vault/root.key").path()).code(), Some(99));
        return;
    };
    let parent = rustix::process::getppid().unwrap();
    let own = rustix::process::getpid();
    rustix::process::test_kill_process(parent).expect("the control: before, it can");
    enforce(&settings(&folder, "vault/root.key"));

    for signal in [Signal::TERM, Signal::KILL, Signal::STOP] {
        assert_eq!(rustix::process::kill_process(parent, signal), Err(Errno::PERM));
        assert_eq!(rustix::process::kill_process_group(parent, signal), Err(Errno::PERM));
    }
    assert_eq!(rustix::process::pidfd_open(parent, PidfdFlags::empty()).unwrap_err(), Errno::PERM);
    let no_time = Rlimit { current: Some(0), maximum: Some(0) };
    assert_eq!(rustix::process::prlimit(Some(parent), Resource::Cpu, no_time).unwrap_err(), Errno::PERM);
    for file in ["mem", "environ", "maps", "root/etc/hostname", "cwd/x", "fd/0"] {
        let opened = std::fs::File::open(format!("/proc/{}/{file}", parent.as_raw_nonzero()));
        assert_eq!(opened.unwrap_err().kind(), PermissionDenied, "{file}");
    }
    for call in refused_calls(parent) {
        assert_eq!(raw(call), Err(Errno::PERM), "{call:?}");
    }
    assert!(Command::new("/bin/true").spawn().is_err());
    assert!(
        std::os::unix::net::UnixStream::connect("/run/systemd/private").is_err_and(|e| e.kind() == PermissionDenied)
    );

    // What serving needs still works: threads, sockets, signals to itself.
    rustix::process::test_kill_process(own).unwrap();
    std::thread::spawn(|| ()).join().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    done()
}

/// Number and arguments.
type Call = (i64, [u64; 4]);

fn refused_calls(parent: Pid) -> Vec<Call> {
    const PTRACE_ATTACH: u64 = 16;
    let parent = u64::try_from(parent.as_raw_nonzero().get()).unwrap();
    let mut calls = vec![
        (libc::SYS_ptrace, [PTRACE_ATTACH, parent, 0, 0]),
        (libc::SYS_process_vm_readv, [parent, 0, 0, 0]),
        (libc::SYS_process_vm_writev, [parent, 0, 0, 0]),
        (libc::SYS_tkill, [parent, 9, 0, 0]),
        (libc::SYS_tgkill, [parent, parent, 9, 0]),
        (libc::SYS_rt_sigqueueinfo, [parent, 9, 0, 0]),
        (libc::SYS_pidfd_getfd, [3, 0, 0, 0]),
        (libc::SYS_pidfd_send_signal, [3, 9, 0, 0]),
        (libc::SYS_setpriority, [0, parent, 19, 0]),
        (libc::SYS_execve, [0; 4]),
        (libc::SYS_execveat, [0; 4]),
        (libc::SYS_clone, [17, 0, 0, 0]),
        (libc::SYS_mount, [0; 4]),
        (libc::SYS_unshare, [0x1000_0000, 0, 0, 0]),
        (libc::SYS_bpf, [0; 4]),
        (libc::SYS_io_uring_setup, [0; 4]),
        (libc::SYS_userfaultfd, [0; 4]),
        (libc::SYS_perf_event_open, [0; 4]),
        (libc::SYS_setuid, [0; 4]),
        (libc::SYS_ioctl, [2, 0x5412, 0, 0]),
        (libc::SYS_fcntl, [0, 8, parent, 0]),
    ];
    if cfg!(target_arch = "x86_64") {
        // The same by the other set of numbers, and the older ways.
        calls.push((0x4000_0000 | libc::SYS_kill, [parent, 9, 0, 0]));
        calls.extend([(57, [0; 4]), (58, [0; 4])]);
    }
    calls
}

#[allow(unsafe_code, reason = "to see that they are refused")]
fn raw((number, [a, b, c, d]): Call) -> Result<i64, Errno> {
    // SAFETY: each is refused before its arguments are looked at, or the test fails; none names memory of ours.
    let answer = unsafe { libc::syscall(number, a, b, c, d, 0_u64, 0_u64) };
    if answer == -1 { Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap()) } else { Ok(answer) }
}

#[test]
fn p02_the_process_leaves_no_core_and_cannot_be_read_by_its_user() {
    const NAME: &str = "p02_the_process_leaves_no_core_and_cannot_be_read_by_its_user";
    let Some(folder) = folder() else {
        assert_eq!(child(NAME, prepared("vault/root.key").path()).code(), Some(99));
        return;
    };
    enforce(&settings(&folder, "vault/root.key"));
    let core = rustix::process::getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    let dumpable = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(dumpable, rustix::process::DumpableBehavior::NotDumpable);
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".to_owned(), "2".to_owned()));
    // CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_NET_BIND_SERVICE, where there were any.
    let capabilities = u64::from_str_radix(&field("CapEff:"), 16).unwrap();
    assert_eq!(capabilities & !(1 | 1 << 1 | 1 << 10), 0, "{capabilities:x}");
    done()
}
