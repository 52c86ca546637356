//! Decisions about running sessions (S-01 to S-06, I-06), as applications ask for them.

use serde_json::{Value, json};

use crate::harness::{Answer, Api, Database, Enrolled, Server, Setup};

const ENFORCEMENT: &str = r#"
mfa_enforcement:
  all_users: true
  grace_period: 30_days
  exclude_service_accounts: true
  risk_based_prompting:
    - new_device: prompt_mfa
    - new_location: prompt_mfa
    - sensitive_action: require_mfa
  recovery:
    backup_codes: 10
    admin_recovery: "verify_with_id"
    recovery_timeout: 24_hours
"#;

const RULES: &str = r#"
policy:
  otherwise: allow
  levels:
    fresh:
      aal: 2
      max_age: 5m
  rules:
    - id: reports
      description: Reports want a second factor, once in a while
      applies_to: {actions: [report.read]}
      effect: require
      level: fresh
    - id: large-payment
      description: Above 1,000 each payment is confirmed by itself
      applies_to: {actions: [payment.send]}
      when: context.amount > 1000
      effect: step_up
      show: [amount, payee]
      bind: [amount, payee]
    - id: no-embargo
      applies_to: {actions: [payment.send]}
      when: context.country == "XX"
      effect: deny
"#;

async fn server(database: Database, policy: &[(&str, &str)]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in policy {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    // It has to be there for as long as the server may be started again.
    let path = folder.keep();
    let arguments = vec![format!("--policy-folder={}", path.display())];
    Server::start(Setup { database, arguments, ..Setup::default() }).await
}

async fn decide(api: &Api, session: &str, question: Value) -> Answer {
    api.post(&format!("/v1/sessions/{session}/decide"), question).await
}

/// Proves a challenge in its session with a code that was not used.
async fn prove(api: &Api, ana: &Enrolled, challenge: &Value) {
    let code = ana.phone.code_at(api.advance(60).await);
    api.verify(challenge["id"].as_str().unwrap(), &code).await.expect(200);
}

/// What a token claims; that it is signed as it says, other tests look at.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap()
}

fn payment(amount: u32) -> Value {
    json!({ "action": "payment.send", "context": { "amount": amount, "payee": "Hanna", "country": "DE" } })
}

