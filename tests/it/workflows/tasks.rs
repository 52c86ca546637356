//! Approvals (W-03): asked of people, who prove for it, and count once.

use serde_json::{Value, json};

use super::{about_a_user, events, folder, run_in, settles, setup, start_as, until};
use crate::harness::{Answer, Api, Database, Enrolled, Server};

/// Somebody locked is let in again, once so many have approved.
pub(super) fn unlock(quorum: usize, more: &str) -> (String, String) {
    about_a_user(
        "unlock",
        &format!(
            r#"
  - id: verified
    approval:
      roles: [administrator, security]
      quorum: {quorum}
      evidence: [identity_document]
      message: May {{{{ inputs.user }}}} be let in again?
      timeout: 1d
{more}
  - id: unlock
    action: user.unlock
    with: {{user: "${{subject}}", locked_by: anybody}}
"#
        ),
    )
}

/// A run that asks, and the task.
pub(super) async fn asked(api: &Api, about: &str, requester: &str) -> (String, Value) {
    let run = start_as(api, requester, "unlock", json!({ "user": about })).await;
    let task = until("a task", async || {
        let tasks = api.all("/v1/tasks").await;
        tasks.into_iter().find(|task| task["run_id"] == run.as_str())
    })
    .await;
    (run, task)
}

pub(super) fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap()
}

pub(super) async fn reject_proving(api: &Api, task: &Value, who: &Enrolled) -> Answer {
    let challenge = challenged(api, task, who, json!({ "verdict": "reject" })).await;
    if challenge.status != 201 {
        return challenge;
    }
    let challenge = proved(api, task, who, "reject", &challenge.expect(201)).await;
    api.post(&format!("/v1/tasks/{}/reject", id(task)), yes(who, &challenge)).await
}

/// A satisfied challenge for what somebody is about to say.
async fn proof(api: &Api, task: &Value, who: &Enrolled, verdict: &str) -> String {
    let challenge = challenged(api, task, who, json!({ "verdict": verdict })).await;
    proved(api, task, who, verdict, &challenge.expect(201)).await
}

/// A challenge for what somebody is about to say, if they may.
async fn challenged(api: &Api, task: &Value, who: &Enrolled, mut body: Value) -> Answer {
    body["session_id"] = json!(api.session(&who.user_id).await);
    api.post(&format!("/v1/tasks/{}/challenges", id(task)), body).await
}

async fn proved(api: &Api, task: &Value, who: &Enrolled, verdict: &str, challenge: &Value) -> String {
    // Each step of the code counts once.
    let now = api.advance(31).await;
    assert_eq!(challenge["action"], format!("task.{verdict}"));
    assert_eq!(challenge["required"]["aal"], "aal2");
    assert_eq!(challenge["shown"]["message"], task["message"], "the person sees what they prove for");
    assert_eq!(challenge["shown"]["about"], task["about"]["external_id"], "and whose account it is");
    let challenge = id(challenge).to_owned();
    api.verify(&challenge, &who.phone.code_at(now)).await.expect(200);
    challenge
}

fn yes(who: &Enrolled, challenge: &str) -> Value {
    json!({
        "user_id": who.user_id, "roles": ["administrator"], "evidence": ["identity_document"], "reason": "her passport",
        "challenge_id": challenge,
    })
}

async fn approve(api: &Api, task: &Value, body: Value) -> Answer {
    api.post(&format!("/v1/tasks/{}/approve", id(task)), body).await
}

pub(super) async fn approve_proving(api: &Api, task: &Value, who: &Enrolled) -> Answer {
    approve_as(api, task, who, "administrator").await
}

pub(super) async fn approve_as(api: &Api, task: &Value, who: &Enrolled, role: &str) -> Answer {
    let challenge = challenged(api, task, who, json!({ "verdict": "approve" })).await;
    if challenge.status != 201 {
        return challenge;
    }
    let challenge = proved(api, task, who, "approve", &challenge.expect(201)).await;
    let mut body = yes(who, &challenge);
    body["roles"] = json!([role]);
    body["evidence"] = task["evidence"].clone();
    approve(api, task, body).await
}

