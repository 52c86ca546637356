//! Disks that fill up.
//!
//! A test that needs a small disk runs in a process of its own, in whose folder there is one: a mounted one where this may
//! be had, which root may and most users by a namespace of their own, and else a limit on the size of files.

use std::path::Path;
use std::process::{Command, Output};

use store::*;

use crate::home::*;

/// The name of the folder where files have a limit rather than a disk.
const LIMITED: &str = "limited";

#[test]
fn a_full_disk_refuses_and_is_forgiven() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, limited) = (folder.path().join("disk"), folder.path().join(LIMITED));
    std::fs::create_dir(&disk).unwrap();
    std::fs::create_dir(&limited).unwrap();
    let ways: [(&[&str], &Path); 3] = [
        (&["unshare", "--mount"], &disk),
        (&["unshare", "--mount", "--user", "--map-root-user"], &disk),
        (&[], &limited),
    ];
    let may_mount = |way: &[&str]| run(way, &disk, "true").status.success();
    let (way, place) = ways.into_iter().find(|(way, _)| way.is_empty() || may_mount(way)).unwrap();
    let output = run(way, place, "\"$0\" disks::on_a_small_disk --exact --ignored --nocapture");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{way:?}: {said}");
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Runs a script in a folder, with a small disk mounted there if the way in can do that.
fn run(way: &[&str], place: &Path, script: &str) -> Output {
    // A file that may not grow is an error to be handled, as a full disk is, and no reason to end.
    let mount = if way.is_empty() { "trap '' XFSZ" } else { "mount -t tmpfs -o size=4m tmpfs \"$PWD\" && cd \"$PWD\"" };
    let script = format!("{mount} && {script}");
    let words = way.iter().copied().chain(["sh", "-c", &script]);
    let mut words = words.collect::<Vec<_>>().into_iter();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(std::env::current_exe().unwrap()).current_dir(place).output().unwrap()
}

/// A disk that can be filled, and emptied again.
enum Disk {
    Mounted,
    Limited,
}

impl Disk {
    fn here() -> Self {
        let folder = std::env::current_dir().unwrap();
        if folder.ends_with(LIMITED) { Self::Limited } else { Self::Mounted }
    }

    fn fill(&self) {
        match self {
            Self::Mounted => {
                let output = Command::new("dd").args(["if=/dev/zero", "bs=4k", "of=ballast"]).output().unwrap();
                assert!(!output.status.success(), "the disk never filled up");
            }
            // What is there may be written again, as on a full disk; nothing grows.
            Self::Limited => {
                let files = std::fs::read_dir(".").unwrap().map(|file| file.unwrap().metadata().unwrap().len());
                limit(&files.max().unwrap().to_string());
            }
        }
    }

    fn empty(&self) {
        match self {
            Self::Mounted => std::fs::remove_file("ballast").unwrap(),
            Self::Limited => limit("unlimited"),
        }
    }
}

/// Lets no file of this process grow beyond so many bytes.
fn limit(bytes: &str) {
    let pid = std::process::id().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a_full_disk_refuses_and_is_forgiven runs it, where the disk is small"]
async fn on_a_small_disk() {
    let disk = Disk::here();
    let mut home = Home::sqlite();
    home.options.location = Location::Sqlite(std::env::current_dir().unwrap().join("countersign.db"));
    let store = home.open().await;
    let ann = settle(&store, "ann").await;
    disk.fill();
    let mut refused = 0;
    let mut made = Vec::new();
    for number in 0..200 {
        let somebody = user(&format!("user {number} {}", "x".repeat(200)));
        match store.commit(plain(Change::CreateUser(somebody.clone()))).await {
            Ok(effect) => {
                assert_eq!(effect, Effect::Applied);
                made.push(somebody);
            }
            Err(StoreError::Unwritable(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0, "nothing was refused");
    // A small write may find room in a log that was emptied meanwhile; what it must not do is say anything else.
    assert!(matches!(store.ping().await, Ok(()) | Err(StoreError::Unwritable(_))));
    assert!(store.user(ann.user.id).await.unwrap().is_some(), "reading goes on");
    disk.empty();
    apply(&store, Change::CreateUser(user("bob"))).await;
    for somebody in &made {
        assert_eq!(store.user(somebody.id).await.unwrap().as_ref(), Some(somebody), "acknowledged, so it is there");
    }
    store.close().await;
}
