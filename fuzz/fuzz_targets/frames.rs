//! The vault's protocol: questions as the vault reads them, answers as the server does, in pieces as they come.
#![no_main]

use vault_proto::control::Introduction;
use vault_proto::frame::{Incoming, MAX_FILE_QUESTION, MAX_QUESTION, Question, read_answer};
use vault_proto::wrapped;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let _ = read_answer(bytes);
    let _ = Introduction::from_bytes(bytes);
    let _ = wrapped::wrapped_root_key_id(bytes);
    let _ = vault_proto::TokenFile::from_bytes(bytes);

    let mut incoming = Incoming::with_files(MAX_QUESTION, MAX_FILE_QUESTION);
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = incoming.space();
        let count = rest.len().min(space.len()).min(usize::from(piece) + 1);
        space[..count].copy_from_slice(&rest[..count]);
        incoming.filled(count);
        rest = &rest[count..];
        loop {
            match incoming.next_frame() {
                Ok(Some(frame)) => drop(Question::read(frame)),
                Ok(None) => break,
                // Nothing more can be read from such a connection.
                Err(_) => return,
            }
        }
    }
});
