//! Policy that lives in files and is applied (S-11): on every server at once, as a whole, and as it was signed.

use std::path::Path;
use std::process::Output;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Database, Server, Setup};

/// A policy that allows everything, and denies one thing.
pub(crate) fn denying(action: &str) -> Value {
    let rules = format!(
        "policy:\n  otherwise: allow\n  rules:\n    - id: no-{action}\n      applies_to: {{actions: [{action}]}}\n      effect: deny\n"
    );
    json!({ "rules.yaml": rules })
}

pub(crate) async fn in_force(api: &Api) -> Value {
    api.get("/v1/policies/current").await.expect(200)
}

pub(crate) async fn apply_after(api: &Api, after: &str, files: &Value) -> Answer {
    let request = api.request(Method::PUT, "/v1/policies/current").header("if-match", format!("\"{after}\""));
    Api::answer(request.json(&json!({ "files": files, "by": "ana", "reference": "commit 1f2e" }))).await.unwrap()
}

/// Whatever was decided before: of one user alone, any denial may be all that they did.
async fn apply(api: &Api, files: &Value) -> Value {
    let after = in_force(api).await["id"].as_str().unwrap().to_owned();
    let request = api.request(Method::PUT, "/v1/policies/current").header("if-match", format!("\"{after}\""));
    Api::answer(request.json(&json!({ "files": files, "allow_lock_out": true }))).await.unwrap().expect(200)
}

async fn decide(api: &Api, session: &str, action: &str) -> Answer {
    api.post(&format!("/v1/sessions/{session}/decide"), json!({ "action": action })).await
}

async fn outcome(api: &Api, session: &str, action: &str) -> String {
    decide(api, session, action).await.expect(200)["outcome"].as_str().unwrap().to_owned()
}

