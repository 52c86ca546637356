//! Frames that are wrong, late, too many, or not permitted.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use vault_proto::frame::{Incoming, MAX_ANSWER, MAX_FILE_QUESTION, NO_ID, boot_millis, read_answer, write_question};
use vault_proto::{Error, Refusal, Reply, Secret, VERSION, Verb};

use crate::harness::{PATIENCE, Start, Vault};

type Answer = (u64, Result<Reply, Refusal>);

/// The next answer, or `None` at the end.
fn next(socket: &mut UnixStream, incoming: &mut Incoming) -> Option<Answer> {
    loop {
        if let Some(body) = incoming.next_frame().unwrap() {
            return Some(read_answer(body).unwrap());
        }
        let count = socket.read(incoming.space()).unwrap();
        if count == 0 {
            return None;
        }
        incoming.filled(count);
    }
}

fn answers(socket: &mut UnixStream) -> Vec<Answer> {
    let mut incoming = Incoming::new(MAX_ANSWER);
    std::iter::from_fn(|| next(socket, &mut incoming)).collect()
}

fn raw(vault: &Vault, verbs: &[&str], bytes: &[u8]) -> UnixStream {
    let mut socket = vault.socket(verbs);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(bytes).unwrap();
    socket
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
}

fn status(id: u64, deadline: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_question(&mut bytes, id, deadline, &Verb::Status).unwrap();
    bytes
}

#[tokio::test]
async fn a_frame_of_another_version_is_told_which_one_is_spoken() {
    let start = Start::file();
    let vault = start.run();
    let mut bytes = status(1, u64::MAX);
    bytes[4] = VERSION + 1;
    let mut socket = raw(&vault, &Verb::NAMES, &bytes);
    assert!(matches!(answers(&mut socket)[..], [(NO_ID, Err(Refusal::Version(VERSION)))]));
}

#[tokio::test]
async fn t33_oversized_and_garbled_frames_end_their_connection_and_no_other() {
    let start = Start::file();
    let vault = start.run();
    let oversized = u32::try_from(MAX_FILE_QUESTION + 1).unwrap().to_le_bytes();
    for bytes in
        [oversized.to_vec(), u32::MAX.to_le_bytes().to_vec(), frame(&[]), frame(&[VERSION]), frame(&[VERSION, 0xff])]
    {
        let mut socket = raw(&vault, &Verb::NAMES, &bytes);
        let answered = answers(&mut socket);
        assert!(matches!(answered[..], [(NO_ID, Err(_))]), "{bytes:?}: {answered:?}");
    }
    let mut random = 0x1234_5678_9abc_def1_u64;
    for _ in 0..200 {
        let garbage: Vec<u8> = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random.to_le_bytes()[0]
        })
        .take(300)
        .collect();
        let mut socket = vault.socket(&Verb::NAMES);
        // It may be hung up on before all of it is written.
        let _ = socket.write_all(&frame(&[&[VERSION], garbage.as_slice()].concat()));
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
    }
    assert_eq!(vault.status().await.pid, vault.child.id(), "alive");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_and_the_next_one_answered() {
    let start = Start::file();
    let vault = start.run();
    // Version, id 7, deadline 127, a verb that there is not.
    let mut bytes = frame(&[VERSION, 7, 127, 99]);
    bytes.extend(status(8, u64::MAX));
    // A question with something after it.
    let mut long = status(9, u64::MAX).split_off(4);
    long.push(0);
    bytes.extend(frame(&long));
    let mut socket = raw(&vault, &Verb::NAMES, &bytes);
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut seen = Vec::new();
    let mut incoming = Incoming::new(MAX_ANSWER);
    for _ in 0..3 {
        seen.push(next(&mut socket, &mut incoming).unwrap());
    }
    seen.sort_by_key(|(id, _)| *id);
    assert!(matches!(
        seen[..],
        [(7, Err(Refusal::Malformed(_))), (8, Ok(Reply::Status(_))), (9, Err(Refusal::Malformed(_)))]
    ));
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte_and_be_cut_off() {
    let start = Start::file();
    let vault = start.run();
    let bytes = status(5, u64::MAX);
    let mut socket = raw(&vault, &Verb::NAMES, &[]);
    for byte in &bytes {
        socket.write_all(&[*byte]).unwrap();
    }
    assert!(matches!(next(&mut socket, &mut Incoming::new(MAX_ANSWER)), Some((5, Ok(Reply::Status(_))))));
    socket.write_all(&bytes[..bytes.len() - 1]).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(answers(&mut socket).is_empty());
}

#[tokio::test]
async fn what_comes_too_late_is_not_done() {
    let start = Start::file();
    let vault = start.run();
    let mut socket = raw(&vault, &Verb::NAMES, &status(1, boot_millis()));
    assert!(matches!(next(&mut socket, &mut Incoming::new(MAX_ANSWER)), Some((1, Err(Refusal::DeadlinePassed)))));
    let late = vault.client.ask(Verb::Status, Duration::ZERO).await;
    assert!(matches!(late, Err(Error::TimedOut | Error::Refused(Refusal::DeadlinePassed))), "{late:?}");
}

#[tokio::test]
async fn a_caller_asks_what_it_is_permitted_and_no_more() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let (client, _connector) = vault.client(&["status"]);
    assert!(matches!(client.ask(Verb::Status, PATIENCE).await, Ok(Reply::Status(_))));
    let questions = [
        Verb::PublicKeys,
        Verb::Unlock { keyring: None },
        Verb::RotateKeys,
        Verb::MoveClock { by_millis: 1, passed: true },
        Verb::Open { purpose: "x".to_owned(), context: Vec::new(), blob: Vec::new() },
    ];
    for verb in questions {
        let name = verb.name().to_owned();
        assert_eq!(client.ask(verb, PATIENCE).await.unwrap_err(), Error::Refused(Refusal::NotPermitted(name)));
    }
}