/// A list looks for everybody whom its tasks name at once.
#[tokio::test(flavor = "multi_thread")]
async fn w03_each_task_of_a_list_names_its_own_people() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let mut wanted = Vec::new();
    for (subject, requester) in [("ann", "Bob"), ("bob", "ANN"), ("carl", "nobody here"), ("dora", "dora")] {
        let user = api.user(subject).await;
        wanted.push((user, subject, requester));
    }
    for (user, _, requester) in &wanted {
        asked(&api, user, requester).await;
    }
    let tasks = api.all("/v1/tasks").await;
    let named = |name: &Value| name["external_id"].as_str().map(str::to_owned);
    let found: Vec<_> = tasks.iter().map(|task| (named(&task["about"]), named(&task["asked_by"]))).collect();
    let pair = |about: &str, asked_by: Option<&str>| (Some(about.to_owned()), asked_by.map(str::to_owned));
    assert_eq!(
        found,
        [pair("ann", Some("bob")), pair("bob", Some("ann")), pair("carl", None), pair("dora", Some("dora"))]
    );
    assert_eq!(tasks[2]["requester"], "nobody here", "what was told stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_an_approval_takes_several_people_who_each_prove_for_it_on_sqlite() {
    quorum(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_an_approval_takes_several_people_who_each_prove_for_it_on_postgresql() {
    quorum(Database::Postgres).await;
}

async fn quorum(database: Database) {
    let folder = folder(&[unlock(2, "")]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let subject = api.user("subject").await;
    api.post(&format!("/v1/users/{subject}/suspend"), json!({})).await.expect(200);
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    let requester = api.user("Rita").await;
    let (run, task) = asked(&api, &subject, "rita").await;
    settles(&api, &run, "waiting").await;
    for (name, value) in [
        ("workflow", json!("unlock")),
        ("step", json!("verified")),
        ("state", json!("open")),
        ("user_id", json!(subject)),
        // By their id: it is nobody's once they are erased, whatever the run is about.
        ("requester", json!(requester)),
        ("roles", json!(["administrator", "security"])),
        ("exclude", json!(["subject", "requester"])),
        ("evidence", json!(["identity_document"])),
        ("level", json!("aal2")),
        ("quorum", json!(2)),
        ("approvals", json!(0)),
        ("lets", Value::Null),
        ("used", Value::Null),
        ("message", json!(format!("May {subject} be let in again?"))),
        ("about", json!({ "user_id": subject, "external_id": "subject", "display_name": null })),
        ("asked_by", json!({ "user_id": requester, "external_id": "Rita", "display_name": null })),
    ] {
        assert_eq!(task[name], value, "{name}");
    }
    // Whoever decides has to know whose account it is, whatever their application may see (T-31).
    let made = api.post("/v1/applications", json!({ "name": "desk", "scopes": ["workflows:read"] })).await;
    let desk = api.with_key(made.expect(201)["api_key"]["key"].as_str().unwrap());
    api.patch(&format!("/v1/users/{subject}"), json!({ "display_name": "Sue" })).await.expect(200);
    let seen = desk.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200);
    assert_eq!((&seen["about"]["external_id"], &seen["about"]["display_name"]), (&json!("subject"), &json!("Sue")));
    assert_eq!(api.all("/v1/tasks?role=security&workflow=unlock").await.len(), 1);
    assert_eq!(api.all("/v1/tasks?role=helpdesk").await.len(), 0);
    assert_eq!(api.all(&format!("/v1/tasks?user_id={requester}")).await.len(), 0);

    let shown = approve_proving(&api, &task, &ann).await.expect(200);
    assert_eq!((&shown["state"], &shown["approvals"]), (&json!("open"), &json!(1)));
    assert_eq!(shown["verdicts"][0]["user_id"], ann.user_id.as_str());
    assert_eq!(shown["verdicts"][0]["authenticator_id"], ann.authenticator_id.as_str());
    assert_eq!(shown["verdicts"][0]["level"], "aal2");
    // However often: a person is one person.
    approve_proving(&api, &task, &ann).await.expect_problem(409, "conflict");
    assert_eq!(api.get(&format!("/v1/users/{subject}")).await.expect(200)["state"], "suspended");
    let shown = approve_proving(&api, &task, &bob).await.expect(200);
    assert_eq!(shown["state"], "approved");
    settles(&api, &run, "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{subject}")).await.expect(200)["state"], "active");
    assert_eq!(api.all("/v1/tasks").await.len(), 0);
    assert_eq!(api.all("/v1/tasks?state=approved").await.len(), 1);

    let opened = events(&api, "task.opened").await;
    assert_eq!((&opened[0]["data"]["task"], &opened[0]["about"]["user"]), (&task["id"], &json!(subject)));
    let approved = events(&api, "task.approved").await;
    assert_eq!(approved.len(), 2);
    assert_eq!(approved[0]["data"]["by"], ann.user_id.as_str());
    assert_eq!(approved[0]["data"]["evidence"], json!(["identity_document"]));
    assert!(approved[0]["data"]["action_hash"].is_string() && approved[0]["about"]["challenge"].is_string());
    assert!(!approved[0]["data"].to_string().contains("passport"), "what people write stands apart");
    assert_eq!(approved[0]["details"]["reason"], "her passport");
    let closed = events(&api, "task.closed").await;
    assert_eq!((closed.len(), &closed[0]["data"]["outcome"]), (1, &json!("approved")));
    // W-12: what was said about somebody goes with them.
    api.delete(&format!("/v1/users/{subject}")).await;
    api.get(&format!("/v1/tasks/{}", id(&task))).await.expect_problem(404, "not-found");
}

