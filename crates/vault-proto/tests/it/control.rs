//! Messages and descriptors from process to process.

use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use vault_proto::control::{self, Control, Introduction, MAX_MESSAGE};

#[test]
fn messages_keep_their_bounds_and_carry_descriptors() {
    let (ours, theirs) = control::pair().unwrap();
    let theirs = Control::from(theirs);
    let (mut kept, given) = UnixStream::pair().unwrap();
    ours.send(b"one", None).unwrap();
    ours.send(b"two", Some(given.as_fd())).unwrap();
    drop(given);
    let first = theirs.receive().unwrap().unwrap();
    assert_eq!((first.bytes.as_slice(), first.fd.is_none()), (b"one".as_slice(), true));
    let second = theirs.receive().unwrap().unwrap();
    assert_eq!(second.bytes, b"two");
    let mut received = UnixStream::from(second.fd.unwrap());
    received.write_all(b"hello").unwrap();
    drop(received);
    let mut text = String::new();
    kept.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    drop(ours);
    assert!(theirs.receive().unwrap().is_none(), "the end");
}

#[test]
fn what_no_message_can_be_is_refused() {
    let (ours, _theirs) = control::pair().unwrap();
    assert!(ours.send(b"", None).is_err());
    assert!(ours.send(&vec![0; MAX_MESSAGE + 1], None).is_err());
    assert!(Introduction::from_bytes(b"\xff").is_none());
    let introduction = Introduction::new("server", &["status", "sign"]);
    assert_eq!(Introduction::from_bytes(&introduction.to_bytes().unwrap()), Some(introduction));
}

#[test]
fn a_child_finds_its_end_as_descriptor_three_and_nothing_else() {
    let (ours, theirs) = control::pair().unwrap();
    let (_open, _also_open) = UnixStream::pair().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ls /proc/self/fd; echo hello >&3"]).stdout(Stdio::piped());
    let mut child = control::spawn(command, theirs).unwrap();
    assert_eq!(ours.receive().unwrap().unwrap().bytes, b"hello\n");
    assert!(ours.receive().unwrap().is_none(), "ours is the only end left");
    let mut listed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut listed).unwrap();
    assert!(listed.lines().any(|line| line == "3"), "{listed}");
    child.wait().unwrap();
}

#[test]
fn a_program_that_is_not_there_is_an_error_here() {
    let (_ours, theirs) = control::pair().unwrap();
    assert!(control::spawn(Command::new("/no/such/program"), theirs).is_err());
}