#[tokio::test]
async fn more_than_can_wait_is_refused_early() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    // Work that takes a while, far more of it than may wait.
    let mut bytes = Vec::new();
    let sign = Verb::Sign(vault_proto::Sign::Assertion { claims: b"{}".to_vec() });
    let count = 30_000;
    for id in 1..=count {
        write_question(&mut bytes, id, u64::MAX, &sign).unwrap();
    }
    let mut socket = raw(&vault, &Verb::NAMES, &[]);
    let mut writer = socket.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
    let (mut signed, mut refused) = (0, 0);
    let mut incoming = Incoming::new(MAX_ANSWER);
    for _ in 0..count {
        match next(&mut socket, &mut incoming).unwrap() {
            (_, Ok(Reply::Signed(_))) => signed += 1,
            (_, Err(Refusal::Overloaded)) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    writing.join().unwrap();
    println!("of {count} at once {signed} were signed and {refused} refused");
    assert!(signed > 0 && refused > 0);
}

#[tokio::test]
async fn only_so_many_connections_are_taken_and_places_come_free() {
    let start = Start::file();
    let vault = start.run();
    for _ in 0..40 {
        let (client, connector) = vault.client(&["status"]);
        assert!(matches!(client.ask(Verb::Status, PATIENCE).await, Ok(Reply::Status(_))));
        connector.disconnect();
    }
}

#[tokio::test]
async fn a_verb_that_there_is_not_is_permitted_to_nobody() {
    let start = Start::file();
    let vault = start.run();
    let mut socket = raw(&vault, &["status", "export_key"], &[]);
    assert!(answers(&mut socket).is_empty(), "hung up on");
}

#[tokio::test]
async fn malformed_arguments_are_refused_one_by_one() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let owner = vault_proto::CodeOwner { user: [1; 16], authenticator: [2; 16] };
    let check = |code: &[u8], drift, look_ahead| {
        let code = Secret(code.to_vec());
        Verb::CheckOtp(vault_proto::CheckOtp { candidates: Vec::new(), code, drift, look_ahead, assertion: None })
    };
    let text = |issuer: &str, account: &str| {
        let mut question =
            crate::harness::question(crate::harness::binding(1), otp::Params::COMMON, vault_proto::Qr::None);
        (question.issuer, question.account) = (issuer.to_owned(), account.to_owned());
        Verb::Provision(question)
    };
    let verbs = [
        Verb::IssueBackupCodes { owner, count: 0 },
        Verb::IssueBackupCodes { owner, count: 51 },
        Verb::IssueCode { owner, scope: [0; 16], digits: 5 },
        Verb::IssueCode { owner, scope: [0; 16], digits: 11 },
        check(b"12345", 1, 10),
        check("１２３４５６".as_bytes(), 1, 10),
        check(b"\xff\xff\xff\xff\xff\xff", 1, 10),
        check(b"123456", 3, 10),
        check(b"123456", 1, 21),
        text("Example", ""),
        text("Example", "a\nb"),
        text(&"x".repeat(129), "a"),
        Verb::Seal { purpose: String::new(), context: Vec::new(), plaintext: Secret(Vec::new()) },
        Verb::Unlock { keyring: Some(b"SQLite format 3".to_vec()) },
    ];
    for verb in verbs {
        let shown = format!("{verb:?}");
        let refused = vault.ask(verb).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::Malformed(_))), "{shown}: {refused:?}");
    }
}