/// S-05, T-31: whatever is not a fresh proof of the right person for this very task, and this very answer, is refused, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn w03_s05_t31_a_verdict_rests_on_a_fresh_proof_of_its_own_or_does_not_count() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let subject = api.enroll("subject").await;
    let (ann, bob, rita) = (api.enroll("ann").await, api.enroll("bob").await, api.enroll("Rita").await);
    let (run, task) = asked(&api, &subject.user_id, " RITA").await;
    let (_, other_task) = asked(&api, &bob.user_id, "rita").await;
    let refused = async |body: Value, status: u16, slug: &str| {
        approve(&api, &task, body.clone()).await.expect_problem(status, slug);
    };

    let good = proof(&api, &task, &ann, "approve").await;
    // Who may not.
    for who in [&subject, &rita] {
        refused(yes(who, &good), 403, "forbidden").await;
    }
    let with = |name: &str, value: Value| {
        let mut body = yes(&ann, &good);
        body[name] = value;
        body
    };
    refused(with("roles", json!(["helpdesk"])), 403, "forbidden").await;
    refused(with("roles", json!([])), 403, "forbidden").await;
    refused(with("evidence", json!(["in_person"])), 422, "invalid-request").await;
    refused(with("user_id", json!("usr_00000000000000000000000000000000")), 422, "invalid-request").await;
    asked_for_no_code(&api, &task, [&subject, &rita], &ann).await;
    // A proof that is none, or is another's.
    refused(with("challenge_id", Value::Null), 403, "step-up-needed").await;
    refused(with("user_id", json!(bob.user_id)), 422, "invalid-request").await;
    let no = proof(&api, &task, &ann, "reject").await;
    refused(with("challenge_id", json!(no)), 422, "invalid-request").await;
    let elsewhere = proof(&api, &other_task, &ann, "approve").await;
    refused(with("challenge_id", json!(elsewhere)), 422, "invalid-request").await;
    let unproved = api
        .post(&format!("/v1/tasks/{}/challenges", id(&task)), json!({ "user_id": ann.user_id, "verdict": "approve" }))
        .await
        .expect(201);
    refused(with("challenge_id", unproved["id"].clone()), 422, "invalid-request").await;
    // Whoever is called otherwise by now is not whom the proof showed.
    let shown = proof(&api, &task, &ann, "approve").await;
    let rename = async |name: &str| {
        api.patch(&format!("/v1/users/{}", subject.user_id), json!({ "display_name": name })).await.expect(200);
    };
    rename("Somebody else").await;
    refused(with("challenge_id", json!(shown)), 422, "invalid-request").await;
    shown_by_nobody_else(&api, &task, &ann).await;
    // A session that was proved at a lower level: a code without a first factor.
    let now = api.advance(31).await;
    let weak = api.verify(id(&unproved), &ann.phone.code_at(now)).await;
    weak.expect_problem(422, "proof-rejected");
    // Too old by now.
    api.advance(301).await;
    refused(yes(&ann, &good), 422, "invalid-request").await;
    // What it was given with, or in, is out of use.
    let suspended = proof(&api, &task, &ann, "approve").await;
    api.post(&format!("/v1/authenticators/{}/suspend", ann.authenticator_id), json!({})).await.expect(200);
    refused(yes(&ann, &suspended), 409, "conflict").await;
    api.post(&format!("/v1/authenticators/{}/resume", ann.authenticator_id), json!({})).await.expect(200);
    api.post(&format!("/v1/users/{}/suspend", ann.user_id), json!({})).await.expect(200);
    refused(yes(&ann, &suspended), 403, "forbidden").await;
    api.post(&format!("/v1/users/{}/resume", ann.user_id), json!({})).await.expect(200);
    // Another application's.
    let made =
        api.post("/v1/applications", json!({ "name": "other", "scopes": ["workflows:write", "challenges"] })).await;
    let other = api.with_key(made.expect(201)["api_key"]["key"].as_str().unwrap());
    let theirs = proof(&api, &task, &ann, "approve").await;
    approve(&other, &task, yes(&ann, &theirs)).await.expect_problem(404, "not-found");

    let shown = api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200);
    assert_eq!((&shown["approvals"], shown["verdicts"].as_array().unwrap().len()), (&json!(0), 0));
    assert_eq!(events(&api, "task.approved").await.len(), 0);
    approve(&api, &task, yes(&ann, &theirs)).await.expect(200);
    settles(&api, &run, "completed").await;
    approve_proving(&api, &other_task, &ann).await.expect(200);
}

