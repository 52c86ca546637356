//! The root key: made, given, wrong, missing.

use std::os::unix::fs::PermissionsExt as _;

use otp::Params;
use vault_proto::{Error, Outcome, Refusal, Reply, Verb, wrapped_root_key_id};

use crate::harness::{Start, Vault};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test]
async fn what_one_vault_sealed_the_next_one_opens() {
    let start = Start::file();
    let first = start.run();
    let keyring = first.create().await;
    let enrolled = first.provision(1, Params::COMMON).await;
    let id = first.status().await.root_key_id.unwrap();
    assert_eq!(wrapped_root_key_id(&keyring).unwrap(), id);
    drop(first);
    let key = format!("file:{}", start.key_file().display());
    let second = Start::with(&["--root-key", &key, "--expect-root-key", &id], None);
    let vault = second.run();
    assert_eq!(vault.ask(Verb::PublicKeys).await.unwrap_err(), Error::Refused(Refusal::Locked));
    let refused = vault.ask(Verb::Unlock { keyring: None }).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Malformed(_))), "a store with a keyring gets no other");
    vault.unlock(&keyring).await.unwrap();
    let step = enrolled.step(vault.now().await);
    assert_eq!(vault.check(&enrolled, &enrolled.code(step)).await, Ok(Outcome::Right { index: 0, step }));
}

#[tokio::test]
async fn a_passphrase_opens_what_it_closed_and_another_does_not() {
    let with = |passphrase| Start::with(&["--root-key", "passphrase-env:PASS"], Some(passphrase));
    let start = with("correct horse battery staple");
    let vault = start.run();
    let keyring = vault.create().await;
    assert_eq!(vault.status().await.root_key_source, "passphrase");
    drop(vault);
    start.run().unlock(&keyring).await.unwrap();
    let start = with("incorrect horse battery staple");
    let refused = start.run().unlock(&keyring).await.unwrap_err();
    let Error::Refused(Refusal::WrongRootKey { wanted, given }) = refused else { panic!("{refused:?}") };
    assert_eq!(Some(&wanted), wrapped_root_key_id(&keyring).as_ref());
    assert_ne!(wanted, given);
}

#[tokio::test]
async fn a_keyring_of_another_root_key_is_refused_by_name() {
    let with = |key| Start::with(&["--root-key", "env:ROOT"], Some(key));
    let start = with(KEY);
    let keyring = start.run().create().await;
    let start = with(OTHER);
    let vault = start.run();
    let refused = vault.unlock(&keyring).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::WrongRootKey { .. })), "{refused:?}");
    for place in 0..keyring.len() {
        let mut changed = keyring.clone();
        changed[place] ^= 1;
        let start = with(KEY);
        if place % 16 == 0 {
            assert!(start.run().unlock(&changed).await.is_err(), "byte {place}");
        }
    }
}

#[test]
fn a_wrong_or_missing_root_key_is_one_line_that_names_the_one_asked_for() {
    let wanted = "rk_0123456789abcdef";
    let cases = [
        Start::with(&["--root-key", "env:ROOT", "--expect-root-key", wanted], Some(KEY)),
        Start::with(&["--root-key", "env:NOT_SET", "--expect-root-key", wanted], None),
        Start::with(&["--root-key", "passphrase-env:NOT_SET", "--expect-root-key", wanted], None),
        Start::with(&["--root-key", "file:root.key", "--expect-root-key", wanted], None),
    ];
    for start in cases {
        let (code, said) = start.fail();
        let line = said.lines().last().unwrap();
        assert_eq!(code, 78, "{said}");
        assert!(line.starts_with("countersign-vault: ") && line.contains(wanted), "{said}");
        assert!(line.contains("nothing was changed"), "{said}");
        assert!(!said.contains(&KEY[..16]), "{said}");
        assert!(!start.key_file().exists());
    }
}

#[test]
fn other_mistakes_with_the_root_key_say_what_to_do() {
    let file = |content: &str, mode| {
        let start = Start::with(&["--root-key", "file:root.key"], None);
        std::fs::write(start.key_file(), content).unwrap();
        std::fs::set_permissions(start.key_file(), std::fs::Permissions::from_mode(mode)).unwrap();
        start
    };
    let cases = [
        (file(KEY, 0o644), "chmod 600"),
        (file("SQLite format 3", 0o600), "holds no root key"),
        (Start::with(&["--root-key", "file:root.key"], None), "there is no root key at"),
        (Start::with(&["--root-key", "file:no/folder/root.key", "--create-root-key"], None), "cannot be written"),
        (Start::with(&["--root-key", "env:ROOT"], Some("abc")), "does not hold 32 bytes"),
        (Start::with(&["--root-key", "passphrase-env:PASS"], Some("short")), "shorter than 12"),
        (Start::with(&["--root-key", "hsm:1"], None), "must be file:PATH"),
    ];
    for (start, part) in cases {
        let (code, said) = start.fail();
        assert_eq!(code, 78, "{said}");
        assert!(said.lines().last().unwrap().contains(part), "{said}");
    }
}

