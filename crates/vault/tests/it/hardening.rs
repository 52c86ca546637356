//! What the process has given up, seen from outside.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Start, Vault};

/// The value of a field of `/proc/PID/status`.
fn status_field(vault: &Vault, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", vault.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_once(':').unwrap().1.trim().to_owned()
}

#[tokio::test]
async fn p03_each_protection_holds_and_is_reported() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let status = vault.status().await;
    let names: Vec<&str> = status.hardening.iter().map(|step| step.name.as_str()).collect();
    let order = [
        "inherited_files",
        "core_dumps",
        "dumpable",
        "new_privileges",
        "locked_memory",
        "landlock",
        "capabilities",
        "seccomp",
    ];
    assert_eq!(names, order);
    for step in &status.hardening {
        // Locked memory is up to the limits that this test was started with.
        assert!(step.holds || step.name == "locked_memory", "{step:?}");
        assert!(!step.detail.is_empty());
    }
    assert_eq!(status_field(&vault, "NoNewPrivs"), "1");
    assert_eq!(status_field(&vault, "Seccomp"), "2");
    let capabilities = u64::from_str_radix(&status_field(&vault, "CapEff"), 16).unwrap();
    assert_eq!(capabilities & !(1 << 14), 0, "none but CAP_IPC_LOCK");
    // Every thread, not only the first.
    for task in std::fs::read_dir(format!("/proc/{}/task", vault.child.id())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"), "{status}");
    }
}

#[tokio::test]
async fn p03_it_holds_no_file_but_the_one_that_counts_its_memory() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{}/fd", vault.child.id())) else {
        return; // An ordinary user may not look into a process that is not dumpable.
    };
    for descriptor in descriptors {
        let descriptor = descriptor.unwrap();
        if descriptor.file_name().to_str().unwrap().parse::<u32>().unwrap() < 3 {
            continue;
        }
        let target = std::fs::read_link(descriptor.path()).unwrap();
        let target = target.to_str().unwrap();
        assert!(target.starts_with("socket:") || target.ends_with("/statm"), "{target}");
    }
}

#[tokio::test]
async fn p02_a_crash_leaves_no_core() {
    let start = Start::file();
    // Whoever starts it allows cores.
    let mut command = Command::new("sh");
    let vault = start.command();
    command
        .args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""])
        .arg(vault.get_program())
        .args(vault.get_args());
    command.current_dir(start.folder.path());
    let mut vault = Vault::spawn(command, &[]);
    vault.create().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", vault.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    if let Ok(filter) = std::fs::read_to_string(format!("/proc/{}/coredump_filter", vault.child.id())) {
        assert_eq!(u32::from_str_radix(filter.trim(), 16).unwrap(), 0);
    }
    // The first one only takes away the handler that tells a stack overflow apart.
    let status = loop {
        kill_process(Pid::from_child(&vault.child), Signal::SEGV).unwrap();
        if let Some(status) = vault.child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    assert_eq!(status.signal(), Some(11));
    assert!(!status.core_dumped());
    let left: Vec<_> =
        std::fs::read_dir(start.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["root.key"]);
}

/// A command as the user `nobody`, where the test runs as root; else as who runs the test.
fn as_ordinary_user(program: &str) -> Command {
    if !rustix::process::getuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
    command.arg(program);
    command
}

/// A copy of the vault that `nobody` can reach, in a folder of its own.
fn ordinary_vault() -> (tempfile::TempDir, Vault) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder =
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir_in("/tmp").unwrap();
    let program = folder.path().join("countersign-vault");
    std::fs::copy(env!("CARGO_BIN_EXE_countersign-vault"), &program).unwrap();
    let mut command = as_ordinary_user(program.to_str().unwrap());
    command.args(["--root-key", "env:ROOT"]).current_dir("/");
    (folder, Vault::spawn(command, &["5a".repeat(32)]))
}

#[tokio::test]
async fn p03_its_own_user_can_neither_read_nor_trace_it() {
    let (_folder, vault) = ordinary_vault();
    vault.create().await;
    let pid = vault.child.id();
    for file in ["mem", "maps", "environ", "auxv", "syscall", "stack"] {
        let output = as_ordinary_user("head").args(["-c", "1", &format!("/proc/{pid}/{file}")]).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{file}: {output:?}");
    }
    let output = as_ordinary_user("ls").arg(format!("/proc/{pid}/fd")).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(as_ordinary_user("kill").args(["-0", &pid.to_string()]).status().unwrap().success(), "of the same user");
    let Ok(output) = as_ordinary_user("gdb").args(["--batch", "-nx", "-p", &pid.to_string()]).output() else {
        println!("no gdb: attaching is not tried");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(
        said.contains("not permitted") || said.contains("could not attach") || said.contains("no such file"),
        "{said}"
    );
    assert_eq!(status_field(&vault, "TracerPid"), "0");
    vault.status().await;
}

/// The control: what is refused above is refused because of the vault, and not because of how it is tried.
#[test]
fn p03_another_process_of_that_user_can_be_read() {
    let mut sleeper = as_ordinary_user("sleep").arg("20").spawn().unwrap();
    let path = format!("/proc/{}/maps", sleeper.id());
    let read = (0..100).any(|_| {
        let output = as_ordinary_user("head").args(["-c", "1", &path]).output().unwrap();
        output.status.success() && !output.stdout.is_empty()
    });
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert!(read);
}

/// Root may trace anything: nothing that a process does to itself keeps root out. But a process in a Landlock domain
/// traces nothing outside of it, root or not; a server that puts itself into one cannot read its vault.
#[tokio::test]
async fn p03_a_caller_in_a_landlock_domain_cannot_read_it_even_as_root() {
    const NAME: &str = "hardening::p03_a_caller_in_a_landlock_domain_cannot_read_it_even_as_root";
    if let Ok(path) = std::env::var("COUNTERSIGN_TEST_READ") {
        use landlock::{AccessNet, Ruleset, RulesetAttr as _};
        let domain = Ruleset::default().handle_access(AccessNet::BindTcp).unwrap().create().unwrap();
        if std::env::var("COUNTERSIGN_TEST_DOMAIN").is_ok() {
            domain.restrict_self().unwrap();
        }
        let opened = std::fs::File::open(path).is_ok();
        std::process::exit(if opened { 42 } else { 43 });
    }
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let read = |domain: bool| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME]).env("COUNTERSIGN_TEST_READ", format!("/proc/{}/mem", vault.child.id()));
        if domain {
            child.env("COUNTERSIGN_TEST_DOMAIN", "1");
        }
        child.status().unwrap().code()
    };
    assert_eq!(read(true), Some(43));
    if rustix::process::getuid().is_root() {
        assert_eq!(read(false), Some(42), "the control: root without a domain can");
    }
}