/// Whoever may not decide, or lacks what it takes, is told so before a code is used up for it.
async fn asked_for_no_code(api: &Api, task: &Value, may_not: [&Enrolled; 2], ann: &Enrolled) {
    for who in may_not {
        let asked = challenged(api, task, who, json!({ "verdict": "approve" })).await;
        asked.expect_problem(403, "forbidden");
    }
    for (name, value, status, slug) in [
        ("roles", json!(["helpdesk"]), 403, "forbidden"),
        ("roles", json!([]), 403, "forbidden"),
        ("evidence", json!([]), 422, "invalid-request"),
    ] {
        let mut body = json!({ "verdict": "approve" });
        body[name] = value;
        challenged(api, task, ann, body).await.expect_problem(status, slug);
    }
}

/// By the general way nobody asks for a proof of this kind: it would show whoever gives it what somebody else chose.
async fn shown_by_nobody_else(api: &Api, task: &Value, ann: &Enrolled) {
    let session = api.session(&ann.user_id).await;
    let context = json!({ "task": task["id"], "approves": true });
    for action in ["task.approve", "task.reject", "task."] {
        let ask = json!({ "session_id": session, "action": action, "context": context });
        api.post("/v1/challenges", ask).await.expect_problem(422, "invalid-request");
    }
}

