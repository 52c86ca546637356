//! Hardware tokens: a sealed file in, sealed keys out, and what an attacker makes of them.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _};
use otp::{Algorithm, Params};
use vault_proto::{
    Binding, Error, ImportTokens, ImportedToken, OtpCandidate, Outcome, Refusal, RefusedToken, Reply, Secret,
    TokenBinding, TokenFile, TokenFormat, Unlock, Verb,
};

use crate::harness::{PATIENCE, Start, Vault, binding};

const KEY: &[u8] = b"12345678901234567890";
const HEX: &str = "3132333435363738393031323334353637383930";

fn counted() -> Params {
    Params::counted(Algorithm::Sha1, 6).unwrap()
}

fn csv(text: &str) -> TokenFile {
    TokenFile { format: TokenFormat::Csv, unlock: Unlock::Nothing, content: Secret(text.as_bytes().to_vec()) }
}

fn ids(count: u16) -> Vec<[u8; 16]> {
    (1..=count).map(|number| u128::from(number).to_be_bytes()).collect()
}

/// As the command line seals a file.
fn sealed(to: [u8; 32], plaintext: &[u8], count: u16) -> ImportTokens {
    let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to).unwrap();
    let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &key,
        TokenFile::INFO,
        plaintext,
        &[],
    )
    .unwrap();
    ImportTokens { key: to, enc: enc.to_bytes().into(), ciphertext, ids: ids(count) }
}

async fn ask(vault: &Vault, file: &TokenFile, count: u16) -> Result<(Vec<ImportedToken>, Vec<RefusedToken>), Error> {
    let to = vault.public_keys().await.import;
    match vault.ask(Verb::ImportTokens(sealed(to, &file.to_bytes().unwrap(), count))).await? {
        Reply::TokensImported { tokens, refused } => Ok((tokens, refused)),
        other => panic!("{other:?}"),
    }
}

async fn import(vault: &Vault, text: &str) -> ImportedToken {
    let (mut tokens, refused) = ask(vault, &csv(text), 10).await.unwrap();
    assert_eq!((tokens.len(), refused), (1, Vec::new()));
    tokens.remove(0)
}

async fn assign(vault: &Vault, imported: &ImportedToken, to: Binding) -> Result<OtpCandidate, Error> {
    let ImportedToken { token, params, last_step, blob } = imported.clone();
    match vault.ask(Verb::AssignToken { token, params, blob, to }).await? {
        Reply::Sealed(blob) => Ok(OtpCandidate { binding: to, params, blob, last_step }),
        other => panic!("{other:?}"),
    }
}

fn code(step: i64) -> String {
    counted().code(KEY, step).as_str().to_owned()
}

async fn check(vault: &Vault, candidate: &OtpCandidate, code: &str) -> Outcome {
    vault.check_all(vec![candidate.clone()], code).await.unwrap()
}

#[tokio::test]
async fn i02_a_token_of_a_file_gives_codes_for_whom_it_is_assigned_to() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let imported = import(&vault, &format!("serial,secret,counter\nF100,{HEX},41\n")).await;
    let token = TokenBinding { id: 1_u128.to_be_bytes(), serial: "F100".to_owned() };
    assert_eq!((&imported.token, imported.params, imported.last_step), (&token, counted(), 41));
    let ana = assign(&vault, &imported, binding(1)).await.unwrap();
    assert_eq!(check(&vault, &ana, &code(41)).await, Outcome::Replayed { index: 0 }, "the file said that it was used");
    assert_eq!(check(&vault, &ana, &code(42)).await, Outcome::Right { index: 0, step: 42 });
}

#[tokio::test]
async fn a_container_of_the_rfc_is_imported() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let content = Secret(include_bytes!("../data/rfc6030-figure6.xml").to_vec());
    let key = data_encoding::HEXLOWER.decode(b"12345678901234567890123456789012").unwrap();
    let file = TokenFile { format: TokenFormat::Pskc, unlock: Unlock::PreSharedKey(Secret(key)), content };
    let (tokens, refused) = ask(&vault, &file, 1).await.unwrap();
    assert_eq!((tokens.len(), refused), (1, Vec::new()));
    let ana = assign(&vault, &tokens[0], binding(1)).await.unwrap();
    // RFC 4226, Appendix D: the sixth value, in eight digits.
    let wanted = Params::counted(Algorithm::Sha1, 8).unwrap().code(KEY, 6);
    assert_eq!(check(&vault, &ana, wanted.as_str()).await, Outcome::Right { index: 0, step: 6 });
}