async fn a_session_is_raised_when_it_has_to_be(database: Database) {
    let server = server(database, &[("rules.yaml", RULES)]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;

    // S-02: what nothing is asked for is allowed, with what is true of the session.
    let read = decide(&api, &session, json!({ "action": "help.read" })).await.expect(200);
    assert_eq!(read["outcome"], "allow", "{read}");
    let said = claims(read["assertion"].as_str().unwrap());
    assert_eq!((&said["acr"], &said["sid"], &said["action"]), (&json!("aal1"), &json!(session), &json!("help.read")));

    // S-01: what is missing, and only that.
    let report = json!({ "action": "report.read" });
    let asked = decide(&api, &session, report.clone()).await.expect(200);
    assert_eq!(
        (asked["outcome"].as_str(), asked["decided_by"].as_str()),
        (Some("step_up"), Some("reports")),
        "{asked}"
    );
    assert_eq!((&asked["need"]["aal"], &asked["need"]["max_age"]), (&json!("aal2"), &json!(300)));
    assert!(asked["assertion"].is_null());
    prove(&api, &ana, &asked["challenge"]).await;
    let allowed = decide(&api, &session, report.clone()).await.expect(200);
    assert_eq!((&allowed["outcome"], &allowed["session"]["id"]), (&json!("allow"), &json!(session)), "{allowed}");
    assert_eq!(claims(allowed["assertion"].as_str().unwrap())["acr"], "aal2");
    // S-02: it is fresh for a while, and falls back by itself.
    api.advance(200).await;
    assert_eq!(decide(&api, &session, report.clone()).await.expect(200)["outcome"], "allow");
    api.advance(200).await;
    assert_eq!(decide(&api, &session, report.clone()).await.expect(200)["outcome"], "step_up");

    // T-22: ended is ended.
    api.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    decide(&api, &session, report).await.expect_problem(410, "session-over");
}

#[tokio::test(flavor = "multi_thread")]
async fn s01_a_session_is_raised_when_it_has_to_be_on_sqlite() {
    a_session_is_raised_when_it_has_to_be(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s01_a_session_is_raised_when_it_has_to_be_on_postgresql() {
    a_session_is_raised_when_it_has_to_be(Database::Postgres).await;
}

/// S-10: who is to be told of a decision stands in its event, for whatever tells them.
#[tokio::test(flavor = "multi_thread")]
async fn s10_whom_a_rule_has_told_stands_in_the_event() {
    let rules = "policy:\n  otherwise: allow\n  rules:\n    - {id: tell, applies_to: {actions: [keys.export]}, effect: notify, notify: [security]}\n";
    let server = server(Database::Sqlite, &[("rules.yaml", rules)]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    for action in ["keys.export", "keys.list"] {
        assert_eq!(decide(&api, &session, json!({ "action": action })).await.expect(200)["outcome"], "allow");
    }
    let mut told = Vec::new();
    for _ in 0..200 {
        told = api.all(&format!("/v1/events?kind=decision.made&user_id={}", ana.user_id)).await;
        if told.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let notify: Vec<&Value> = told.iter().map(|event| &event["data"]["notify"]).collect();
    assert_eq!(notify, [&json!(["security"]), &Value::Null], "{told:?}");
}

async fn a_proof_for_one_action_serves_that_one_once(database: Database) {
    let server = server(database, &[("rules.yaml", RULES)]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    assert_eq!(decide(&api, &session, payment(20)).await.expect(200)["outcome"], "allow");

    let asked = decide(&api, &session, payment(5000)).await.expect(200);
    assert_eq!((&asked["outcome"], &asked["need"]["max_age"]), (&json!("step_up"), &json!(0)), "{asked}");
    assert_eq!(asked["challenge"]["shown"], json!({ "amount": 5000, "payee": "Hanna" }), "S-05: the person sees it");
    let with = |question: Value, challenge: &Value| {
        let mut question = question;
        question["challenge_id"] = challenge["id"].clone();
        question
    };
    decide(&api, &session, with(payment(5000), &asked["challenge"])).await.expect_problem(409, "conflict");
    prove(&api, &ana, &asked["challenge"]).await;
    // A proof that is not named serves nothing, however fresh.
    assert_eq!(decide(&api, &session, payment(5000)).await.expect(200)["outcome"], "step_up");
    // T-11: each part of what was asked, changed in turn.
    let others = [
        json!({ "action": "payment.sends", "context": payment(5000)["context"] }),
        payment(5001),
        json!({ "action": "payment.send", "context": { "amount": 5000, "payee": "Mallory", "country": "DE" } }),
        json!({ "action": "payment.send", "context": payment(5000)["context"], "resource": { "type": "account", "id": "7" } }),
    ];
    for other in others {
        decide(&api, &session, with(other, &asked["challenge"])).await.expect_problem(409, "conflict");
    }
    let another = api.session(&ana.user_id).await;
    decide(&api, &another, with(payment(5000), &asked["challenge"])).await.expect_problem(409, "conflict");
    // Once, whoever asks at the same time.
    let named = with(payment(5000), &asked["challenge"]);
    let all = futures_util::future::join_all((0..8).map(|_| decide(&api, &session, named.clone()))).await;
    // What used the proof was told of in the same commit: it is there with the answer.
    let told = api.all("/v1/events?kind=decision.made").await;
    let answers: Vec<Value> = all.iter().map(|answer| answer.expect(200)).collect();
    let allowed = answers.iter().find(|answer| answer["outcome"] == "allow").unwrap();
    assert!(told.iter().any(|event| event["data"]["decision"] == allowed["id"]), "{told:?}");
    let outcomes: Vec<Value> = answers.iter().map(|answer| answer["outcome"].clone()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "allow").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "step_up").count(), 7, "{outcomes:?}");

    let embargo = json!({ "action": "payment.send", "context": { "amount": 1, "country": "XX" } });
    let denied = decide(&api, &session, embargo).await.expect(200);
    assert_eq!((&denied["outcome"], &denied["decided_by"]), (&json!("deny"), &json!("no-embargo")));
    // T-14: what a rule cannot evaluate closes.
    let unsaid = json!({ "action": "payment.send", "context": { "amount": "much", "country": "DE" } });
    let closed = decide(&api, &session, unsaid).await.expect(200);
    assert_ne!(closed["outcome"], "allow", "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_t11_a_proof_for_one_action_serves_that_one_once_on_sqlite() {
    a_proof_for_one_action_serves_that_one_once(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_t11_a_proof_for_one_action_serves_that_one_once_on_postgresql() {
    a_proof_for_one_action_serves_that_one_once(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_the_enforcement_file_works_as_it_stands() {
    let server = server(Database::Sqlite, &[("mfa.yaml", ENFORCEMENT)]).await;
    let api = server.api();
    let user = api.user("ben").await;
    let session = api.session(&user).await;
    let signal = |name: &str| json!({ "action": "login", "signals": [{ "name": name, "value": true }] });
    // In grace who has nothing goes on, and is told until when; also where something is noticed that prompts those who can be asked.
    let grace = decide(&api, &session, json!({ "action": "login" })).await.expect(200);
    assert_eq!(grace["outcome"], "allow", "{grace}");
    assert!(grace["grace_ends"].is_string(), "{grace}");
    assert_eq!(decide(&api, &session, signal("new_device")).await.expect(200)["outcome"], "allow");
    // But not past what requires it.
    let required = decide(&api, &session, signal("sensitive_action")).await.expect(200);
    assert_eq!(required["outcome"], "enroll", "{required}");
    assert!(required["enroll"].as_array().unwrap().contains(&json!("totp")), "{required}");
    // Who can be asked is.
    let ana = api.enroll("ana").await;
    let session_of_ana = api.session(&ana.user_id).await;
    assert_eq!(decide(&api, &session_of_ana, signal("new_location")).await.expect(200)["outcome"], "step_up");
    // The grace period ends.
    api.advance(31 * 86_400).await;
    let session = api.session(&user).await;
    let late = decide(&api, &session, json!({ "action": "login" })).await.expect(200);
    assert_eq!(late["outcome"], "enroll", "{late}");
    // A service account is left out.
    let robot = api.post("/v1/users", json!({ "external_id": "robot", "kind": "service" })).await.expect(201);
    let session = api.session(robot["id"].as_str().unwrap()).await;
    assert_eq!(decide(&api, &session, json!({ "action": "login" })).await.expect(200)["outcome"], "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_without_a_policy_a_second_factor_is_wanted_for_everything() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    assert_eq!(decide(&api, &session, json!({ "action": "login" })).await.expect(200)["outcome"], "step_up");
    let ben = api.user("ben").await;
    let session = api.session(&ben).await;
    assert_eq!(decide(&api, &session, json!({ "action": "login" })).await.expect(200)["outcome"], "enroll");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_each_decision_is_an_event_with_its_reasons() {
    let server = server(Database::Sqlite, &[("rules.yaml", RULES)]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    for question in [payment(1), payment(5000), json!({ "action": "report.read" })] {
        decide(&api, &session, question).await.expect(200);
    }
    // An allow is told of after it was answered.
    let mut made = Vec::new();
    for _ in 0..100 {
        made = api.all("/v1/events?kind=decision.made").await;
        if made.len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let told: Vec<(&Value, &Value)> = made.iter().map(|e| (&e["data"]["outcome"], &e["data"]["decided_by"])).collect();
    assert!(told.contains(&(&json!("allow"), &json!("otherwise"))), "{told:?}");
    assert!(told.contains(&(&json!("step_up"), &json!("large-payment"))), "{told:?}");
    assert!(told.contains(&(&json!("step_up"), &json!("reports"))), "{told:?}");
    assert!(made.iter().all(|event| event["about"]["session"] == json!(session)), "{made:?}");
    assert_eq!(api.all("/v1/events?kind=policy.changed").await.len(), 1);
}

/// The OpenID `AuthZEN` Authorization API 1.0.
#[tokio::test(flavor = "multi_thread")]
async fn s07_others_ask_by_authzen() {
    let server = server(Database::Sqlite, &[("rules.yaml", RULES)]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let subject = json!({ "type": "session", "id": session });
    let question = |action: &str, amount: u32| {
        json!({ "subject": subject, "action": { "name": action }, "resource": { "type": "account", "id": "7" },
            "context": { "amount": amount, "payee": "Hanna", "country": "DE" } })
    };
    let small = api.post("/access/v1/evaluation", question("payment.send", 1)).await.expect(200);
    assert_eq!((&small["decision"], &small["context"]["outcome"]), (&json!(true), &json!("allow")));
    let large = api.post("/access/v1/evaluation", question("payment.send", 5000)).await.expect(200);
    assert_eq!((&large["decision"], &large["context"]["outcome"]), (&json!(false), &json!("step_up")));
    prove(&api, &ana, &large["context"]["challenge"]).await;
    let mut again = question("payment.send", 5000);
    again["subject"]["properties"] = json!({ "challenge_id": large["context"]["challenge"]["id"] });
    assert_eq!(api.post("/access/v1/evaluation", again).await.expect(200)["decision"], json!(true));

    let mut batch = question("payment.send", 1);
    batch["evaluations"] = json!([{}, { "context": { "amount": 9000, "payee": "M", "country": "DE" } }, { "action": { "name": "help.read" } }]);
    let many = api.post("/access/v1/evaluations", batch.clone()).await.expect(200);
    let decisions = |many: &Value| {
        many["evaluations"].as_array().unwrap().iter().map(|e| e["decision"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(decisions(&many), [json!(true), json!(false), json!(true)]);
    batch["options"] = json!({ "evaluations_semantic": "deny_on_first_deny" });
    assert_eq!(
        decisions(&api.post("/access/v1/evaluations", batch.clone()).await.expect(200)),
        [json!(true), json!(false)]
    );
    batch["options"] = json!({ "evaluations_semantic": "at_random" });
    api.post("/access/v1/evaluations", batch).await.expect_problem(422, "invalid-request");

    // Who is not there may do nothing.
    let nobody = json!({ "subject": { "type": "session", "id": "ses_0197a3c05b7c7d3e8f6a1b2c3d4e5f60" }, "action": { "name": "help.read" } });
    assert_eq!(api.post("/access/v1/evaluation", nobody).await.expect(200)["decision"], json!(false));
    let user = json!({ "subject": { "type": "user", "id": "ana" }, "action": { "name": "help.read" } });
    api.post("/access/v1/evaluation", user).await.expect_problem(422, "invalid-request");
    let known = api.get("/.well-known/authzen-configuration").await.expect(200);
    assert!(known["access_evaluation_endpoint"].as_str().unwrap().ends_with("/access/v1/evaluation"));
}

/// Two servers on one database: what one ends, the other does not allow (T-22).
#[tokio::test(flavor = "multi_thread")]
async fn t22_what_one_server_ends_no_other_allows() {
    let one = server(Database::Postgres, &[("rules.yaml", RULES)]).await;
    let other = one.beside().await;
    let (here, there) = (one.api(), other.api());
    let ana = here.enroll("ana").await;
    for round in 0..10 {
        let session = here.session(&ana.user_id).await;
        let question = json!({ "action": "help.read" });
        assert_eq!(decide(&there, &session, question.clone()).await.expect(200)["outcome"], "allow");
        let (ends, asks) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        ends.delete(&format!("/v1/sessions/{session}")).await.expect(204);
        decide(asks, &session, question).await.expect_problem(410, "session-over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_policy_with_mistakes_starts_no_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), RULES.replace("effect: deny", "effect: denny")).unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let mut server = Server::new().await;
    server.kill();
    server.setup().arguments.push(format!("--policy-folder={path}"));
    let (status, said) = server.begin_in_vain();
    assert_eq!(status.code(), Some(78), "{said}");
    assert!(said.contains("rules.yaml:") && said.contains("deny"), "{said}");

    let output = server.cli(&["config", "validate", &path]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("did you mean `deny`?"), "{said}");

    let cases = "cases:\n  - name: small\n    given: {action: payment.send, context: {amount: 1, country: DE}}\n    expect: {outcome: allow}\n";
    std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    std::fs::write(folder.path().join("cases.yaml"), cases).unwrap();
    let output = server.cli(&["config", "test", &path]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
}