/// Nobody can tell that whoever approves is not who asked, where that is a name that nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn w03_who_is_left_out_and_is_not_known_is_not_taken_for_somebody_else() {
    let folder = folder(&[unlock(1, "      on_reject: continue\n")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let subject = api.user("subject").await;
    let ann = api.enroll("ann").await;
    // An id that is nobody's is as good as none: or else whoever starts a run has the rule that it is somebody else who approves do nothing.
    let nobody = "usr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60";
    let (_, by_nobody) = asked(&api, &subject, nobody).await;
    approve_proving(&api, &by_nobody, &ann).await.expect_problem(409, "conflict");
    api.post("/v1/users", json!({ "external_id": nobody })).await.expect_problem(422, "invalid-request");
    let (run, task) = asked(&api, &subject, "somebody at the desk").await;
    approve_proving(&api, &task, &ann).await.expect_problem(409, "conflict");
    // A no takes nothing away from anybody.
    let challenge = proof(&api, &task, &ann, "reject").await;
    let body = json!({ "user_id": ann.user_id, "roles": ["security"], "challenge_id": challenge });
    let shown = api.post(&format!("/v1/tasks/{}/reject", id(&task)), body).await.expect(200);
    assert_eq!(shown["state"], "rejected");
    settles(&api, &run, "completed").await;
    assert_eq!(events(&api, "task.rejected").await.len(), 1);
    assert_eq!(events(&api, "task.closed").await[0]["data"]["outcome"], "rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_a_task_ends_with_its_time_and_with_its_run_and_a_verdict_before_that_counts() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    let requester = api.user("rita").await;
    let subject = api.user("subject").await;
    // In the last minute: it counts, however late the run looks.
    let (last, task) = asked(&api, &subject, &requester).await;
    api.advance(86_400 - 60).await;
    let challenge = proof(&api, &task, &ann, "approve").await;
    approve(&api, &task, yes(&ann, &challenge)).await.expect(200);
    api.advance(60).await;
    settles(&api, &last, "completed").await;
    // Too late.
    let (late, task) = asked(&api, &subject, &requester).await;
    let challenge = proof(&api, &task, &ann, "approve").await;
    api.advance(86_400).await;
    approve(&api, &task, yes(&ann, &challenge)).await.expect_problem(409, "conflict");
    settles(&api, &late, "failed").await;
    assert_eq!(api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200)["state"], "timeout");
    // The run is cancelled.
    let (cancelled, task) = asked(&api, &subject, &requester).await;
    let challenge = proof(&api, &task, &ann, "approve").await;
    api.post(&format!("/v1/runs/{cancelled}/cancel"), json!({})).await.expect(200);
    settles(&api, &cancelled, "cancelled").await;
    approve(&api, &task, yes(&ann, &challenge)).await.expect_problem(409, "conflict");
    assert_eq!(api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200)["state"], "cancelled");
    let outcomes: Vec<Value> =
        events(&api, "task.closed").await.iter().map(|event| event["data"]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["approved", "timeout", "cancelled"]);
}

/// From however many servers at once: one verdict of a person counts, and no more than are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn w03_two_servers_count_no_verdict_twice() {
    let folder = folder(&[unlock(3, "")]);
    let one = Server::start(setup(Database::Postgres, &folder)).await;
    let other = one.beside().await;
    let api = one.api();
    let subject = api.user("subject").await;
    let requester = api.user("rita").await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "cid", "dan"] {
        people.push(api.enroll(name).await);
    }
    let (run, task) = asked(&api, &subject, &requester).await;
    let mut proofs = Vec::new();
    for who in &people[..2] {
        for _ in 0..3 {
            proofs.push((who, proof(&api, &task, who, "approve").await));
        }
    }
    let servers = [one.api(), other.api()];
    let all = futures_util::future::join_all(proofs.iter().enumerate().flat_map(|(number, (who, challenge))| {
        // Each proof at both servers.
        let (task, servers) = (&task, &servers);
        [0, 1].map(|more| async move { approve(&servers[(number + more) % 2], task, yes(who, challenge)).await.status })
    }))
    .await;
    assert_eq!(all.iter().filter(|status| **status == 200).count(), 2, "{all:?}");
    assert!(all.iter().all(|status| [200, 409].contains(status)), "{all:?}");
    let shown = api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200);
    assert_eq!((&shown["approvals"], &shown["state"]), (&json!(2), &json!("open")));
    let (third, fourth) =
        (proof(&api, &task, &people[2], "approve").await, proof(&api, &task, &people[3], "approve").await);
    let both = tokio::join!(
        approve(&servers[0], &task, yes(&people[2], &third)),
        approve(&servers[1], &task, yes(&people[3], &fourth))
    );
    let mut both = [both.0.status, both.1.status];
    both.sort_unstable();
    assert_eq!(both, [200, 409]);
    settles(&api, &run, "completed").await;
    assert_eq!(events(&api, "task.approved").await.len(), 3);
}