/// Changes what is stored behind the server's back.
pub(crate) fn run(server: &Server, database: Database, sql: &str) {
    match database {
        Database::Sqlite => drop(rusqlite::Connection::open(server.sqlite()).unwrap().execute(sql, []).unwrap()),
        Database::Postgres | Database::OwnPostgres => server.postgres().run(sql),
    }
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn write(folder: &Path, files: &Value) {
    for (name, text) in files.as_object().unwrap() {
        std::fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_t22_an_applied_policy_holds_for_the_next_decision_of_every_server() {
    let one = Server::on(Database::Postgres).await;
    let mut other = one.beside().await;
    let (here, there) = (one.api(), other.api());
    let user = here.user("ana").await;
    let session = here.session(&user).await;
    for round in 0..12 {
        let (applies, asks) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        let (denied, allowed) = if round % 4 < 2 { ("a", "b") } else { ("b", "a") };
        apply(applies, &denying(denied)).await;
        let now = (outcome(asks, &session, denied).await, outcome(asks, &session, allowed).await);
        assert_eq!((now.0.as_str(), now.1.as_str()), ("deny", "allow"), "round {round}");
    }
    // It outlives a power failure, and a server that starts goes on with it.
    other.kill();
    other.begin().await;
    let ours = in_force(&here).await;
    assert_eq!((&ours, &ours["origin"]), (&in_force(&other.api()).await, &json!("applied")));
    assert_eq!(outcome(&other.api(), &session, "b").await, "deny");
}

async fn of_those_who_apply_at_once_one_does(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let before = in_force(&api).await;
    assert_eq!((&before["number"], &before["origin"]), (&json!(1), &json!("built_in")), "{before}");
    let id = before["id"].as_str().unwrap();
    let without = Api::answer(api.request(Method::PUT, "/v1/policies/current").json(&json!({ "files": denying("a") })));
    without.await.unwrap().expect_problem(428, "precondition-required");

    let files: Vec<Value> = (0..8).map(|of| denying(&format!("a{of}"))).collect();
    let all = futures_util::future::join_all(files.iter().map(|files| apply_after(&api, id, files))).await;
    let winners: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
    let [winner] = winners[..] else { panic!("{} of 8 were applied", winners.len()) };
    for answer in all.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(412, "policy-changed");
    }
    let now = in_force(&api).await;
    let applied = &winner.json()["policy"];
    assert_eq!((&now["id"], &now["number"]), (&applied["id"], &json!(2)));
    assert_eq!(winner.headers["etag"], format!("\"{}\"", now["id"].as_str().unwrap()));
    // W-12: who, what for, and an event with ids alone.
    let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].clone();
    assert_eq!((&now["application_id"], &now["by"], &now["reference"]), (&me, &json!("ana"), &json!("commit 1f2e")));
    let told = api.all("/v1/events?kind=policy.changed").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[1]["application_id"], &told[1]["data"]["policy"]), (&me, &now["id"]));
    assert!(!told[1]["data"].to_string().contains("ana"), "{told:?}");
    // The same again is no other policy; said otherwise it is another one that means the same.
    let again = apply(&api, &now["files"]).await;
    assert_eq!((&again["is_new"], &again["policy"]["number"]), (&json!(false), &json!(2)));
    let mut noted = now["files"].clone();
    noted["rules.yaml"] = json!(format!("# noted\n{}", noted["rules.yaml"].as_str().unwrap()));
    let noted = apply(&api, &noted).await;
    assert_eq!((&noted["policy"]["number"], &noted["policy"]["version"]), (&json!(3), &now["version"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_of_those_who_apply_at_once_one_does_on_sqlite() {
    of_those_who_apply_at_once_one_does(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_of_those_who_apply_at_once_one_does_on_postgresql() {
    of_those_who_apply_at_once_one_does(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_what_does_not_hold_changes_nothing_and_who_may_not_does_not() {
    let server = Server::new().await;
    let api = server.api();
    let before = in_force(&api).await;
    let id = before["id"].as_str().unwrap();
    // One file of two has a mistake: neither is taken.
    let mut files = denying("a");
    files["more.yaml"] = json!("policy:\n  rules:\n    - id: x\n      effect: denny\n");
    let problem = apply_after(&api, id, &files).await.expect_problem(422, "policy-mistaken");
    let mistake = &problem["mistakes"][0];
    assert_eq!((&mistake["place"]["file"], &mistake["place"]["line"]), (&json!("more.yaml"), &json!(4)), "{problem}");
    assert_eq!((&mistake["place"]["column"], &mistake["suggestion"]), (&json!(15), &json!("deny")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().starts_with("more.yaml:4:15: error"), "{problem}");
    let everybody = json!({ "all.yaml": "policy:\n  rules:\n    - {id: nobody, effect: deny}\n" });
    apply_after(&api, id, &everybody).await.expect_problem(422, "policy-mistaken");
    for tag in ["pol_0197a3c05b7c7d3e8f6a1b2c3d4e5f60", "", "W/\"x\"", "*"] {
        apply_after(&api, tag, &denying("a")).await.expect_problem(412, "policy-changed");
    }
    for (may, reads, writes) in [("policies:read", 200, 403), ("policies:write", 403, 200), ("challenges", 403, 403)] {
        let made = api.post("/v1/applications", json!({ "name": may, "scopes": [may] })).await.expect(201);
        let pipeline = api.with_key(made["api_key"]["key"].as_str().unwrap());
        assert_eq!(pipeline.get("/v1/policies/current").await.status, reads, "{may}");
        let id = in_force(&api).await["id"].as_str().unwrap().to_owned();
        assert_eq!(apply_after(&pipeline, &id, &denying("z")).await.status, writes, "{may}");
    }
    assert_eq!(in_force(&api).await["number"], json!(2));
}

async fn a_policy_that_was_changed_in_the_database_decides_nothing(database: Database) {
    let mut server = Server::on(database).await;
    let api = server.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    apply(&api, &denying("a")).await;
    assert_eq!(outcome(&api, &session, "b").await, "allow");
    // What is in memory was read before: a row that is put beside it is another one, and is not believed.
    let columns =
        "version, files, enforced_since, at, origin, application_id, certificate, author, reference, signature";
    let id = if database == Database::Sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let row = format!(
        "INSERT INTO policies (number, id, {columns}) SELECT 3, {id}, {columns} FROM policies WHERE number = 1"
    );
    run(&server, database, &row);
    decide(&api, &session, "b").await.expect_problem(503, "policy-broken");
    // Nor is one before it, as if the newest had never been.
    run(&server, database, "DELETE FROM policies WHERE number > 1");
    decide(&api, &session, "b").await.expect_problem(503, "policy-broken");
    let history = api.get("/v1/policies").await.expect(200);
    assert!(history["items"][0]["trouble"].is_null(), "{history}");

    // Another one mends it, also where it has the number of one that this server saw.
    apply(&api, &denying("b")).await;
    let mended = (outcome(&api, &session, "a").await, outcome(&api, &session, "b").await);
    assert_eq!(mended, ("allow".into(), "deny".into()));
    apply(&api, &denying("c")).await;
    assert_eq!(
        (outcome(&api, &session, "a").await, outcome(&api, &session, "c").await),
        ("allow".into(), "deny".into())
    );
    for edit in
        ["files = replace(files, 'deny', 'allow')", "enforced_since = 1", "author = 'ben'", "signature = 'x.y.z'"]
    {
        server.kill();
        run(&server, database, "CREATE TABLE kept AS SELECT * FROM policies WHERE number = 3");
        run(&server, database, &format!("UPDATE policies SET {edit} WHERE number = 3"));
        server.begin().await;
        let api = server.api();
        let session = api.session(&user).await;
        decide(&api, &session, "b").await.expect_problem(503, "policy-broken");
        let history = api.get("/v1/policies").await.expect(200);
        let looked = in_force(&api).await;
        assert!(looked["trouble"].is_string(), "{edit}: {looked}");
        assert!(edit.starts_with("files") || history["items"][0]["trouble"].is_string(), "{edit}: {history}");
        server.kill();
        run(&server, database, "DELETE FROM policies WHERE number = 3");
        run(&server, database, "INSERT INTO policies SELECT * FROM kept");
        run(&server, database, "DROP TABLE kept");
        server.begin().await;
        assert_eq!(outcome(&server.api(), &server.api().session(&user).await, "b").await, "allow", "{edit}");
    }
    // One that is missing between two is seen in the list.
    run(&server, database, "DELETE FROM policies WHERE number = 2");
    let history = server.api().get("/v1/policies").await.expect(200);
    assert_eq!(history["items"][0]["trouble"], json!("the one before is missing"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_policy_that_was_changed_in_the_database_decides_nothing_on_sqlite() {
    a_policy_that_was_changed_in_the_database_decides_nothing(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_policy_that_was_changed_in_the_database_decides_nothing_on_postgresql() {
    a_policy_that_was_changed_in_the_database_decides_nothing(Database::Postgres).await;
}

/// A grace period counts from the first policy that has people have a second factor, whatever comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn i06_another_policy_gives_nobody_another_period_of_grace() {
    let server = Server::new().await;
    let api = server.api();
    let enforcing = |note: &str| {
        let text = format!("mfa_enforcement:\n  all_users: true\n  grace_period: 10_days # {note}\n");
        json!({ "mfa.yaml": text })
    };
    let user = api.user("ana").await;
    apply(&api, &denying("a")).await;
    apply(&api, &enforcing("first")).await;
    assert_eq!(outcome(&api, &api.session(&user).await, "login").await, "allow");
    api.advance(6 * 86_400).await;
    apply(&api, &enforcing("second")).await;
    assert_eq!(outcome(&api, &api.session(&user).await, "login").await, "allow");
    api.advance(6 * 86_400).await;
    assert_eq!(outcome(&api, &api.session(&user).await, "login").await, "enroll");
    // After one that had nobody have one, it begins anew.
    apply(&api, &denying("a")).await;
    apply(&api, &enforcing("third")).await;
    assert_eq!(outcome(&api, &api.session(&user).await, "login").await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_the_command_line_applies_shows_reverts_and_exports() {
    let server = Server::new().await;
    let api = server.api();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    write(folder.path(), &denying("a"));
    let applied = server.cli(&["config", "apply", &path, "--by", "ana", "--reference", "commit 1f2e"]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert!(said(&applied).contains("Policy 2 is in force."), "{}", said(&applied));
    let again = server.cli(&["config", "apply", &path]);
    assert!(said(&again).contains("nothing was changed"), "{}", said(&again));
    let first = in_force(&api).await;
    write(folder.path(), &denying("b"));
    assert_eq!(server.cli(&["config", "apply", &path]).status.code(), Some(0));

    // What was planned against another policy is not applied.
    let late = server.cli(&["config", "apply", &path, "--after", first["id"].as_str().unwrap()]);
    assert_eq!(late.status.code(), Some(1), "{}", said(&late));
    assert!(said(&late).contains("another policy came into force meanwhile"), "{}", said(&late));

    let history = server.cli(&["config", "history"]);
    assert_eq!(history.status.code(), Some(0), "{}", said(&history));
    for part in ["built in", "applied", "ana", "commit 1f2e"] {
        assert!(said(&history).contains(part), "{part}: {}", said(&history));
    }
    let reverted = server.cli(&["config", "revert", "2", "--reference", "too much was asked"]);
    assert!(said(&reverted).contains("Policy 4 is in force."), "{}", said(&reverted));
    let now = in_force(&api).await;
    assert_eq!((&now["files"], &now["origin"]), (&first["files"], &json!("reverted")));
    assert_eq!(server.cli(&["config", "revert", "99"]).status.code(), Some(1));

    // Out comes what went in; what stands there is not written over unasked.
    let out = folder.path().join("out");
    let exported = server.cli(&["config", "export", out.to_str().unwrap()]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    let written = || std::fs::read_to_string(out.join("rules.yaml")).unwrap();
    assert_eq!(json!(written()), first["files"]["rules.yaml"]);
    let older = server.cli(&["config", "export", out.to_str().unwrap(), "--policy", "3"]);
    assert_eq!((older.status.code(), json!(written())), (Some(1), first["files"]["rules.yaml"].clone()));
    let older = server.cli(&["config", "export", out.to_str().unwrap(), "--policy", "3", "--force"]);
    assert_eq!((older.status.code(), json!(written())), (Some(0), denying("b")["rules.yaml"].clone()));

    let nowhere = server.cli(&["config", "apply", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(78), "{}", said(&nowhere));
    assert!(said(&nowhere).contains("/nowhere cannot be read"), "{}", said(&nowhere));
    let alone = server.cli(&["config", "apply", &path, "--url", "http://127.0.0.1:1"]);
    assert_eq!(alone.status.code(), Some(69), "{}", said(&alone));
}

/// How a folder in the configuration and what is applied meet.
#[tokio::test(flavor = "multi_thread")]
async fn s11_where_a_folder_is_configured_nothing_is_applied_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &denying("a"));
    let argument = format!("--policy-folder={}", folder.path().display());
    let mut server = Server::start(Setup { arguments: vec![argument.clone()], ..Setup::default() }).await;
    let before = in_force(&server.api()).await;
    assert_eq!(before["origin"], json!("folder"), "{before}");
    let problem = apply_after(&server.api(), before["id"].as_str().unwrap(), &denying("b")).await;
    let problem = problem.expect_problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("policy.folder"), "{problem}");
    // Without the folder it stays, and another one can be applied.
    server.stop();
    server.setup().arguments.clear();
    server.begin().await;
    assert_eq!(in_force(&server.api()).await["id"], before["id"]);
    apply(&server.api(), &denying("b")).await;
    server.stop();
    server.begin().await;
    assert_eq!(in_force(&server.api()).await["number"], json!(2));
    // With it again, it is what the folder says.
    server.stop();
    server.setup().arguments.push(argument);
    server.begin().await;
    let now = in_force(&server.api()).await;
    assert_eq!((&now["number"], &now["files"]), (&json!(3), &before["files"]));
}

/// What a plan says of decisions, once those that were answered are told of.
async fn plan_of(api: &Api, files: &Value, decisions: u64) -> Value {
    for _ in 0..200 {
        let plan = api.post("/v1/policies/plan", json!({ "files": files })).await.expect(200);
        if plan["replay"]["decisions"] == json!(decisions) {
            return plan;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("there are not {decisions} decisions: {}", api.post("/v1/policies/plan", json!({ "files": files })).await);
}

/// A policy that wants a second factor for payments above some amount, and whatever else it says.
fn limiting(limit: u32, more: &str) -> Value {
    let text = format!(
        "policy:\n  otherwise: allow\n  rules:\n    - id: large\n      applies_to: {{actions: [pay]}}\n      when: context.amount > {limit}\n      effect: require\n      level: aal2\n{more}"
    );
    json!({ "rules.yaml": text })
}

const EMBARGO: &str = "    - id: embargo\n      when: context.country == \"XX\"\n      effect: deny\n";

/// Decisions about Ana, who has something to be asked for, about Ben and Cid, who have not. Answers Cid.
async fn five_decisions(api: &Api) -> String {
    apply(api, &limiting(1000, "")).await;
    let (ana, ben, cid) = (api.enroll("ana").await.user_id, api.user("ben").await, api.user("cid").await);
    for (user, amount, country, outcome) in [
        (&ana, 700, "DE", "allow"),
        (&ana, 2000, "DE", "step_up"),
        (&ben, 700, "DE", "allow"),
        (&cid, 1, "XX", "allow"),
        (&cid, 2, "XX", "allow"),
    ] {
        let session = api.session(user).await;
        let context = json!({ "amount": amount, "country": country });
        let question = json!({ "action": "pay", "context": context, "groups": ["staff"] });
        let decided = api.post(&format!("/v1/sessions/{session}/decide"), question).await.expect(200);
        assert_eq!(decided["outcome"], outcome);
    }
    cid
}

async fn a_plan_says_whom_it_would_have_stopped(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    five_decisions(&api).await;
    let plan = plan_of(&api, &limiting(500, EMBARGO), 5).await;
    let replay = &plan["replay"];
    let known = (&replay["users"], &replay["unrecorded"], &replay["locks_out"]);
    assert_eq!(known, (&json!(3), &json!(0), &Value::Null), "{plan}");
    let counts = json!({ "locked_out": 1, "refused": 0, "enroll": 1, "asked": 1, "eased": 0 });
    assert_eq!(replay["counts"], counts, "{plan}");
    let told = |one: &Value| {
        let example = &one["example"];
        let said = [&one["external_id"], &one["effect"], &one["decisions"]];
        json!([said, [&example["before"], &example["after"], &example["rule"]]])
    };
    let told: Vec<Value> = replay["affected"].as_array().unwrap().iter().map(told).collect();
    let expected = [
        json!([["cid", "locked_out", 2], ["allow", "deny", "embargo"]]),
        json!([["ben", "enroll", 1], ["allow", "enroll", "large"]]),
        json!([["ana", "asked", 1], ["allow", "step_up", "large"]]),
    ];
    assert_eq!(told, expected, "{plan}");
    let changed: Vec<&Value> = plan["differences"].as_array().unwrap().iter().map(|one| &one["what"]).collect();
    assert_eq!(changed, ["rules.embargo", "rules.large"], "{plan}");
    assert_eq!(plan["differences"][1]["before"]["when"], "context.amount > 1000");
    // Asking less is told of as well, and what says the same changes nothing.
    assert_eq!(plan_of(&api, &limiting(9000, ""), 5).await["replay"]["counts"]["eased"], 1);
    let same = plan_of(&api, &limiting(1000, ""), 5).await;
    assert_eq!((&same["is_same"], &same["replay"]["affected"]), (&json!(true), &json!([])), "{same}");

    // As people read it.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &limiting(500, EMBARGO));
    let output = server.cli(&["config", "plan", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for part in [
        "~ rules.large",
        "    - when: context.amount > 1000",
        "    + when: context.amount > 500",
        "+ rules.embargo",
        "Of 3 users with 5 decisions in the last 30 days:",
        "  1 would be locked out",
        "  1 would now be asked",
        "cid: locked out — pay: allow → deny, by embargo",
    ] {
        assert!(said(&output).contains(part), "{part}: {}", said(&output));
    }
}

/// The last administrator is not locked out, nor is everybody.
#[tokio::test(flavor = "multi_thread")]
async fn s11_a_policy_that_leaves_nobody_is_not_applied() {
    let server = Server::new().await;
    let api = server.api();
    let cid = five_decisions(&api).await;
    let administrators = |who: &str, policy: &Value| {
        let mut files = policy.clone();
        files["who.yaml"] = json!(format!("administrators: {who}\n"));
        files
    };
    let of_cid = administrators("{users: [CID]}", &limiting(500, EMBARGO));
    let plan = plan_of(&api, &of_cid, 5).await;
    assert_eq!(plan["replay"]["administrators"], json!({ "seen": 1, "locked_out": 1 }), "{plan}");
    let id = in_force(&api).await["id"].as_str().unwrap().to_owned();
    let problem = apply_after(&api, &id, &of_cid).await.expect_problem(409, "policy-locks-out");
    assert!(problem["detail"].as_str().unwrap().contains("Every administrator"), "{problem}");
    let all = limiting(1000, "    - id: none\n      applies_to: {groups: [staff]}\n      effect: deny\n");
    let problem = apply_after(&api, &id, &all).await.expect_problem(409, "policy-locks-out");
    assert!(problem["detail"].as_str().unwrap().contains("Everybody"), "{problem}");
    assert_eq!(in_force(&api).await["id"].as_str(), Some(id.as_str()), "nothing was changed");
    // The command line says so, and applies it where that is wanted.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    write(folder.path(), &all);
    for command in ["plan", "apply"] {
        let output = server.cli(&["config", command, &path]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("--allow-lock-out"), "{}", said(&output));
    }
    let output = server.cli(&["config", "apply", &path, "--allow-lock-out"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // What is in force names them as well: leaving the line out opens nothing.
    apply(&api, &administrators("{groups: [staff]}", &limiting(1000, ""))).await;
    let plan = plan_of(&api, &limiting(500, EMBARGO), 5).await;
    assert_eq!(plan["replay"]["administrators"], json!({ "seen": 3, "locked_out": 1 }), "{plan}");

    // W-12: with somebody goes what their decisions went by.
    api.delete(&format!("/v1/users/{cid}")).await.expect(204);
    let events = api.all("/v1/events?kind=decision.made").await;
    let kept = events.iter().filter(|event| event["details"]["facts"].is_string()).count();
    assert_eq!(kept, 3, "{events:?}");
    assert!(events.iter().all(|event| !event["data"].to_string().contains("XX")), "{events:?}");
    assert_eq!(plan_of(&api, &limiting(500, EMBARGO), 3).await["replay"]["users"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_plan_says_whom_it_would_have_stopped_on_sqlite() {
    a_plan_says_whom_it_would_have_stopped(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_plan_says_whom_it_would_have_stopped_on_postgresql() {
    a_plan_says_whom_it_would_have_stopped(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_where_nothing_is_to_be_kept_of_decisions_nothing_is() {
    let arguments = vec!["--policy-record-facts=no".to_owned()];
    let server = Server::start(Setup { arguments, ..Setup::default() }).await;
    let api = server.api();
    let session = api.session(&api.user("ana").await).await;
    outcome(&api, &session, "login").await;
    let events = api.all("/v1/events?kind=decision.made").await;
    assert!(events.len() == 1 && events[0]["details"]["facts"].is_null(), "{events:?}");
    let plan = api.post("/v1/policies/plan", json!({ "files": denying("a") })).await.expect(200);
    assert_eq!((&plan["replay"]["decisions"], &plan["replay"]["unrecorded"]), (&json!(0), &json!(1)), "{plan}");
}

/// The steps of a job in docs/guide/policy-in-git.md, as they stand there.
fn steps(job: &str) -> Vec<Vec<String>> {
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/policy-in-git.md")).unwrap();
    let pipeline = guide.split("# <!-- pipeline -->").nth(1).unwrap().split("```").next().unwrap().to_owned();
    let after = pipeline.split(&format!("\n{job}:")).nth(1).unwrap();
    let lines = after.lines().skip(1).take_while(|line| line.starts_with(' '));
    let scripts = lines.filter_map(|line| line.trim().strip_prefix("- countersign "));
    scripts.map(|script| script.split_whitespace().map(str::to_owned).collect()).collect()
}

/// Runs a job in a folder, with a key. What went wrong, if something did.
fn run_job(server: &Server, folder: &Path, job: &str, key: &str) -> Result<(), String> {
    for step in steps(job) {
        let word = |word: &str| match word {
            "policy/" | "plan.json" | "policy-tests.xml" => folder.join(word).to_str().unwrap().to_owned(),
            "\"$AUTHOR\"" => "ana".to_owned(),
            "\"$COMMIT\"" => "1f2e".to_owned(),
            word => word.to_owned(),
        };
        let (words, into) = match step.iter().position(|word| word == ">") {
            Some(at) => (&step[..at], Some(word(&step[at + 1]))),
            None => (&step[..], None),
        };
        let mut words: Vec<String> = words.iter().map(|text| word(text)).collect();
        if !matches!(words[1].as_str(), "validate" | "test") {
            words.extend(["--key".to_owned(), key.to_owned()]);
        }
        let output = server.cli(&words.iter().map(String::as_str).collect::<Vec<_>>());
        if let Some(into) = into {
            std::fs::write(into, &output.stdout).unwrap();
        }
        if !output.status.success() {
            return Err(format!("{words:?}: {}", said(&output)));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_the_pipeline_of_the_guide_works() {
    let server = Server::new().await;
    let api = server.api();
    assert_eq!((steps("check").len(), steps("apply").len(), steps("nightly").len()), (3, 2, 1));
    // Two keys, each with what the guide gives it.
    let key = |scopes: &'static [&'static str]| {
        let api = api.clone();
        async move {
            let made = json!({ "name": scopes.join(" "), "scopes": scopes });
            let made = api.post("/v1/applications", made).await.expect(201);
            made["api_key"]["key"].as_str().unwrap().to_owned()
        }
    };
    let reads = key(&["policies:read", "configuration:read"]).await;
    let applies = key(&["policies:read", "policies:write", "configuration:read", "configuration:write"]).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("policy")).unwrap();
    let run = |job: &str, key: &str| run_job(&server, folder.path(), job, key);
    let case = "cases:\n  - {name: a is denied, given: {action: a}, expect: deny}\n";
    let put = |action: &str| {
        let mut files = denying(action);
        files["cases.yaml"] = json!(case);
        write(&folder.path().join("policy"), &files);
    };
    put("a");
    run("check", &reads).unwrap();
    let results = std::fs::read_to_string(folder.path().join("policy-tests.xml")).unwrap();
    assert!(results.contains("tests=\"1\" failures=\"0\""), "{results}");
    // A proposal applies nothing, and until it is merged the two are not in step.
    let refused = run("apply", &reads).unwrap_err();
    assert!(refused.contains("policies:write"), "{refused}");
    let drift = run("nightly", &reads).unwrap_err();
    assert!(drift.contains("+ rules.no-a") && drift.contains("which is in force"), "{drift}");
    run("apply", &applies).unwrap();
    run("nightly", &reads).unwrap();
    let now = in_force(&api).await;
    assert_eq!((&now["number"], &now["by"], &now["reference"]), (&json!(2), &json!("ana"), &json!("1f2e")));
    // A case that comes out otherwise stops it.
    put("b");
    let stopped = run("check", &reads).unwrap_err();
    assert!(stopped.contains("a is denied"), "{stopped}");
    // So does what was planned for something else.
    let (plan, path) = (folder.path().join("plan.json"), folder.path().join("policy"));
    let late = ["config", "apply", path.to_str().unwrap(), "--plan", plan.to_str().unwrap()];
    assert!(said(&server.cli(&late)).contains("plan again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_what_would_happen_is_explained_rule_by_rule() {
    let server = Server::new().await;
    let api = server.api();
    let rules = "policy:\n  otherwise: allow\n  rules:\n    - id: large\n      applies_to: {actions: [pay.*]}\n      when: context.amount > 1000\n      effect: step_up\n    - id: mules\n      when: signals.mule_account\n      effect: deny\n      shadow: true\n    - id: staff\n      applies_to: {groups: [staff], resource_types: [account]}\n      effect: notify\n      notify: [ops]\n";
    apply(&api, &json!({ "rules.yaml": rules })).await;
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let explain = |question: Value| {
        let api = api.clone();
        async move { api.post("/v1/policies/explain", question).await }
    };
    let why = |explained: &Value, rule: &str| -> (bool, String) {
        let rules = explained["rules"].as_array().unwrap();
        let rule = rules.iter().find(|explained| explained["rule"] == rule).unwrap();
        (rule["fired"].as_bool().unwrap(), rule["why"].as_str().unwrap().to_owned())
    };
    let large = json!({ "external_id": "ana", "action": "pay.send", "context": { "amount": 5000 } });
    let explained = explain(large.clone()).await.expect(200);
    assert_eq!(
        (&explained["verdict"]["outcome"], &explained["verdict"]["decided_by"]),
        (&json!("step_up"), &json!("large"))
    );
    assert_eq!(why(&explained, "large"), (true, "`context.amount > 1000` holds".to_owned()));
    assert_eq!(why(&explained, "mules"), (false, "`signals.mule_account` does not hold".to_owned()));
    assert_eq!(why(&explained, "staff"), (false, "it is about groups staff, of which the user is in none".to_owned()));
    assert_eq!(explained["has"], json!(["totp", "backup_codes"]), "{explained}");
    // It is what is decided: by the same policy, for the same session.
    let mut of_session = json!({ "session_id": session, "action": "pay.send", "context": { "amount": 5 } });
    let explained = explain(of_session.clone()).await.expect(200);
    let path = format!("/v1/sessions/{session}/decide");
    let decided = api.post(&path, json!({ "action": "pay.send", "context": { "amount": 5 } })).await.expect(200);
    assert_eq!(explained["verdict"]["outcome"], decided["outcome"]);
    assert_eq!(why(&explained, "large"), (false, "`context.amount > 1000` does not hold".to_owned()));
    // What nobody says of a session is not known, and said so; in shadow it counts for nothing.
    assert_eq!(explained["verdict"]["in_shadow"], json!("deny"), "{explained}");
    of_session["context"] = json!({ "amount": "much" });
    let (fired, said_why) = why(&explain(of_session).await.expect(200), "large");
    assert!(fired && said_why.ends_with("so it fires"), "{said_why}");
    // Nothing is told, and nobody asked.
    assert_eq!(api.all("/v1/events?kind=challenge.created").await.len(), 0);

    for (wrong, status) in [
        (json!({ "action": "a" }), 422),
        (json!({ "external_id": "ana", "session_id": session, "action": "a" }), 422),
        (json!({ "external_id": "nobody", "action": "a" }), 404),
        (json!({ "external_id": "ana", "action": "a", "application": "none" }), 404),
    ] {
        assert_eq!(explain(wrong.clone()).await.status, status, "{wrong}");
    }
    let output =
        server.cli(&["explain", "ana", "pay.send", "--context", r#"{"amount": 5000}"#, "--signals", "mule_account"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for part in [
        "ana, pay.send: step up, by large",
        "if rules in shadow counted: deny",
        "● mules → deny (in shadow)",
        "○ staff",
        "rules.yaml:4",
    ] {
        assert!(said(&output).contains(part), "{part}: {}", said(&output));
    }
    let nobody = server.cli(&["explain", "nobody", "pay.send"]);
    assert!(
        nobody.status.code() == Some(1) && said(&nobody).contains("there is no user `nobody`"),
        "{}",
        said(&nobody)
    );
    let context = server.cli(&["explain", "ana", "pay.send", "--context", "5000"]);
    assert_eq!(context.status.code(), Some(2), "{}", said(&context));
}
