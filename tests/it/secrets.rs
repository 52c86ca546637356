//! Where keys must not be: database, log, metrics, memory of the server process; and how the vault's memory is closed
//! (P-02, P-03, T-18).

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde_json::json;

use crate::harness::{Phone, Server, Setup, Signal, alive, rounds, signal};
use crate::recipient::Recipient;

#[tokio::test(flavor = "multi_thread")]
async fn t18_no_key_is_found_in_database_log_metrics_or_memory_of_the_server() {
    let server = Server::new().await;
    let api = server.api();
    let recipient = Recipient::new();
    let people = rounds(100, 1000);
    let mut keys = Vec::new();
    for n in 0..people {
        let started = api.start(&format!("canary-{n:04}"), json!({ "recipient_key": recipient.public_key() })).await;
        let view = api.get(&format!("/v1/enrollments/{}/view", started.enrollment_id)).await.expect(200);
        let opened = recipient.open(&view["sealed"], &started.authenticator_id);
        let phone = Phone::with_key(opened["secret"].as_str().unwrap(), &started.answer["enrollment"]);
        let ana = api.finish(started, phone).await;
        let now = api.now().await;
        api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect(422);
        api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
        keys.push(ana.phone.key);
    }
    assert_eq!(keys.len(), people);

    let canaries = Canaries::of(&keys);
    let metrics = api.get("/metrics").await;
    metrics.clone().expect_text();
    canaries.assert_none_in("metrics", &metrics.body);
    let mut files = Vec::new();
    all_files(server.folder(), &mut files);
    // That these files are looked through at all is seen by what must be in them.
    assert!(files.iter().any(|file| holds(file, b"canary-0001")), "the database is not among {files:?}");
    for file in &files {
        canaries.assert_none_in(&file.display().to_string(), &std::fs::read(file).unwrap());
    }

    let core = core_of(server.ready().await.server, server.folder());
    assert!(holds(&core, api.address.strip_prefix("http://").unwrap().as_bytes()), "that is no core of the server");
    canaries.assert_none_in("core of the server process", &std::fs::read(&core).unwrap());
    assert_a_key_that_is_there_is_found(&keys);
}

impl crate::harness::Answer {
    fn expect_text(self) {
        assert_eq!(self.status, 200, "{self}");
        assert!(!self.body.is_empty());
    }
}

/// A core dump of a process, made as a debugger makes one.
fn core_of(pid: i32, folder: &Path) -> PathBuf {
    let core = folder.join(format!("core.{pid}"));
    let script = "gcore -o \"$0\" \"$1\" && chmod a+r \"$0.$1\"";
    let output = as_root("sh").args(["-c", script]).arg(folder.join("core")).arg(pid.to_string()).output().unwrap();
    assert!(core.exists(), "{}: make test installs gdb", String::from_utf8_lossy(&output.stderr));
    core
}

/// A command that may look into a process which its own user may not look into: `CAP_SYS_PTRACE`.
fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", program]);
    command
}

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        // The root key is a key that is meant to be on disk, and none of the canaries.
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => all_files(&entry.path(), found),
            _ => found.push(entry.path()),
        }
    }
}

fn holds(file: &Path, text: &[u8]) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text)
}

/// Where a key stands in the files of a server, in any shape.
pub(crate) fn found_in_files(server: &Server, key: &[u8]) -> Vec<PathBuf> {
    let canary = Canaries::of(&[key.to_vec()]);
    let mut files = Vec::new();
    all_files(server.folder(), &mut files);
    files.retain(|file| std::fs::read(file).is_ok_and(|bytes| canary.found_in(&bytes).is_some()));
    files
}

/// Keys in every shape that they could be found in.
struct Canaries {
    /// By their first eight bytes.
    by_start: HashMap<u64, Vec<(Vec<u8>, &'static str)>>,
}

impl Canaries {
    fn of(keys: &[Vec<u8>]) -> Self {
        let mut canaries = Self { by_start: HashMap::new() };
        for key in keys {
            canaries.add("raw", key);
            canaries.add("Base32", BASE32_NOPAD.encode(key).as_bytes());
            canaries.add("Base32 in small letters", BASE32_NOPAD.encode(key).to_lowercase().as_bytes());
            canaries.add("hex", HEXLOWER.encode(key).as_bytes());
            canaries.add("hex in capitals", HEXUPPER.encode(key).as_bytes());
            canaries.add("Base64", BASE64_NOPAD.encode(key).as_bytes());
            canaries.add("Base64 for URLs", BASE64URL_NOPAD.encode(key).as_bytes());
        }
        canaries
    }

    fn add(&mut self, shape: &'static str, bytes: &[u8]) {
        // Twelve bytes of a key are a find as good as all of them, and no accident.
        let start = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        self.by_start.entry(start).or_default().push((bytes[..12].to_vec(), shape));
    }

