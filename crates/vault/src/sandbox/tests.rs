//! Each test runs itself again as a child, gives up what it is about, and tries it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use super::*;

const ROLE: &str = "COUNTERSIGN_TEST_ROLE";

/// In the child: what it is to do. In the parent: runs the test of this name as a child that does `role`.
#[allow(clippy::disallowed_methods, reason = "a test tells its child its part")]
fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

fn child(test: &str, role: &str) -> ExitStatus {
    let program = std::env::current_exe().unwrap();
    Command::new(program).args(["--exact", &format!("sandbox::tests::{test}")]).env(ROLE, role).status().unwrap()
}

fn done() -> ! {
    std::process::exit(99)
}

#[test]
fn p03_landlock_leaves_no_file_and_no_network() {
    match role().as_deref() {
        Some("file") => {
            landlock::enforce().unwrap();
            assert!(std::fs::read("/proc/self/stat").is_err());
            assert!(std::fs::read_dir("/").is_err());
            assert!(std::fs::write("/tmp/countersign-landlock", "x").is_err());
            done()
        }
        Some("network") => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            landlock::enforce().unwrap();
            assert!(std::net::TcpStream::connect(listener.local_addr().unwrap()).is_err());
            assert!(std::net::TcpListener::bind("127.0.0.1:0").is_err());
            done()
        }
        _ => {
            for role in ["file", "network"] {
                assert_eq!(child("p03_landlock_leaves_no_file_and_no_network", role).code(), Some(99), "{role}");
            }
        }
    }
}

#[test]
fn p03_a_system_call_that_is_not_needed_ends_the_process() {
    let Some(role) = role() else {
        let name = "p03_a_system_call_that_is_not_needed_ends_the_process";
        for role in ["open", "socket", "spawn", "thread", "executable", "kill"] {
            let status = child(name, role);
            assert_eq!(status.signal(), Some(libc::SIGSYS), "{role}: {status:?}");
        }
        assert_eq!(child(name, "nothing").code(), Some(99));
        return;
    };
    process::no_core_dumps().unwrap();
    process::no_new_privileges().unwrap();
    crate::crypto::warm_up().unwrap();
    seccomp::enforce().unwrap();
    match role.as_str() {
        "open" => drop(std::fs::File::open("/dev/null")),
        "socket" => drop(std::net::UdpSocket::bind("127.0.0.1:0")),
        "spawn" => drop(Command::new("/bin/true").spawn()),
        "thread" => drop(std::thread::Builder::new().spawn(|| ())),
        "executable" => executable_page(),
        "kill" => drop(rustix::process::kill_process(rustix::process::Pid::INIT, rustix::process::Signal::CHILD)),
        // What is allowed still works.
        _ => drop(vec![crate::crypto::random::<32>().unwrap(); 10_000]),
    }
    done()
}

#[allow(unsafe_code, reason = "to see that it is not let")]
fn executable_page() {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    let protection = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
    // SAFETY: an anonymous page of its own.
    let _ = unsafe { mmap_anonymous(std::ptr::null_mut(), 4096, protection, MapFlags::PRIVATE) };
}