#[tokio::test]
async fn p10_a_thousand_tokens_come_in_at_once_and_no_answer_holds_a_key() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    // The longest answers: long serial numbers, long keys.
    let line = |number: usize| {
        let serial = format!("{number:064}");
        let key: String = (0..64).fold(String::new(), |hex, byte| hex + &format!("{:02x}", (byte * 7 + number) % 256));
        format!("{serial},{key},HOTP,8\n")
    };
    let file: String = (0..1000).map(line).collect();
    let (tokens, refused) = ask(&vault, &csv(&file), 1000).await.unwrap();
    assert_eq!((tokens.len(), refused.len()), (1000, 0));
    let shown = format!("{tokens:?}");
    for number in [0, 999] {
        let key: Vec<String> = (0..8).map(|byte| ((byte * 7 + number) % 256).to_string()).collect();
        assert!(!shown.contains(&key.join(", ")));
    }
    // And the longest refusals.
    let line = |number: usize| format!("{number:064},{},OCRA\n", "a".repeat(40));
    let wrong: String = (0..1000).map(line).collect();
    let (tokens, refused) = ask(&vault, &csv(&wrong), 1000).await.unwrap();
    assert_eq!((tokens.len(), refused.len()), (0, 1000));
    assert_eq!((refused[999].line, refused[999].serial.as_deref().map(str::len)), (1000, Some(64)));
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_without_what_is_in_it() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let file = format!("F100,{HEX}\nF100,{HEX}\nF101,Hunter2Hunter2Hunter2\n");
    let (tokens, refused) = ask(&vault, &csv(&file), 3).await.unwrap();
    assert_eq!(tokens.len(), 1);
    let said: Vec<(u32, Option<&str>)> = refused.iter().map(|token| (token.line, token.serial.as_deref())).collect();
    assert_eq!(said, [(2, Some("F100")), (3, Some("F101"))]);
    assert!(!format!("{refused:?}").contains("Hunter2"));
    let unlock = Unlock::Passphrase(Secret(b"qwerty".to_vec()));
    let not_utf8 = TokenFile { content: Secret(vec![0xff, 0xfe, 0x41]), ..csv("") };
    for (file, count, why) in [
        (csv(&format!("F100,{HEX}\nF101,{HEX}")), 1, "more tokens in it"),
        (csv("# nothing"), 1, "no token"),
        (TokenFile { unlock, ..csv(&format!("F100,{HEX}")) }, 1, "not encrypted"),
        (TokenFile { format: TokenFormat::Pskc, ..csv("<Hunter2>") }, 1, "line 1: it is no well-formed XML"),
        (not_utf8, 1, "not UTF-8"),
    ] {
        let refused = ask(&vault, &file, count).await.unwrap_err();
        let Error::Refused(Refusal::TokenFile(said)) = &refused else { panic!("{refused:?}") };
        assert!(said.contains(why) && !said.contains("Hunter2"), "{said}");
    }
    let too_many = ask(&vault, &csv(&format!("F100,{HEX}")), 1001).await.unwrap_err();
    assert!(matches!(too_many, Error::Refused(Refusal::Malformed(_))), "{too_many:?}");
}

#[tokio::test]
async fn a_file_opens_only_as_it_was_sealed_and_with_keys_that_are_in_use() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let first = vault.public_keys().await.import;
    let plaintext = csv(&format!("F100,{HEX}")).to_bytes().unwrap();
    let refused = async |question| {
        let refused = vault.ask(Verb::ImportTokens(question)).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::TokenFile(_))), "{refused:?}");
    };
    let mut changed = sealed(first, &plaintext, 1);
    changed.ciphertext[3] ^= 1;
    refused(changed).await;
    let mut changed = sealed(first, &plaintext, 1);
    changed.enc[0] ^= 1;
    refused(changed).await;
    refused(ImportTokens { key: [7; 32], ..sealed(first, &plaintext, 1) }).await;
    refused(sealed(first, b"no file", 1)).await;
    for (verb, opens) in [(Verb::RotateKeys, true), (Verb::RetireKeys { before: 2 }, false)] {
        let Reply::Rotated { keyring, .. } = vault.ask(verb).await.unwrap() else { panic!() };
        vault.unlock(&keyring).await.unwrap();
        assert_ne!(vault.public_keys().await.import, first);
        let answer = vault.ask(Verb::ImportTokens(sealed(first, &plaintext, 1))).await;
        assert_eq!(answer.is_ok(), opens, "{answer:?}");
    }
}

#[tokio::test]
async fn t27_a_tokens_key_opens_only_for_that_token_and_goes_one_way() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let imported = import(&vault, &format!("F100,{HEX}")).await;
    let elsewhere = |change: &dyn Fn(&mut ImportedToken)| {
        let mut moved = imported.clone();
        change(&mut moved);
        moved
    };
    let other = Params::counted(Algorithm::Sha1, 8).unwrap();
    let ana = assign(&vault, &imported, binding(1)).await.unwrap();
    let moved = [
        elsewhere(&|token| token.token.id[15] ^= 1),
        elsewhere(&|token| token.token.serial = "F101".to_owned()),
        elsewhere(&|token| token.params = other),
        elsewhere(&|token| token.params = Params::COMMON),
        elsewhere(&|token| *token.blob.last_mut().unwrap() ^= 1),
        // What is somebody's is no token any more.
        elsewhere(&|token| token.blob.clone_from(&ana.blob)),
    ];
    for token in moved {
        let refused = assign(&vault, &token, binding(1)).await.unwrap_err();
        assert_eq!(refused, Error::Refused(Refusal::DoesNotOpen), "{token:?}");
        let ImportedToken { token, params, blob, .. } = token;
        let refused = vault.ask(Verb::RewrapToken { token, params, blob }).await.unwrap_err();
        assert_eq!(refused, Error::Refused(Refusal::DoesNotOpen));
    }
    // Nor is a token anybody's before it was assigned.
    let early = OtpCandidate { blob: imported.blob.clone(), ..ana.clone() };
    let refused = vault.check_all(vec![early], "123456").await.unwrap_err();
    assert_eq!(refused, Error::Refused(Refusal::DoesNotOpen));
    let as_secret = Verb::Open { purpose: "token".to_owned(), context: Vec::new(), blob: imported.blob.clone() };
    assert_eq!(vault.ask(as_secret).await.unwrap_err(), Error::Refused(Refusal::DoesNotOpen));
}

