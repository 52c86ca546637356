//! A server that was taken over, alone with the vault: what it gets out of asking as it likes (T-28).

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use otp::{Algorithm, Params};
use serde_json::json;
use tempfile::TempDir;
use vault_proto::control::{self, Control, Introduction};
use vault_proto::{
    Binding, CheckOtp, Client, Connector, Error, OtpCandidate, Outcome, Provision, Qr, Refusal, Reply, Resynchronize,
    Secret, TokenBinding, Verb, View,
};

use crate::harness::{Binaries, Phone};

/// A vault whose other end is in the hands of an attacker.
struct Vault {
    process: Child,
    control: Control,
    client: Client,
    connector: Connector,
    _folder: TempDir,
}

impl Vault {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(&Binaries::built().vault);
        let key = format!("file:{}", folder.path().join("root.key").display());
        command.args(["--root-key", &key, "--create-root-key"]).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
        let (control, end) = control::pair().unwrap();
        let process = control::spawn(command, end).unwrap();
        let (client, connector) = Client::new();
        let vault = Self { process, control, client, connector, _folder: folder };
        vault.let_ask(&Verb::NAMES);
        vault.ask(Verb::Unlock { keyring: None }).await.unwrap();
        vault
    }

    /// Makes it serve a new connection, on which these verbs are permitted.
    fn let_ask(&self, verbs: &[&str]) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let introduction = Introduction::new("attacker", verbs).to_bytes().unwrap();
        self.control.send(&introduction, Some(theirs.as_fd())).unwrap();
        self.connector.connect(ours).unwrap();
    }

    async fn ask(&self, verb: Verb) -> Result<Reply, Error> {
        self.client.ask(verb, Duration::from_secs(20)).await
    }

    async fn check(&self, candidates: &[OtpCandidate], code: &str) -> Outcome {
        let (candidates, code) = (candidates.to_vec(), Secret(code.as_bytes().to_vec()));
        match self
            .ask(Verb::CheckOtp(CheckOtp { candidates, code, drift: 1, look_ahead: 10, assertion: None }))
            .await
            .unwrap()
        {
            Reply::Checked { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// A key that its owner has in a phone, and the attacker as a blob.
    async fn provision(&self, number: u8) -> (OtpCandidate, Phone) {
        let params = Params::new(Algorithm::Sha1, 6, 30).unwrap();
        let (candidate, secret) = self.make(number, params).await;
        let enrollment = json!({ "algorithm": "SHA1", "digits": 6, "period": 30 });
        (candidate, Phone::with_key(&secret, &enrollment))
    }

    /// The same for a key whose steps are counted.
    async fn provision_counted(&self, number: u8, params: Params) -> (OtpCandidate, Vec<u8>) {
        let (candidate, secret) = self.make(number, params).await;
        (candidate, BASE32_NOPAD.decode(secret.as_bytes()).unwrap())
    }

    async fn make(&self, number: u8, params: Params) -> (OtpCandidate, String) {
        let binding = Binding { user: [number; 16], device: [1; 16], authenticator: [number; 16], generation: 1 };
        let (issuer, account) = ("Example".to_owned(), "ana".to_owned());
        let wish = Provision { binding, params, issuer, account, qr: Qr::None, recipient: None };
        let Reply::Provisioned { blob, view: View::Open { secret, .. } } =
            self.ask(Verb::Provision(wish)).await.unwrap()
        else {
            panic!("no view in the clear");
        };
        // The attacker says of every key that no step of it was used yet.
        (OtpCandidate { binding, params, blob, last_step: 0 }, String::from_utf8(secret.0.clone()).unwrap())
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_thousand_wrong_codes_straight_at_the_vault_are_cut_off() {
    let vault = Vault::start().await;
    let (ana, phone) = vault.provision(1).await;
    let now = crate::harness::real_now();
    let mut outcomes = Vec::new();
    for n in 0..1000 {
        if n % 250 == 249 {
            // Coming over another connection is no fresh start.
            vault.let_ask(&Verb::NAMES);
        }
        outcomes.push(vault.check(std::slice::from_ref(&ana), &phone.wrong_code(now)).await);
    }
    let checked = outcomes.iter().filter(|outcome| **outcome == Outcome::Wrong).count();
    assert_eq!(checked, 100);
    assert!(outcomes[100..].iter().all(|outcome| *outcome == Outcome::Exhausted));
    // Now the right one is of no use either, whatever last step the attacker names.
    let now = crate::harness::real_now();
    assert_eq!(vault.check(&[ana], &phone.code_at(now)).await, Outcome::Exhausted);
    // Nobody else is locked out by it.
    let (ben, phone) = vault.provision(2).await;
    assert!(matches!(vault.check(&[ben], &phone.code_at(now)).await, Outcome::Right { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_the_same_key_named_often_in_one_question_has_one_budget() {
    let vault = Vault::start().await;
    let (ana, phone) = vault.provision(1).await;
    let now = crate::harness::real_now();
    let five = vec![ana.clone(); 5];
    for _ in 0..100 {
        // Refused as malformed, or counted: in either case no more than a hundred codes are compared.
        let code = Secret(phone.wrong_code(now).into_bytes());
        let _ = vault
            .ask(Verb::CheckOtp(CheckOtp { candidates: five.clone(), code, drift: 2, look_ahead: 20, assertion: None }))
            .await;
    }
    let mut left = 0;
    while vault.check(std::slice::from_ref(&ana), &phone.wrong_code(now)).await == Outcome::Wrong {
        left += 1;
        assert!(left <= 100, "the budget has no end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_t29_a_step_is_used_once_whatever_the_server_says_it_knows() {
    let vault = Vault::start().await;
    let (ana, phone) = vault.provision(1).await;
    let code = phone.code_at(crate::harness::real_now());
    assert!(matches!(vault.check(std::slice::from_ref(&ana), &code).await, Outcome::Right { .. }));
    for last_step in [0, -1, i64::MIN] {
        let forgetful = OtpCandidate { last_step, ..ana.clone() };
        let outcome = vault.check(&[forgetful], &code).await;
        assert!(!matches!(outcome, Outcome::Right { .. }), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_no_answer_to_any_verb_holds_a_key_or_a_code() {
    let vault = Vault::start().await;
    let (ana, phone) = vault.provision(1).await;
    // The names are all there is: whoever adds a verb thinks about it here.
    let known = [
        "unlock",
        "provision",
        "check_otp",
        "resynchronize",
        "issue_backup_codes",
        "check_backup_code",
        "issue_code",
        "check_code",
        "sign",
        "public_keys",
        "seal",
        "open",
        "rewrap",
        "import_tokens",
        "assign_token",
        "rewrap_token",
        "rotate_keys",
        "retire_keys",
        "change_root_key",
        "status",
        "move_clock",
    ];
    assert_eq!(Verb::NAMES, known);
    let (binding, params, blob) = (ana.binding, ana.params, ana.blob.clone());
    let mut answers = vec![format!("{:?}", vault.ask(Verb::Rewrap { binding, params, blob: blob.clone() }).await)];
    // `open` is for providers' secrets: a key's blob does not open with it, whatever purpose and context are named.
    for purpose in ["", "otp", "totp", "key", "provision", "countersign"] {
        for context in [Vec::new(), ana.binding.authenticator.to_vec(), blob.clone()] {
            let question = Verb::Open { purpose: purpose.to_owned(), context, blob: blob.clone() };
            let answer = vault.ask(question).await;
            assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
            answers.push(format!("{answer:?}"));
        }
    }
    // Nor is it a token's, whatever token is named: there is no way back from an authenticator, nor to another one.
    for serial in ["", "F100"] {
        let token = || TokenBinding { id: ana.binding.authenticator, serial: serial.to_owned() };
        let to = Binding { user: [9; 16], ..ana.binding };
        for question in [
            Verb::AssignToken { token: token(), params, blob: blob.clone(), to },
            Verb::RewrapToken { token: token(), params, blob: blob.clone() },
        ] {
            let answer = vault.ask(question).await;
            assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
            answers.push(format!("{answer:?}"));
        }
    }
    answers.push(format!("{:?}", vault.ask(Verb::PublicKeys).await));
    answers.push(format!("{:?}", vault.ask(Verb::Status).await));
    answers.push(format!("{:?}", vault.ask(Verb::RotateKeys).await));
    answers.push(format!("{:?}", vault.ask(Verb::ChangeRootKey).await));
    let raw = format!("{:?}", phone.key);
    for answer in answers {
        assert!(!answer.contains(raw.trim_matches(['[', ']'])), "{answer}");
        assert!(!answer.contains(&BASE32_NOPAD.encode(&phone.key)), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_t28_two_codes_in_a_row_bring_no_used_one_back_and_are_counted_as_guesses() {
    let vault = Vault::start().await;
    let params = Params::counted(Algorithm::Sha1, 6).unwrap();
    let (ana, key) = vault.provision_counted(1, params).await;
    let code = |step| params.code(&key, step).as_str().to_owned();
    let pair = async |last_step, codes: [String; 2]| {
        let candidate = Some(OtpCandidate { last_step, ..ana.clone() });
        let codes = codes.map(|code| Secret(code.into_bytes()));
        match vault.ask(Verb::Resynchronize(Resynchronize { candidate, codes, window: 1000 })).await.unwrap() {
            Reply::Checked { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(pair(0, [code(100), code(101)]).await, Outcome::Right { index: 0, step: 101 });
    // Whatever step the attacker says was the last one used.
    for last_step in [0, -1, 50, 99, 100] {
        for first in [1, 99, 100, 101] {
            assert_eq!(pair(last_step, [code(first), code(first + 1)]).await, Outcome::Wrong, "{first} at {last_step}");
        }
    }
    let mut left = 0;
    while pair(0, ["000000".to_owned(), "000000".to_owned()]).await == Outcome::Wrong {
        left += 1;
        assert!(left <= 100, "the budget has no end");
    }
    assert_eq!(pair(101, [code(102), code(103)]).await, Outcome::Exhausted);
    assert_eq!(vault.check(&[ana], &code(102)).await, Outcome::Exhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_caller_asks_what_it_is_permitted_and_nothing_else() {
    let vault = Vault::start().await;
    vault.let_ask(&["status"]);
    vault.ask(Verb::Status).await.unwrap();
    let refused = vault.ask(Verb::PublicKeys).await;
    assert!(
        matches!(&refused, Err(Error::Refused(Refusal::NotPermitted(verb))) if verb == "public_keys"),
        "{refused:?}"
    );
    let refused = vault.ask(Verb::RotateKeys).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::NotPermitted(_)))));
    // And nobody moves the clock of a vault that was not started for tests.
    vault.let_ask(&Verb::NAMES);
    let refused = vault.ask(Verb::MoveClock { by_millis: 3_600_000, passed: true }).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t27_a_blob_opens_only_where_it_was_sealed() {
    let vault = Vault::start().await;
    let (ana, phone) = vault.provision(1).await;
    let (ben, _) = vault.provision(2).await;
    let code = phone.code_at(crate::harness::real_now());
    let elsewhere = |change: &dyn Fn(&mut OtpCandidate)| {
        let mut moved = ana.clone();
        change(&mut moved);
        moved
    };
    let moved = [
        elsewhere(&|c| c.binding.user[15] ^= 1),
        elsewhere(&|c| c.binding.device[0] ^= 1),
        elsewhere(&|c| c.binding.authenticator[7] ^= 1),
        elsewhere(&|c| c.binding.generation = 2),
        elsewhere(&|c| c.binding = ben.binding),
        elsewhere(&|c| c.blob.clone_from(&ben.blob)),
        elsewhere(&|c| c.params = Params::new(Algorithm::Sha256, 6, 30).unwrap()),
        elsewhere(&|c| c.params = Params::new(Algorithm::Sha1, 8, 30).unwrap()),
        elsewhere(&|c| c.params = Params::new(Algorithm::Sha1, 6, 60).unwrap()),
        elsewhere(&|c| c.params = Params::counted(Algorithm::Sha1, 6).unwrap()),
        elsewhere(&|c| *c.blob.last_mut().unwrap() ^= 1),
        elsewhere(&|c| c.blob[0] ^= 1),
        elsewhere(&|c| c.blob.truncate(20)),
    ];
    for candidate in moved {
        let code = Secret(code.clone().into_bytes());
        let question = CheckOtp { candidates: vec![candidate], code, drift: 1, look_ahead: 10, assertion: None };
        let answer = vault.ask(Verb::CheckOtp(question)).await;
        assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
    }
    assert!(matches!(vault.check(&[ana], &code).await, Outcome::Right { .. }));
}