/// A challenge for something else.
async fn used_up(api: &Api, who: &Enrolled) -> String {
    let session = api.session(&who.user_id).await;
    let made = api.post("/v1/challenges", json!({ "session_id": session, "action": "login" })).await;
    id(&made.expect(201)).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_tasks_are_decided_on_the_command_line() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    let requester = api.user("rita").await;
    let subject = api.user("subject").await;
    let (run, task) = asked(&api, &subject, &requester).await;
    let task = id(&task);
    let said = |arguments: &[&str]| {
        let output = server.cli(arguments);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (output.status.success(), out, err)
    };
    let list = server.shows(&["tasks", "list", "--role", "security"]);
    assert!(list.contains("unlock") && list.contains(task) && list.contains("0 of 1"), "{list}");
    let (_, shown, _) = said(&["tasks", "show", task]);
    assert!(shown.contains("identity_document") && shown.contains("aal2"), "{shown}");
    let (about, asks) = (shown.find("about").unwrap(), shown.find("asks").unwrap());
    assert!(about < asks && shown.contains(&format!("subject {subject}")), "{shown}");
    assert!(list.contains("subject usr_"), "{list}");
    let common = ["tasks", "approve", task, "--as", "ann", "--role", "security"];
    let (done, _, why) = said(&[&common[..], &["--saw", "identity_document"]].concat());
    assert!(!done && why.contains("takes a proof"), "{why}");
    // What would not count uses up no code: the same one does afterwards.
    let code = ann.phone.code_at(api.advance(31).await);
    let (done, _, why) = said(&[&common[..], &["--code", &code]].concat());
    assert!(!done && why.contains("identity_document"), "{why}");
    let other_role = ["tasks", "approve", task, "--as", "ann", "--role", "helpdesk", "--saw", "identity_document"];
    let (done, _, why) = said(&[&other_role[..], &["--code", &code]].concat());
    assert!(!done && why.contains("administrator, security"), "{why}");
    let wrong = ann.phone.wrong_code(api.advance(0).await);
    let (done, _, why) = said(&[&common[..], &["--saw", "identity_document", "--code", &wrong]].concat());
    assert!(!done && why.contains("that is not the code"), "{why}");
    api.verify(&used_up(&api, &ann).await, &code).await.expect(200);
    let (done, _, why) = said(&[&common[..], &["--saw", "identity_document", "--code", &code]].concat());
    assert!(!done && why.contains("used already: wait for the next one"), "{why}");
    let code = ann.phone.code_at(api.advance(31).await);
    let all = [&common[..], &["--code", &code, "--saw", "identity_document", "--reason", "her passport"]].concat();
    let (done, said_so, why) = said(&all);
    assert!(done && said_so.contains("is approved"), "{said_so}{why}");
    settles(&api, &run, "completed").await;
    let (_, shown, _) = said(&["tasks", "show", task]);
    assert!(shown.contains("her passport") && shown.contains("1 of 1"), "{shown}");
    assert_eq!(run_in(&api, "unlock", "completed").await["id"], run.as_str());
}