#[tokio::test]
async fn a_root_key_is_handed_over_and_not_put_into_the_environment() {
    let start = Start::with(&["--root-key", "env:ROOT"], Some(KEY));
    let vault = start.run();
    vault.create().await;
    assert_eq!(vault.status().await.root_key_source, "environment");
    // What is in the environment of that name is not looked at.
    let mut command = start.command();
    command.env("ROOT", OTHER);
    let with_another = Vault::spawn(command, &[KEY.to_owned()]);
    with_another.create().await;
    assert_eq!(with_another.status().await.root_key_id, vault.status().await.root_key_id);
}

/// The keyring of `vault` under its next root key, and that one's id.
async fn changed(vault: &Vault) -> (Vec<u8>, String) {
    match vault.ask(Verb::ChangeRootKey).await.unwrap() {
        Reply::RootKeyChanged { keyring, root_key_id } => (keyring, root_key_id),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn p11_under_another_root_key_the_same_keys_open_and_the_old_one_opens_nothing() {
    let start = Start::file();
    let first = start.run();
    let keyring = first.create().await;
    let enrolled = first.provision(1, Params::COMMON).await;
    let old = first.status().await.root_key_id.unwrap();
    drop(first);
    let present = format!("file:{}", start.key_file().display());
    let next_file = start.folder.path().join("next.key");
    let next = format!("file:{}", next_file.display());
    let both = Start::with(&["--root-key", &present, "--expect-root-key", &old, "--next-root-key", &next], None);
    let vault = both.run();
    assert_eq!(vault.ask(Verb::ChangeRootKey).await.unwrap_err(), Error::Refused(Refusal::Locked));
    vault.unlock(&keyring).await.unwrap();
    let (under_next, id) = changed(&vault).await;
    assert_eq!(wrapped_root_key_id(&under_next).unwrap(), id);
    assert_ne!(id, old);
    assert_eq!(std::fs::metadata(&next_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(vault.unlock(&under_next).await, Err(Error::Refused(Refusal::WrongRootKey { .. }))));

    let alone = Start::with(&["--root-key", &next, "--expect-root-key", &id], None);
    let vault = alone.run();
    vault.unlock(&under_next).await.unwrap();
    let step = enrolled.step(vault.now().await);
    assert_eq!(vault.check(&enrolled, &enrolled.code(step)).await, Ok(Outcome::Right { index: 0, step }));
    assert!(vault.unlock(&keyring).await.is_err());
    assert!(
        matches!(vault.ask(Verb::ChangeRootKey).await, Err(Error::Refused(Refusal::Malformed(_)))),
        "there is no next"
    );

    let same = Start::with(&["--root-key", &next, "--next-root-key", &next], None);
    let vault = same.run();
    vault.unlock(&under_next).await.unwrap();
    assert!(
        matches!(vault.ask(Verb::ChangeRootKey).await, Err(Error::Refused(Refusal::Malformed(_)))),
        "it is the same"
    );
}

#[tokio::test]
async fn a_passphrase_can_take_the_place_of_a_file_and_each_is_handed_over_in_turn() {
    let mut start = Start::with(&["--root-key", "env:ROOT", "--next-root-key", "passphrase-env:PASS"], Some(KEY));
    start.secrets.push("correct horse battery staple".to_owned());
    let vault = start.run();
    vault.create().await;
    let (under_next, id) = changed(&vault).await;
    let start = Start::with(&["--root-key", "passphrase-env:PASS"], Some("correct horse battery staple"));
    let vault = start.run();
    vault.unlock(&under_next).await.unwrap();
    assert_eq!(vault.status().await.root_key_id, Some(id));
}

#[tokio::test]
async fn a_change_that_was_cut_off_is_told_from_a_wrong_key() {
    let start = Start::file();
    start.run().create().await;
    let next = start.folder.path().join("root.key.new");
    let wanted = {
        let other = Start::file();
        let vault = other.run();
        vault.create().await;
        std::fs::copy(other.key_file(), &next).unwrap();
        vault.status().await.root_key_id.unwrap()
    };
    let key = format!("file:{}", start.key_file().display());
    let (code, said) = Start::with(&["--root-key", &key, "--expect-root-key", &wanted], None).fail();
    assert_eq!(code, 78);
    assert!(said.contains(&wanted) && said.contains("root.key.new") && said.contains("root-key change"), "{said}");
}

#[test]
fn by_hand_it_says_who_starts_it() {
    let start = Start::file();
    let output = start.command().output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.lines().count() == 1 && said.contains("countersign serve"), "{said}");
}

#[tokio::test]
async fn without_its_supervisor_it_ends() {
    let start = Start::file();
    let mut vault = start.run();
    vault.create().await;
    let control = std::mem::replace(&mut vault.control, vault_proto::control::pair().unwrap().0);
    drop(control);
    assert_eq!(vault.child.wait().unwrap().code(), Some(0));
    let gone = vault.ask(Verb::Status).await;
    assert!(matches!(gone, Err(Error::Down)), "{gone:?}");
    assert!(!vault.client.is_connected());
}

#[tokio::test]
async fn an_older_keyring_does_not_replace_a_newer_one() {
    let start = Start::file();
    let vault = start.run();
    let older = vault.create().await;
    let Reply::Rotated { keyring, .. } = vault.ask(Verb::RotateKeys).await.unwrap() else { panic!() };
    vault.unlock(&keyring).await.unwrap();
    assert!(vault.unlock(&older).await.is_err());
    assert_eq!(vault.status().await.key_version, 2);
}
