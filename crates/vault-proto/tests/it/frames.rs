//! Whatever is written is read back, however the socket cuts it up, and whatever is read does no harm.

use proptest::prelude::*;
use vault_proto::frame::{
    FrameError, Incoming, MAX_ANSWER, MAX_FILE_QUESTION, MAX_QUESTION, Question, read_answer, write_answer,
    write_question,
};
use vault_proto::{
    Binding, CheckOtp, ImportTokens, OtpCandidate, Refusal, Reply, Resynchronize, Secret, VERSION, Verb,
};

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

fn candidate() -> impl Strategy<Value = OtpCandidate> {
    (any::<[[u8; 16]; 3]>(), any::<u32>(), bytes(120), any::<i64>()).prop_map(|(ids, generation, blob, last_step)| {
        let [user, device, authenticator] = ids;
        let binding = Binding { user, device, authenticator, generation };
        OtpCandidate { binding, params: otp::Params::COMMON, blob, last_step }
    })
}

fn verb() -> impl Strategy<Value = Verb> {
    let check = (prop::collection::vec(candidate(), 0..4), bytes(12), any::<u8>(), prop::option::of(bytes(400)));
    prop_oneof![
        Just(()).prop_map(|()| Verb::Status),
        prop::option::of(bytes(500)).prop_map(|keyring| Verb::Unlock { keyring }),
        (".{0,20}", bytes(40), bytes(200)).prop_map(|(purpose, context, plaintext)| {
            Verb::Seal { purpose, context, plaintext: Secret(plaintext) }
        }),
        (any::<i64>(), any::<bool>()).prop_map(|(by_millis, passed)| Verb::MoveClock { by_millis, passed }),
        check.prop_map(|(candidates, code, drift, assertion)| {
            Verb::CheckOtp(CheckOtp { candidates, code: Secret(code), drift, look_ahead: drift, assertion })
        }),
    ]
}

/// What is in a verb: `Debug` hides secrets, so the bytes are compared.
fn written(id: u64, deadline: u64, verb: &Verb) -> Vec<u8> {
    let mut out = Vec::new();
    write_question(&mut out, id, deadline, verb).unwrap();
    out
}

proptest! {
    #[test]
    fn questions_are_read_as_they_were_written_however_they_are_cut(
        questions in prop::collection::vec((1_u64.., any::<u64>(), verb()), 1..8),
        piece in 1_usize..300,
    ) {
        let frames: Vec<u8> = questions.iter().flat_map(|(id, deadline, verb)| written(*id, *deadline, verb)).collect();
        let mut incoming = Incoming::new(MAX_QUESTION);
        let mut read = Vec::new();
        let mut rest = frames.as_slice();
        while !rest.is_empty() {
            let space = incoming.space();
            let count = piece.min(rest.len()).min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            incoming.filled(count);
            rest = &rest[count..];
            while let Some(body) = incoming.next_frame().unwrap() {
                let question = Question::read(body).unwrap();
                read.extend(written(question.id, question.deadline, &question.verb));
            }
        }
        prop_assert_eq!(read, frames);
        prop_assert!(incoming.is_empty());
    }

    #[test]
    fn no_bytes_upset_the_readers(body in bytes(400), prefixed in any::<bool>()) {
        let body = if prefixed { [&[VERSION], body.as_slice()].concat() } else { body };
        let _ = (Question::read(&body), read_answer(&body));
    }

    #[test]
    fn a_byte_too_many_or_too_few_is_noticed(verb in verb(), cut in any::<prop::sample::Index>()) {
        let body = written(1, 2, &verb).split_off(4);
        prop_assert!(Question::read(&body).is_ok());
        let shorter = &body[..cut.index(body.len())];
        prop_assert!(Question::read(shorter).is_err());
        prop_assert_eq!(Question::read(&[body.as_slice(), &[0]].concat()).unwrap_err(), FrameError::Malformed { id: 1 });
    }

    #[test]
    fn answers_are_read_as_they_were_written(id in any::<u64>(), blob in bytes(2000), version in any::<u32>()) {
        for answer in [Ok(Reply::Sealed(blob.clone())), Ok(Reply::Opened(Secret(blob))), Err(Refusal::RetiredKeyVersion(version))] {
            let mut out = Vec::new();
            write_answer(&mut out, id, &answer).unwrap();
            let (read_id, read) = read_answer(&out[4..]).unwrap();
            let mut again = Vec::new();
            write_answer(&mut again, read_id, &read).unwrap();
            prop_assert_eq!(again, out);
        }
    }
}