    fn found_in(&self, bytes: &[u8]) -> Option<&'static str> {
        let mut filter = vec![false; 1 << 16];
        self.by_start.keys().for_each(|start| filter[usize::try_from(start & 0xffff).unwrap()] = true);
        let mut window = 0_u64;
        for (at, byte) in bytes.iter().enumerate() {
            window = window >> 8 | u64::from(*byte) << 56;
            if at < 7 || !filter[(window & 0xffff) as usize] {
                continue;
            }
            let rest = &bytes[at - 7..];
            let found = self.by_start.get(&window).into_iter().flatten().find(|(start, _)| rest.starts_with(start));
            if let Some((_, shape)) = found {
                return Some(shape);
            }
        }
        None
    }

    #[track_caller]
    fn assert_none_in(&self, what: &str, bytes: &[u8]) {
        let found = self.found_in(bytes);
        assert!(found.is_none(), "a key stands in {what}: {}", found.unwrap_or_default());
    }
}

fn assert_a_key_that_is_there_is_found(keys: &[Vec<u8>]) {
    let canaries = Canaries::of(keys);
    let key = &keys[keys.len() / 2];
    for shaped in [key.clone(), BASE32_NOPAD.encode(key).into_bytes(), HEXLOWER.encode(key).into_bytes()] {
        let planted = [vec![7; 1001], shaped, vec![9; 77]].concat();
        assert!(canaries.found_in(&planted).is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_the_memory_of_the_vault_is_closed_to_its_own_user() {
    let server = Server::start(Setup { as_ordinary_user: true, ..Setup::default() }).await;
    server.api().enroll("ana").await;
    let pids = server.ready().await;
    // The same, tried on a process of that user's that is not closed, works: the refusals are the vault's doing.
    assert!(
        server
            .as_its_user(
                "sh",
                &["-c", "sleep 5 & head -c1 /proc/$!/mem 2>&1 | grep -v denied; head -c1 /proc/$!/environ"]
            )
            .status
            .success()
    );

    for file in ["mem", "environ", "maps", "auxv", "stack", "syscall", "pagemap"] {
        let read = server.as_its_user("head", &["-c1", &format!("/proc/{}/{file}", pids.vault)]);
        assert!(!read.status.success(), "/proc/PID/{file} of the vault can be read");
    }
    let attached = server.as_its_user("gdb", &["-batch", "-p", &pids.vault.to_string(), "-ex", "info registers rip"]);
    let said = format!("{}{}", String::from_utf8_lossy(&attached.stdout), String::from_utf8_lossy(&attached.stderr));
    assert!(said.contains("not permitted") && !said.contains("rip  "), "the vault can be traced: {said}");
    let dumped = server.as_its_user("gcore", &["-o", "core", &pids.vault.to_string()]);
    assert!(!dumped.status.success(), "the vault can be dumped");

    // What the kernel itself would write when the vault crashes: nothing.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", pids.vault)).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // The kernel gives the files of a process that is not dumpable to root.
    assert_eq!(std::fs::metadata(format!("/proc/{}/environ", pids.vault)).unwrap().uid(), 0);
    assert_eq!(server.ready().await, pids);
}

/// Root may trace anything, unless it sits in a Landlock domain: here the server process itself, taken over by a
/// debugger, is made to open the vault's memory.
#[tokio::test(flavor = "multi_thread")]
async fn t18_a_server_that_was_taken_over_cannot_open_the_memory_of_the_vault_even_as_root() {
    let server = Server::new().await;
    server.api().enroll("ana").await;
    let pids = server.ready().await;
    let vault = format!("/proc/{}/mem", pids.vault);
    let in_store = server.data().join("store/here");
    assert!(opened_by(pids.server, "/proc/self/mem", 0), "it opens its own");
    assert!(!opened_by(pids.server, &vault, 0), "the server process opens {vault}");
    // It also writes nowhere but where its data is.
    assert!(opened_by(pids.server, in_store.to_str().unwrap(), CREATE));
    assert!(!opened_by(pids.server, server.data().join("here").to_str().unwrap(), CREATE));
    assert!(!opened_by(pids.server, "/etc/countersign-was-here", CREATE));
    assert!(!opened_by(pids.server, "/dev/shm/countersign-was-here", CREATE));
    if rustix::process::geteuid().is_root() {
        assert!(std::fs::File::open(&vault).is_ok(), "the control: root outside of the domain can");
    }
    let checks = server.api().get("/v1/doctor").await.expect(200)["checks"].clone();
    for name in ["core_dumps", "dumpable", "capabilities", "landlock", "root_key", "seccomp"] {
        let name = format!("server_{name}");
        let told = checks.as_array().unwrap().iter().find(|check| check["name"] == name.as_str()).expect(&name);
        assert_eq!(told["level"], "ok", "{told}");
    }
    assert_eq!(server.ready().await, pids);
}

/// The same server is made to go for the root key, which belongs to its own user, and for the other two processes.
#[tokio::test(flavor = "multi_thread")]
async fn t18_a_server_that_was_taken_over_gets_to_neither_root_key_nor_vault_nor_supervisor() {
    let server = Server::new().await;
    let pids = server.ready().await;
    let key = server.root_key();
    let key = key.to_str().unwrap();
    assert_eq!(called_by(pids.server, "getpid()"), pids.server);
    assert_eq!(called_by(pids.server, &format!("kill({}, 0)", pids.server)), 0, "it may signal itself");

    for call in [
        "open64(\"KEY\", 0)",
        "open64(\"KEY\", 1)",
        "unlink(\"KEY\")",
        "chmod(\"KEY\", 0644)",
        "rename(\"KEY\", \"/tmp/k\")",
    ] {
        assert_eq!(called_by(pids.server, &call.replace("KEY", key)), -1, "{call}");
    }
    for pid in [pids.vault, pids.supervisor] {
        for call in ["kill(PID, 9)", "kill(PID, 19)", "ptrace(16, PID, 0, 0)", "syscall(434, PID, 0)"] {
            assert_eq!(called_by(pids.server, &call.replace("PID", &pid.to_string())), -1, "{call}");
        }
    }
    for call in ["fork()", "execl(\"/bin/true\", \"true\", (char*)0)", "setuid(0)"] {
        assert_eq!(called_by(pids.server, call), -1, "{call}");
    }
    assert_eq!(server.ready().await, pids);
}

/// `O_CREAT | O_WRONLY` (open(2)).
const CREATE: i32 = 0o101;

/// Whether a process can open a file, which it is made to try by a debugger. As `open64`: functions of ours are called `open` as well.
fn opened_by(pid: i32, path: &str, flags: i32) -> bool {
    called_by(pid, &format!("open64(\"{path}\", {flags}, 0600)")) >= 0
}

/// What a call answers that a process is made to make by a debugger.
fn called_by(pid: i32, call: &str) -> i32 {
    let output = as_root("gdb")
        .args(["-batch", "-nx", "-p", &pid.to_string(), "-ex", &format!("print (int){call}")])
        .output()
        .expect("gdb is there: make test installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    let answer = said.lines().find_map(|line| line.strip_prefix("$1 = "));
    let answer = answer.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    answer.parse().unwrap()
}

/// A root key in a variable: the supervisor keeps the one copy that it needs for the next vault.
#[tokio::test(flavor = "multi_thread")]
async fn t18_a_root_key_from_the_environment_stays_in_no_environment() {
    const KEY: &str = "c0ffee00112233445566778899aabbccddeeff00112233445566778899abcdef";
    let environment = vec![("ROOT_OF_ALL".to_owned(), KEY.to_owned()), ("KEPT".to_owned(), "kept".to_owned())];
    let arguments = vec!["--root-key=env:ROOT_OF_ALL".to_owned()];
    let server = Server::start(Setup { arguments, environment, ..Setup::default() }).await;
    server.api().enroll("ana").await;
    let before = server.ready().await;
    // The next vault gets it too.
    signal(before.vault, Signal::KILL);
    // That it was not ready meanwhile may go unsaid: what is public is answered from a moment ago.
    while alive(before.vault) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let pids = server.ready().await;
    assert_ne!(pids.vault, before.vault);
    for pid in [pids.supervisor, pids.server, pids.vault] {
        let environment = as_root("cat").arg(format!("/proc/{pid}/environ")).output().unwrap();
        assert!(environment.status.success());
        let text = String::from_utf8_lossy(&environment.stdout);
        assert!(!text.contains(&KEY[..8]), "{text}");
        assert_eq!(text.contains("KEPT=kept"), pid != pids.vault, "{text}");
    }
    let copies = |pid| {
        let found = Command::new("grep").args(["-ao", KEY]).arg(core_of(pid, server.folder())).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().count()
    };
    assert_eq!(copies(pids.supervisor), 1, "one, for the next vault");
    assert_eq!(copies(pids.server), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn p03_the_vault_has_no_network_no_files_and_no_privileges_to_gain() {
    let server = Server::new().await;
    let pids = server.ready().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", pids.vault)).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {status}"));
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(field("NoNewPrivs:"), "1");
    assert_eq!(field("Seccomp:"), "2", "no filter of system calls");
    assert_ne!(field("VmLck:"), "0", "no memory is locked");
    // What it has open: its sockets to supervisor and server, standard streams, the kernel's count of its own memory, and
    // nothing on disk or network.
    let statm = format!("/proc/{}/statm", pids.vault);
    for entry in std::fs::read_dir(format!("/proc/{}/fd", pids.vault)).unwrap() {
        let target = std::fs::read_link(entry.unwrap().path()).unwrap().to_string_lossy().into_owned();
        let harmless = ["socket:", "pipe:", "anon_inode:", "/dev/null", "/memfd:"];
        assert!(
            harmless.iter().any(|start| target.starts_with(start)) || target == statm,
            "the vault has {target} open"
        );
    }
    let unix = std::fs::read_to_string(format!("/proc/{}/net/tcp", pids.vault)).unwrap();
    let sockets = sockets_of(pids.vault);
    let in_tcp = unix
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(9))
        .any(|inode| sockets.contains(&inode.to_owned()));
    assert!(!in_tcp, "the vault has a TCP socket");
}

fn sockets_of(pid: i32) -> Vec<String> {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = links.map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap().to_string_lossy().into_owned());
    targets.filter_map(|target| Some(target.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())).collect()
}
