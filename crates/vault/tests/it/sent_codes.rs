//! Short codes that are sent.

use vault_proto::{CheckCode, CodeOwner, Outcome, Refusal, Reply, Secret, SentCode, Verb};

use crate::harness::{Start, Vault};

const OWNER: CodeOwner = CodeOwner { user: [1; 16], authenticator: [2; 16] };

async fn issue(vault: &Vault, owner: CodeOwner, scope: u8) -> (String, SentCode) {
    let scope = [scope; 16];
    let reply = vault.ask(Verb::IssueCode { owner, scope, digits: 6 }).await.unwrap();
    let Reply::Issued { codes, hashes } = reply else { panic!("{reply:?}") };
    (String::from_utf8(codes[0].0.clone()).unwrap(), SentCode { owner, scope, hash: hashes[0] })
}

async fn check(vault: &Vault, sent: Option<SentCode>, code: &str) -> Outcome {
    let question =
        CheckCode { sent, code: Secret(code.as_bytes().to_vec()), assertion: Some(br#"{"sub":"x"}"#.to_vec()) };
    match vault.ask(Verb::CheckCode(question)).await.unwrap() {
        Reply::Checked { outcome, assertion } => {
            assert_eq!(assertion.is_some(), matches!(outcome, Outcome::Right { .. }), "signed if it is right");
            outcome
        }
        other => panic!("{other:?}"),
    }
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

const RIGHT: Outcome = Outcome::Right { index: 0, step: 0 };

#[tokio::test]
async fn i03_a_code_is_right_for_its_owner_and_purpose_only() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let (code, sent) = issue(&vault, OWNER, 3).await;
    assert_eq!(check(&vault, Some(sent), &code).await, RIGHT);
    assert_eq!(check(&vault, Some(sent), wrong(&code)).await, Outcome::Wrong);
    let elsewhere = [
        SentCode { scope: [4; 16], ..sent },
        SentCode { owner: CodeOwner { user: [9; 16], ..OWNER }, ..sent },
        SentCode { owner: CodeOwner { authenticator: [9; 16], ..OWNER }, ..sent },
        SentCode { hash: issue(&vault, OWNER, 4).await.1.hash, ..sent },
    ];
    for other in elsewhere {
        assert_eq!(check(&vault, Some(other), &code).await, Outcome::Wrong, "{other:?}");
    }
}

#[tokio::test]
async fn t01_t28_a_code_can_be_guessed_a_hundred_times_however_many_are_sent() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    for scope in 0..100 {
        let (code, sent) = issue(&vault, OWNER, scope).await;
        assert_eq!(check(&vault, Some(sent), wrong(&code)).await, Outcome::Wrong);
    }
    let (code, sent) = issue(&vault, OWNER, 100).await;
    assert_eq!(check(&vault, Some(sent), &code).await, Outcome::Exhausted, "the right one too");
    let other = CodeOwner { authenticator: [7; 16], ..OWNER };
    let (code, sent) = issue(&vault, other, 100).await;
    for _ in 0..99 {
        assert_eq!(check(&vault, Some(sent), wrong(&code)).await, Outcome::Wrong);
    }
    assert_eq!(check(&vault, Some(sent), &code).await, RIGHT);
    assert_eq!(check(&vault, Some(sent), wrong(&code)).await, Outcome::Wrong, "a right one sets it back");
}

#[tokio::test]
async fn t19_where_nothing_was_sent_any_code_is_wrong() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    for number in 0..300 {
        assert_eq!(check(&vault, None, &format!("{number:06}")).await, Outcome::Wrong);
    }
    let nothing = CheckCode { sent: None, code: Secret(b"12345".to_vec()), assertion: None };
    let refused = vault.ask(Verb::CheckCode(nothing)).await.unwrap_err();
    assert!(matches!(refused, vault_proto::Error::Refused(Refusal::Malformed(_))));
}