#[test]
fn what_is_too_long_is_neither_written_nor_read() {
    let mut out = b"before".to_vec();
    let long = Verb::Unlock { keyring: Some(vec![0; MAX_QUESTION]) };
    assert_eq!(write_question(&mut out, 1, 1, &long), Err(FrameError::TooLong));
    assert_eq!(out, b"before");
    let answer = Ok(Reply::Sealed(vec![0; MAX_ANSWER]));
    assert_eq!(write_answer(&mut out, 1, &answer), Err(FrameError::TooLong));
    let mut incoming = Incoming::new(MAX_QUESTION);
    incoming.space()[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    incoming.filled(4);
    assert_eq!(incoming.next_frame(), Err(FrameError::TooLong));
}

fn import(bytes: usize) -> Verb {
    let (key, enc, ids) = ([1; 32], [2; 32], vec![[3; 16]; 10]);
    Verb::ImportTokens(ImportTokens { key, enc, ciphertext: vec![9; bytes], ids })
}

#[test]
fn a_frame_with_a_file_may_be_longer_and_the_room_for_it_is_given_back() {
    let (status, file) = (written(1, 2, &Verb::Status), written(2, 3, &import(MAX_FILE_QUESTION - 1000)));
    assert!(file.len() > 30 * MAX_QUESTION);
    let frames = [status.as_slice(), &file, &status, &file, &status].concat();
    let mut incoming = Incoming::with_files(MAX_QUESTION, MAX_FILE_QUESTION);
    let (mut rest, mut read) = (frames.as_slice(), Vec::new());
    while !rest.is_empty() {
        let space = incoming.space();
        let count = rest.len().min(space.len()).min(50_000);
        assert!(count > 0);
        space[..count].copy_from_slice(&rest[..count]);
        incoming.filled(count);
        rest = &rest[count..];
        while let Some(body) = incoming.next_frame().unwrap() {
            let question = Question::read(body).unwrap();
            read.extend(written(question.id, question.deadline, &question.verb));
        }
    }
    assert_eq!(read, frames);
    assert_eq!(incoming.space().len(), MAX_QUESTION + 4);
}

#[test]
fn only_a_file_may_be_long() {
    let mut out = Vec::new();
    assert_eq!(write_question(&mut out, 1, 1, &import(MAX_FILE_QUESTION)), Err(FrameError::TooLong));
    let mut body = vec![VERSION];
    let long = Verb::Unlock { keyring: Some(vec![0; MAX_QUESTION]) };
    body.extend(postcard::to_stdvec(&(7_u64, 1_u64, &long)).unwrap());
    assert_eq!(Question::read(&body).unwrap_err(), FrameError::Malformed { id: 7 });
    let mut incoming = Incoming::with_files(MAX_QUESTION, MAX_FILE_QUESTION);
    incoming.space()[..4].copy_from_slice(&u32::try_from(MAX_FILE_QUESTION + 1).unwrap().to_le_bytes());
    incoming.filled(4);
    assert_eq!(incoming.next_frame(), Err(FrameError::TooLong));
}

#[test]
fn another_version_is_named() {
    assert_eq!(Question::read(&[VERSION + 1, 1, 1]).unwrap_err(), FrameError::Version(VERSION + 1));
    assert_eq!(read_answer(&[0]).unwrap_err(), FrameError::Version(0));
}

#[test]
fn each_verb_has_its_name_once() {
    let mut names = Verb::NAMES.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Verb::NAMES.len());
    assert!(Verb::NAMES.contains(&Verb::Status.name()));
}

#[test]
fn secrets_do_not_print() {
    let code = Secret(b"123456".to_vec());
    let check = CheckOtp { candidates: Vec::new(), code: code.clone(), drift: 1, look_ahead: 10, assertion: None };
    assert!(!format!("{:?}", Verb::CheckOtp(check)).contains("49, 50"));
    let pair = Resynchronize { candidate: None, codes: [code.clone(), code], window: 100 };
    assert!(!format!("{:?}", Verb::Resynchronize(pair)).contains("49, 50"));
    assert!(!format!("{:?}", Reply::Opened(Secret(b"123456".to_vec()))).contains("49, 50"));
}