#[tokio::test]
async fn t28_assigning_a_token_again_and_again_makes_no_guess_cheaper() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let text = format!("F100,{HEX}");
    let wrong = (0..100).map(|number| format!("{number:06}")).find(|wrong| (1..40).all(|step| code(step) != *wrong));
    let wrong = wrong.unwrap();
    for number in 0..100 {
        // The same file once more, and somebody else each time.
        let imported = import(&vault, &text).await;
        let somebody = assign(&vault, &imported, binding(number)).await.unwrap();
        assert_eq!(check(&vault, &somebody, &wrong).await, Outcome::Wrong);
    }
    let fresh = assign(&vault, &import(&vault, &text).await, binding(200)).await.unwrap();
    assert_eq!(check(&vault, &fresh, &code(1)).await, Outcome::Exhausted);
}

#[tokio::test]
async fn t06_a_code_that_was_used_is_used_for_everybody_who_has_the_token_after() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let imported = import(&vault, &format!("F100,{HEX}")).await;
    let ana = assign(&vault, &imported, binding(1)).await.unwrap();
    assert_eq!(check(&vault, &ana, &code(3)).await, Outcome::Right { index: 0, step: 3 });
    let ben = assign(&vault, &imported, binding(2)).await.unwrap();
    for step in 1..=3 {
        assert!(!matches!(check(&vault, &ben, &code(step)).await, Outcome::Right { .. }), "step {step}");
    }
    assert_eq!(check(&vault, &ben, &code(4)).await, Outcome::Right { index: 0, step: 4 });
}

#[tokio::test]
async fn tokens_are_sealed_anew_before_keys_are_retired() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let mut imported = import(&vault, &format!("F100,{HEX}")).await;
    let old = imported.clone();
    for verb in [Verb::RotateKeys, Verb::RetireKeys { before: 2 }] {
        if matches!(verb, Verb::RetireKeys { .. }) {
            let ImportedToken { token, params, blob, .. } = imported.clone();
            let Reply::Sealed(blob) = vault.ask(Verb::RewrapToken { token, params, blob }).await.unwrap() else {
                panic!()
            };
            imported.blob = blob;
        }
        let Reply::Rotated { keyring, .. } = vault.ask(verb).await.unwrap() else { panic!() };
        vault.unlock(&keyring).await.unwrap();
    }
    let refused = assign(&vault, &old, binding(1)).await.unwrap_err();
    assert_eq!(refused, Error::Refused(Refusal::RetiredKeyVersion(1)));
    let ana = assign(&vault, &imported, binding(1)).await.unwrap();
    assert_eq!(check(&vault, &ana, &code(1)).await, Outcome::Right { index: 0, step: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_large_files_are_read_one_at_a_time_and_hold_up_nobody() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let to = vault.public_keys().await.import;
    let line = format!("F100,{HEX}\n");
    let padding = format!("# {}\n", "x".repeat(1000)).repeat(TokenFile::MAX_BYTES / 1003 - 1);
    let plaintext = csv(&(padding + &line)).to_bytes().unwrap();
    assert!(plaintext.len() > TokenFile::MAX_BYTES - 4096);
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let (client, question) = (vault.client.clone(), sealed(to, &plaintext, 10));
            tokio::spawn(async move { client.ask(Verb::ImportTokens(question), PATIENCE).await })
        })
        .collect();
    let (mut read, mut refused) = (0, 0);
    for answer in tries {
        match answer.await.unwrap() {
            Ok(Reply::TokensImported { tokens, .. }) if tokens.len() == 1 => read += 1,
            // By the vault, or by the client, where too much waits to be written.
            Err(Error::Refused(Refusal::Overloaded) | Error::Busy) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(read >= 1, "{read} read, {refused} refused");
    // Its turn was given back.
    assert_eq!(ask(&vault, &csv(&line), 1).await.unwrap().0.len(), 1);
    // Only files may be so long.
    let long = Verb::Seal { purpose: "x".to_owned(), context: Vec::new(), plaintext: Secret(vec![0; 100_000]) };
    let refused = vault.ask(long).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Malformed(_))), "{refused:?}");
}
