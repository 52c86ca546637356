//! Applications, gateways and branding that live in files and are applied (S-11): whoever applies gives nobody more than they have, no secret
//! stands in a file, and what holds after it holds on every server.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::browser::Shop;
use crate::harness::{Answer, Api, Database, Mailboxes, Server, Setup, SmsApi};
use crate::messages::hand_over;
use crate::policies::{apply_after, denying, in_force, run, said, write};

const ORIGIN: &str = "https://shop.example";

/// Files that allow everything, and say what applications there are.
fn with(applications: &str) -> Value {
    let mut files = denying("nothing");
    files["applications.yaml"] = json!(format!("applications:\n{applications}"));
    files
}

/// The application that an administrator's key is of, as the first start makes it.
const ADMINISTRATOR: &str = "  Administrator:\n    scopes: [admin]\n";

fn shop(scopes: &str) -> String {
    format!("{ADMINISTRATOR}  shop:\n    scopes: [{scopes}]\n    return_origins: [\"{ORIGIN}\"]\n")
}

async fn apply_with(api: &Api, files: &Value, more: Value) -> Answer {
    let after = in_force(api).await["id"].as_str().unwrap().to_owned();
    // Whatever the applications are, unless a test says what it saw.
    let mut body = json!({ "files": files, "allow_lock_out": true, "force": more["seen"].is_null() });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = api.request(Method::PUT, "/v1/policies/current").header("if-match", format!("\"{after}\""));
    Api::answer(request.json(&body)).await.unwrap()
}

async fn apply(api: &Api, files: &Value) -> Value {
    apply_with(api, files, json!({})).await.expect(200)
}

/// Puts back into force what was there.
async fn revert(api: &Api, to: &Value) -> Answer {
    let (to, after) = (to["id"].as_str().unwrap(), in_force(api).await["id"].as_str().unwrap().to_owned());
    let request = api.request(Method::POST, &format!("/v1/policies/{to}/revert"));
    Api::answer(
        request.header("if-match", format!("\"{after}\"")).json(&json!({ "allow_lock_out": true, "force": true })),
    )
    .await
    .unwrap()
}

async fn plan(api: &Api, files: &Value) -> Answer {
    api.post("/v1/policies/plan", json!({ "files": files, "days": 0 })).await
}

async fn application(api: &Api, name: &str) -> Option<Value> {
    let all = api.get("/v1/applications").await.expect(200)["items"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["name"] == name)
}

/// A key of an application that is there already.
async fn key_of(api: &Api, name: &str) -> Api {
    let id = application(api, name).await.unwrap()["id"].as_str().unwrap().to_owned();
    let made = api.post(&format!("/v1/applications/{id}/keys"), json!({})).await.expect(201);
    api.with_key(made["key"].as_str().unwrap())
}

/// A pipeline with these scopes.
async fn pipeline(api: &Api, name: &str, scopes: &[&str]) -> Api {
    let made = api.post("/v1/applications", json!({ "name": name, "scopes": scopes })).await.expect(201);
    api.with_key(made["api_key"]["key"].as_str().unwrap())
}

async fn applications_hold_with_the_next_request(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let other = if database == Database::Postgres { Some(server.beside().await) } else { None };
    let there = other.as_ref().map_or_else(|| api.clone(), Server::api);
    let applied = apply(&api, &with(&shop("users:read, sessions"))).await;
    let applications = &applied["applications"];
    let none = json!([]);
    let changed = (&applications["created"], &applications["updated"], &applications["deleted"]);
    assert_eq!(changed, (&json!(["shop"]), &none, &none), "{applied}");
    let made = application(&there, "shop").await.unwrap();
    assert_eq!((&made["scopes"], &made["return_origins"]), (&json!(["users:read", "sessions"]), &json!([ORIGIN])));
    // There is no key that a file made.
    let keys = api.get(&format!("/v1/applications/{}/keys", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(keys["items"], json!([]));
    let shops = key_of(&api, "shop").await;
    let over_there = there.with_key(&shops.key);
    for round in 0..6 {
        let (may, status) = if round % 2 == 0 { ("sessions", 403) } else { ("users:read, sessions", 200) };
        assert_eq!(over_there.get("/v1/users").await.status, if status == 403 { 200 } else { 403 }, "round {round}");
        apply(&api, &with(&shop(may))).await;
        assert_eq!(over_there.get("/v1/users").await.status, status, "round {round}");
        assert_eq!(shops.get("/v1/users").await.status, status, "round {round}");
    }
    // Each is told of in the commit of the policy that it came with.
    let told = api.all("/v1/events?kind=application.updated").await;
    assert_eq!(told.len(), 6, "{told:?}");
    let policies = api.all("/v1/events?kind=policy.changed").await;
    for (told, policy) in told.iter().zip(&policies[2..]) {
        assert_eq!((&told["data"]["policy"], &told["at"]), (&policy["data"]["policy"], &policy["at"]), "{told}");
    }
    // The same again is nothing new.
    let again = apply(&api, &with(&shop("users:read, sessions"))).await;
    assert_eq!((&again["is_new"], &again["applications"]["updated"]), (&json!(false), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_applications_hold_with_the_next_request_on_sqlite() {
    applications_hold_with_the_next_request(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_t22_applications_hold_with_the_next_request_of_every_server() {
    applications_hold_with_the_next_request(Database::Postgres).await;
}

/// What is not in the files stays unless it is asked that it go, and who applies does not go by it.
async fn what_is_left_out_goes_only_where_that_is_asked_for(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let stray = pipeline(&api, "stray", &["sessions"]).await;
    let files = with(&shop("sessions"));
    let planned = plan(&api, &files).await.expect(200);
    assert_eq!((&planned["unlisted"], &planned["is_same"]), (&json!(["stray"]), &json!(false)), "{planned}");
    apply(&api, &files).await;
    assert_eq!(stray.get("/v1/whoami").await.status, 200);
    let planned = plan(&api, &files).await.expect(200);
    assert_eq!((&planned["unlisted"], &planned["is_same"]), (&json!(["stray"]), &json!(true)), "{planned}");
    let pruned = api.post("/v1/policies/plan", json!({ "files": files, "days": 0, "prune": true })).await.expect(200);
    assert_eq!(pruned["differences"][0]["what"], "applications.stray", "{pruned}");
    assert!(
        pruned["warnings"].to_string().contains("`stray` would be deleted, and its sessions ended: 1 keys"),
        "{pruned}"
    );
    // Not the one that applies, nor the last that administers.
    let mut own = files.clone();
    own["applications.yaml"] = json!("applications:\n  shop: {scopes: [sessions]}\n  stray: {scopes: [sessions]}\n");
    let problem = apply_with(&api, &own, json!({ "prune": true })).await.expect_problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("delete the application that applies"), "{problem}");
    assert_eq!(application(&api, "Administrator").await.unwrap()["scopes"], json!(["admin"]));
    let pruned = apply_with(&api, &files, json!({ "prune": true })).await.expect(200);
    assert_eq!(pruned["applications"]["deleted"], json!(["stray"]), "{pruned}");
    stray.get("/v1/whoami").await.expect_problem(401, "unauthenticated");
    let gone = api.all("/v1/events?kind=application.deleted").await;
    assert_eq!(gone[0]["data"]["policy"], pruned["policy"]["id"], "{gone:?}");
    // Files that speak of no application delete none.
    let pruned = apply_with(&api, &denying("x"), json!({ "prune": true })).await.expect(200);
    assert_eq!(pruned["applications"]["deleted"], json!([]), "{pruned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_what_is_left_out_goes_only_where_that_is_asked_for_on_sqlite() {
    what_is_left_out_goes_only_where_that_is_asked_for(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_what_is_left_out_goes_only_where_that_is_asked_for_on_postgresql() {
    what_is_left_out_goes_only_where_that_is_asked_for(Database::Postgres).await;
}

/// S-09: a pipeline that was taken over makes nobody, itself included, able to do more than it can.
#[tokio::test(flavor = "multi_thread")]
async fn s11_nobody_gives_by_files_what_they_have_not_got() {
    let server = Server::new().await;
    let api = server.api();
    let scopes = ["policies:read", "policies:write", "configuration:read", "configuration:write", "sessions"];
    let pipeline_key = pipeline(&api, "pipeline", &scopes).await;
    let base = format!("{ADMINISTRATOR}  pipeline:\n    scopes: [{}]\n", scopes.join(", "));
    let before = in_force(&api).await;
    let refused = async |applications: &str, scope: &str| {
        let problem = apply_with(&pipeline_key, &with(applications), json!({})).await.expect_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains(scope), "{problem}");
    };
    // To others, to itself, by what another may do, and by a certificate for another who may do more.
    refused(&format!("{base}  evil:\n    scopes: [users:write]\n"), "`evil` would get the scope `users:write`").await;
    refused(&format!("{base}  evil:\n    scopes: [admin]\n"), "`admin`").await;
    refused(&base.replace("sessions]", "sessions, admin]"), "`pipeline` would get the scope `admin`").await;
    let certificate = format!("{ADMINISTRATOR}    certificates: [\"{}\"]\n", "ab".repeat(32));
    refused(&certificate, "`Administrator` has the scope `admin`").await;
    let origin = format!("{ADMINISTRATOR}    return_origins: [\"https://evil.example\"]\n");
    refused(&origin, "`Administrator` has the scope `admin`").await;
    // Nor does it take away what it has not got.
    refused("  Administrator:\n    scopes: [sessions]\n", "`Administrator` has the scope `admin`").await;
    let mine = with(&format!("  pipeline:\n    scopes: [{}]\n", scopes.join(", ")));
    let problem = apply_with(&pipeline_key, &mine, json!({ "prune": true })).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("`Administrator` has"), "{problem}");
    assert_eq!(in_force(&api).await, before, "nothing of it was applied");
    assert_eq!(application(&api, "Administrator").await.unwrap()["certificates"], json!([]));
    assert!(application(&api, "evil").await.is_none());
    // What it has it may give.
    let given = apply_with(&pipeline_key, &with(&format!("{base}  shop:\n    scopes: [sessions]\n")), json!({})).await;
    assert_eq!(given.expect(200)["applications"]["created"], json!(["shop"]));
    // An older version is no way around it.
    apply(&api, &with(&format!("{base}  shop:\n    scopes: [users:write]\n"))).await;
    let wide = in_force(&api).await;
    apply(&api, &with(&format!("{base}  shop:\n    scopes: [sessions]\n"))).await;
    let now = in_force(&api).await;
    let problem = revert(&pipeline_key, &wide).await.expect_problem(403, "forbidden");
    assert_eq!(in_force(&api).await, now);
    assert!(problem["detail"].as_str().unwrap().contains("`shop` would get the scope `users:write`"), "{problem}");

    // Without the scope for it, policies may be applied, and nothing else; and what others say of applications is not shown.
    let policies = pipeline(&api, "policies", &["policies:read", "policies:write"]).await;
    let shown = in_force(&policies).await;
    assert_eq!(
        (&shown["left_out"], &shown["files"]["applications.yaml"]),
        (&json!(["applications.yaml"]), &Value::Null)
    );
    let same = format!("{base}  shop:\n    scopes: [sessions]\n");
    let mut files = with(&same);
    files["rules.yaml"] = denying("b")["rules.yaml"].clone();
    apply_with(&policies, &files, json!({})).await.expect(200);
    for other in [with(&format!("{same}  new:\n    scopes: []\n")), denying("c")] {
        let problem = apply_with(&policies, &other, json!({})).await.expect_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("configuration:write"), "{problem}");
    }
    plan(&policies, &files).await.expect_problem(403, "forbidden");
    let exported = policies.get("/v1/policies/export").await.expect(200);
    assert_eq!((&exported["left_out"], &exported["made"]), (&json!(["applications.yaml"]), &Value::Null), "{exported}");
}

/// T-20: sites and rules name an application by its name or id. So no name is an id, or whoever may make applications has those of another one.
#[tokio::test(flavor = "multi_thread")]
async fn s11_t20_no_name_of_an_application_is_the_id_of_another() {
    let server = Server::new().await;
    let api = server.api();
    apply(&api, &with(&shop("sessions"))).await;
    let id = application(&api, "shop").await.unwrap()["id"].as_str().unwrap().to_owned();
    let own = pipeline(&api, "own", &["sessions"]).await;
    let own = own.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
    for name in [id.as_str(), "app_0197a3c05b7c7d3e8f6a1b2c3d4e5f60"] {
        let files = with(&format!("{ADMINISTRATOR}  {name}:\n    scopes: [sessions]\n"));
        let problem = apply_with(&api, &files, json!({})).await.expect_problem(422, "policy-mistaken");
        assert!(problem.to_string().contains("is not what an id of one is"), "{problem}");
        let made = json!({ "name": name, "scopes": [] });
        let problem = api.post("/v1/applications", made).await.expect_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], "/name", "{problem}");
        let renamed = api.patch(&format!("/v1/applications/{own}"), json!({ "name": format!(" {name} ") })).await;
        renamed.expect_problem(422, "invalid-request");
        assert!(application(&api, name).await.is_none());
    }
}

/// T-22: what an administrator took from an application does not come back by files of whoever did not see that it went.
async fn nothing_that_was_taken_away_comes_back_unseen(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let print = "ab".repeat(32);
    let wide = |more: &str| {
        with(&format!("{ADMINISTRATOR}  shop: {{scopes: [sessions], certificates: [\"{print}\"]}}\n{more}"))
    };
    let applied = apply(&api, &wide("")).await;
    let first = applied["policy"].clone();
    let made = &applied["applications"]["differences"][0];
    assert_eq!((&made["what"], &made["before"]), (&json!("applications.shop"), &Value::Null), "{applied}");
    let id = application(&api, "shop").await.unwrap()["id"].as_str().unwrap().to_owned();
    let planned = plan(&api, &wide("")).await.expect(200);
    let stolen = json!({ "certificates": [], "scopes": [] });
    api.patch(&format!("/v1/applications/{id}"), stolen).await.expect(200);

    let files = wide("  new: {scopes: []}\n");
    let blind = apply_with(&api, &files, json!({ "force": false })).await;
    let problem = blind.expect_problem(428, "applications-unseen");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`shop`") && detail.contains("`new`"), "{problem}");
    apply_with(&api, &files, json!({ "seen": planned["seen"] })).await.expect_problem(412, "policy-changed");
    let back = |body: Value| {
        let path = format!("/v1/policies/{}/revert", first["id"].as_str().unwrap());
        let request =
            api.request(Method::POST, &path).header("if-match", format!("\"{}\"", first["id"].as_str().unwrap()));
        Api::answer(request.json(&body))
    };
    back(json!({})).await.unwrap().expect_problem(428, "applications-unseen");
    back(json!({ "seen": planned["seen"] })).await.unwrap().expect_problem(412, "policy-changed");
    let shop = application(&api, "shop").await.unwrap();
    assert_eq!((&shop["certificates"], &shop["scopes"]), (&json!([]), &json!([])));
    assert!(application(&api, "new").await.is_none());

    // Whoever saw it may mean it, and is told what it was.
    let planned = plan(&api, &wide("")).await.expect(200);
    let reverted = back(json!({ "seen": planned["seen"] })).await.unwrap().expect(200);
    let said = reverted["warnings"].to_string();
    assert!(said.contains("something else changed `shop` since policy 2 was applied"), "{reverted}");
    let put_back = &reverted["applications"]["differences"][0];
    assert_eq!(
        (&put_back["what"], &put_back["before"]["scopes"], &put_back["after"]["certificates"]),
        (&json!("applications.shop"), &json!([]), &json!([print])),
        "{reverted}"
    );
    // Where nothing of applications changes, nothing has to be seen.
    let mut same = wide("");
    same["rules.yaml"] = denying("b")["rules.yaml"].clone();
    apply_with(&api, &same, json!({ "force": false })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_t22_nothing_that_was_taken_away_comes_back_unseen_on_sqlite() {
    nothing_that_was_taken_away_comes_back_unseen(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_t22_nothing_that_was_taken_away_comes_back_unseen_on_postgresql() {
    nothing_that_was_taken_away_comes_back_unseen(Database::Postgres).await;
}

/// S-09: a certificate or a place to lead back to makes whoever has it that application. So nobody becomes one that is there by a file, also not
/// one that can do no more than they can, but for administrators.
#[tokio::test(flavor = "multi_thread")]
async fn s11_nobody_becomes_another_application_by_a_file() {
    let site = [
        ("COUNTERSIGN_FORWARD_AUTH_WIKI_APPLICATION", "login"),
        ("COUNTERSIGN_FORWARD_AUTH_WIKI_ORIGINS", "https://wiki.example.org"),
        ("COUNTERSIGN_FORWARD_AUTH_WIKI_LOGIN", "https://login.example.org/"),
        ("COUNTERSIGN_FORWARD_AUTH_WIKI_KEY", "env:WIKI_KEY"),
        ("WIKI_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let environment = site.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let server = Server::start(Setup { environment, ..Setup::default() }).await;
    let api = server.api();
    let scopes = ["policies:read", "policies:write", "configuration:read", "configuration:write", "sessions"];
    let taken_over = pipeline(&api, "pipeline", &scopes).await;
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    let with_shop = |origins: &str, certificates: &str| {
        let shop =
            format!("  shop: {{scopes: [sessions], return_origins: [{origins}], certificates: [{certificates}]}}\n");
        with(&shop)
    };
    let (origin, print) = (format!("\"{ORIGIN}\""), format!("\"{old}\""));
    // One that is not there yet it may make, with all of that.
    apply_with(&taken_over, &with_shop(&origin, &print), json!({})).await.expect(200);
    let wide = in_force(&api).await;
    for (files, what) in [
        (with_shop(&origin, &format!("{print}, \"{new}\"")), new.as_str()),
        (with_shop(&origin, &format!("\"{new}\"")), new.as_str()),
        (with_shop(&format!("{origin}, \"https://evil.example\""), &print), "https://evil.example"),
        (with_shop("\"https://evil.example\"", &print), "https://evil.example"),
        // The pipeline itself is one as well.
        (with(&format!("  pipeline: {{scopes: [{}], certificates: [\"{new}\"]}}\n", scopes.join(", "))), "`pipeline`"),
        // The site goes by whatever is called so.
        (with(&format!("  login: {{scopes: [sessions], certificates: [\"{new}\"]}}\n")), "site `wiki`"),
    ] {
        let problem = apply_with(&taken_over, &files, json!({})).await.expect_problem(403, "forbidden");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`admin`") && detail.contains(what), "{what}: {problem}");
    }
    let shop = application(&api, "shop").await.unwrap();
    assert_eq!((&shop["certificates"], &shop["return_origins"]), (&json!([old]), &json!([ORIGIN])));
    // What it may change it may take away; putting it back takes an administrator, and an older version is no way around that.
    apply_with(&taken_over, &with_shop("", ""), json!({})).await.expect(200);
    let problem = revert(&taken_over, &wide).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("`admin`"), "{problem}");
    assert_eq!(application(&api, "shop").await.unwrap()["certificates"], json!([]));
    revert(&api, &wide).await.expect(200);
    assert_eq!(application(&api, "shop").await.unwrap()["certificates"], json!([old]));
    apply(&api, &with(&format!("  login: {{scopes: [sessions], certificates: [\"{new}\"]}}\n"))).await;
}

/// What stands in force is what `config export` can write and `config apply` reads again: nothing is hidden beside it.
#[tokio::test(flavor = "multi_thread")]
async fn s11_files_are_called_as_the_files_of_a_folder_are() {
    let server = Server::new().await;
    let api = server.api();
    let before = in_force(&api).await;
    for name in [
        "applications",
        "rules.txt",
        "rules.YAML",
        ".rules.yaml",
        "../rules.yaml",
        "a/b.yaml",
        "a\\b.yml",
        "a\n.yaml",
        "",
    ] {
        let mut files = denying("a");
        files[name] = files["rules.yaml"].clone();
        let problem = apply_with(&api, &files, json!({})).await.expect_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], "/files", "{name}: {problem}");
        plan(&api, &files).await.expect_problem(422, "invalid-request");
    }
    assert_eq!(in_force(&api).await, before);
    let mut files = denying("a");
    files["more.yml"] = json!("policy:\n  rules:\n    - {id: b, applies_to: {actions: [b]}, effect: deny}\n");
    apply(&api, &files).await;
}

/// T-18: what is a secret is named by where the server has it.
#[tokio::test(flavor = "multi_thread")]
async fn s11_no_secret_stands_in_a_file() {
    let server = Server::new().await;
    let api = server.api();
    let before = in_force(&api).await;
    for (file, said) in [
        ("gateways:\n  a: {kind: twilio, account: AC1, from: X, secret: hunter2}\n", "no secret stands in a file"),
        ("gateways:\n  a: {kind: vonage, key: k, from: X, secret: \"env:\"}\n", "no secret stands in a file"),
        (
            "gateways:\n  a: {kind: http, url: \"https://x.example\", headers: [\"Authorization: Bearer hunter2\"]}\n",
            "a header's value may be a secret",
        ),
        ("gateways:\n  a: {kind: http, url: \"https://u:hunter2@x.example\"}\n", "looks like a secret"),
        ("gateways:\n  a: {kind: http, url: \"https://x.example/?api_key=hunter2\"}\n", "looks like a secret"),
        ("applications:\n  shop: {scopes: [], key: csk_hunter2}\n", "no key stands in a file"),
    ] {
        let mut files = denying("a");
        files["more.yaml"] = json!(file);
        let problem =
            apply_after(&api, before["id"].as_str().unwrap(), &files).await.expect_problem(422, "policy-mistaken");
        assert!(problem.to_string().contains(said) && !problem.to_string().contains("hunter2"), "{problem}");
        assert_eq!(problem["mistakes"][0]["place"]["file"], "more.yaml", "{problem}");
    }
    // What the operator of the server did not name is handed out to no file: its own secrets would be sent wherever a file says.
    for reference in ["env:PATH", "file:/etc/passwd", "env:COUNTERSIGN_DATABASE"] {
        let mut files = denying("a");
        let gateway =
            format!("gateways:\n  a:\n    kind: http\n    url: https://x.example\n    headers: [\"X: {reference}\"]\n");
        files["gateways.yaml"] = json!(gateway);
        let problem =
            apply_after(&api, before["id"].as_str().unwrap(), &files).await.expect_problem(422, "policy-mistaken");
        assert!(problem.to_string().contains("policy.secrets"), "{problem}");
    }
    assert_eq!(in_force(&api).await, before);
}

async fn of_those_who_apply_at_once_one_does_with_its_applications(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let other = if database == Database::Postgres { Some(server.beside().await) } else { None };
    let there = other.as_ref().map_or_else(|| api.clone(), Server::api);
    apply(&api, &with(&shop("sessions"))).await;
    let id = in_force(&api).await["id"].as_str().unwrap().to_owned();
    let files: Vec<Value> = (0..8).map(|of| with(&format!("{ADMINISTRATOR}  shop: {{scopes: [sessions, users:read], return_origins: [\"https://s{of}.example\"]}}\n  app-{of}: {{scopes: []}}\n"))).collect();
    let seen = plan(&api, &files[0]).await.expect(200)["seen"].clone();
    let all = files.iter().enumerate().map(async |(of, files)| {
        let api = if of % 2 == 0 { &api } else { &there };
        let request = api.request(Method::PUT, "/v1/policies/current").header("if-match", format!("\"{id}\""));
        Api::answer(request.json(&json!({ "files": files, "seen": seen }))).await.unwrap()
    });
    let all = futures_util::future::join_all(all).await;
    let winners: Vec<usize> = (0..8).filter(|of| all[*of].status == 200).collect();
    let [winner] = winners[..] else { panic!("{winners:?} of 8 were applied") };
    for answer in all.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(412, "policy-changed");
    }
    // Of the others nothing is there.
    let origins = application(&api, "shop").await.unwrap()["return_origins"].clone();
    assert_eq!(origins, json!([format!("https://s{winner}.example")]));
    for of in 0..8 {
        assert_eq!(application(&api, &format!("app-{of}")).await.is_some(), of == winner, "{of}");
    }
    // What was planned is applied to what was seen: whoever changes an application in between has it planned again.
    let next = with(&shop("sessions"));
    let planned = plan(&api, &next).await.expect(200);
    let path = format!("/v1/applications/{}", application(&api, "shop").await.unwrap()["id"].as_str().unwrap());
    api.patch(&path, json!({ "scopes": ["challenges"] })).await.expect(200);
    apply_with(&api, &next, json!({ "seen": planned["seen"] })).await.expect_problem(412, "policy-changed");
    let planned = plan(&api, &next).await.expect(200);
    assert_eq!(planned["changed_since"], json!(["shop"]), "{planned}");
    apply_with(&api, &next, json!({ "seen": planned["seen"] })).await.expect(200);
    assert_eq!(application(&api, "shop").await.unwrap()["scopes"], json!(["sessions"]));
    // A certificate goes from one to another in one go, and to two never.
    let prints = |shop: &str, other: &str| {
        with(&format!(
            "{ADMINISTRATOR}  shop: {{scopes: [], certificates: [{shop}]}}\n  other: {{scopes: [], certificates: [{other}]}}\n"
        ))
    };
    let print = format!("\"{}\"", "cd".repeat(32));
    apply(&api, &prints(&print, "")).await;
    apply(&api, &prints("", &print)).await;
    let before = in_force(&api).await;
    apply_with(&api, &prints(&print, &print), json!({})).await.expect_problem(409, "exists");
    assert_eq!(in_force(&api).await, before);
    assert_eq!(application(&api, "shop").await.unwrap()["certificates"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_of_those_who_apply_at_once_one_does_with_its_applications_on_sqlite() {
    of_those_who_apply_at_once_one_does_with_its_applications(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_of_those_who_apply_at_once_one_does_with_its_applications_on_postgresql() {
    of_those_who_apply_at_once_one_does_with_its_applications(Database::Postgres).await;
}

/// Whoever writes the database and not the vault makes nobody an application by it.
async fn a_version_that_was_signed_otherwise_is_not_applied(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    apply(&api, &with(&shop("sessions"))).await;
    let first = in_force(&api).await;
    apply(&api, &with(&shop("users:read"))).await;
    run(
        &server,
        database,
        "UPDATE policies SET files = replace(files, 'scopes: [sessions]', 'scopes: [admin]') WHERE number = 2",
    );
    revert(&api, &first).await.expect_problem(503, "policy-broken");
    assert_eq!(application(&api, "shop").await.unwrap()["scopes"], json!(["users:read"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_version_that_was_signed_otherwise_is_not_applied_on_sqlite() {
    a_version_that_was_signed_otherwise_is_not_applied(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_version_that_was_signed_otherwise_is_not_applied_on_postgresql() {
    a_version_that_was_signed_otherwise_is_not_applied(Database::Postgres).await;
}

async fn what_is_exported_is_planned_without_difference(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Somebody who never applied anything begins with what there is.
    pipeline(&api, "a \"strange\": name, #1", &["sessions", "events:read"]).await;
    let out = server.cli(&["config", "export", &path("first")]);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(said(&out).contains("applications.yaml says what applications there are now"), "{}", said(&out));
    let valid = server.cli(&["config", "validate", &path("first")]);
    assert!(said(&valid).contains(", 2 applications."), "{}", said(&valid));
    let drift = server.cli(&["config", "drift", &path("first")]);
    assert_eq!(drift.status.code(), Some(0), "{}", said(&drift));
    let planned = server.cli(&["config", "plan", &path("first"), "--json"]);
    let planned: Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!((&planned["is_same"], &planned["unlisted"]), (&json!(true), &json!([])), "{planned}");

    // What was applied comes out as it went in, until something else changes an application.
    let written = folder.path().join("mine");
    std::fs::create_dir(&written).unwrap();
    let mut files = with(&format!("# ours\n{}", shop("sessions")));
    files["branding.yaml"] = json!("branding:\n  name: Example Bank\n  logo: logo.svg\n");
    write(&written, &files);
    std::fs::write(written.join("logo.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    std::fs::write(written.join("other.svg"), "no file names this").unwrap();
    let applied = server.cli(&["config", "apply", &path("mine"), "--prune"]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert!(said(&applied).contains("shop is made: `countersign applications rotate-key`"), "{}", said(&applied));
    assert!(said(&applied).contains("a \"strange\": name, #1 is deleted"), "{}", said(&applied));
    assert_eq!(server.cli(&["config", "export", &path("second")]).status.code(), Some(0));
    let same = |name: &str| {
        let of = |folder: &str| std::fs::read(Path::new(&path(folder)).join(name)).unwrap();
        assert_eq!(of("mine"), of("second"), "{name}");
    };
    for name in ["applications.yaml", "rules.yaml", "branding.yaml", "logo.svg"] {
        same(name);
    }
    assert!(!Path::new(&path("second")).join("other.svg").exists());

    what_something_else_changed_is_told_and_put_back_where_that_is_meant(&server, &path).await;
}

/// Of the files in `mine`, which are policy 2, after something else changed the application in them.
async fn what_something_else_changed_is_told_and_put_back_where_that_is_meant(
    server: &Server,
    path: &impl Fn(&str) -> String,
) {
    let api = server.api();
    let id = application(&api, "shop").await.unwrap()["id"].as_str().unwrap().to_owned();
    api.patch(&format!("/v1/applications/{id}"), json!({ "scopes": ["sessions", "users:write"] })).await.expect(200);
    let drift = server.cli(&["config", "drift", &path("mine")]);
    assert_eq!(drift.status.code(), Some(1), "{}", said(&drift));
    for part in [
        "~ applications.shop",
        "- scopes: [\"users:write\",\"sessions\"]",
        "+ scopes: [\"sessions\"]",
        "Changed by something else since policy 2 was applied: shop",
    ] {
        assert!(said(&drift).contains(part), "{part}: {}", said(&drift));
    }
    let plan = server.cli(&["config", "plan", &path("mine")]);
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    assert_eq!(server.cli(&["config", "export", &path("third")]).status.code(), Some(0));
    assert_eq!(server.cli(&["config", "drift", &path("third")]).status.code(), Some(0));
    // It is put back by applying the same files again, once that is meant.
    let unmeant = server.cli(&["config", "apply", &path("mine")]);
    assert_eq!(unmeant.status.code(), Some(1), "{}", said(&unmeant));
    for part in ["- scopes: [\"users:write\",\"sessions\"]", "something else changed since what the files say of shop"]
    {
        assert!(said(&unmeant).contains(part), "{part}: {}", said(&unmeant));
    }
    assert_eq!(application(&api, "shop").await.unwrap()["scopes"], json!(["users:write", "sessions"]));
    let applied = server.cli(&["config", "apply", &path("mine"), "--force"]);
    assert!(
        said(&applied).contains("Policy 3 is in force.") && said(&applied).contains("shop is changed"),
        "{}",
        said(&applied)
    );
    assert_eq!(application(&api, "shop").await.unwrap()["scopes"], json!(["sessions"]));
    // Or by going back to what was: what stood in those files is applied with them.
    api.patch(&format!("/v1/applications/{id}"), json!({ "scopes": ["users:write"] })).await.expect(200);
    let unmeant = server.cli(&["config", "revert", "2"]);
    assert_eq!(unmeant.status.code(), Some(1), "{}", said(&unmeant));
    assert!(said(&unmeant).contains("- scopes: [\"users:write\"]"), "{}", said(&unmeant));
    assert_eq!(application(&api, "shop").await.unwrap()["scopes"], json!(["users:write"]));
    let reverted = server.cli(&["config", "revert", "2", "--force"]);
    assert!(said(&reverted).contains("warning: something else changed `shop`"), "{}", said(&reverted));
    assert!(said(&reverted).contains("shop is changed"), "{}", said(&reverted));
    assert_eq!(application(&api, "shop").await.unwrap()["scopes"], json!(["sessions"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_what_is_exported_is_planned_without_difference_on_sqlite() {
    what_is_exported_is_planned_without_difference(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_what_is_exported_is_planned_without_difference_on_postgresql() {
    what_is_exported_is_planned_without_difference(Database::Postgres).await;
}

/// What a plan says of applications that are used.
#[tokio::test(flavor = "multi_thread")]
async fn s11_a_plan_says_what_would_hurt() {
    let server = Server::new().await;
    let api = server.api();
    let files = with(&format!(
        "{ADMINISTRATOR}  shop: {{scopes: [sessions, enrollments, users:write], return_origins: [\"{}\"]}}\n",
        crate::browser::SHOP
    ));
    apply(&api, &files).await;
    let narrower = with(&format!("{ADMINISTRATOR}  shop: {{scopes: [sessions]}}\n"));
    // Nobody has a key of it: nobody would notice.
    let planned = plan(&api, &narrower).await.expect(200);
    assert_eq!(planned["warnings"], json!([]), "{planned}");
    let shops = key_of(&api, "shop").await;
    let user = shops.user("ana").await;
    let session = shops.session(&user).await;
    let page = json!({ "purpose": "enroll", "session_id": session, "return_url": format!("{}/back", crate::browser::SHOP), "state": "x" });
    shops.post("/v1/pages", page).await.expect(201);
    let planned = plan(&api, &narrower).await.expect(200);
    let said = planned["warnings"].to_string();
    assert!(
        said.contains("`shop` would lose `users:write`, `enrollments`: 1 keys and 0 certificates are good for it now"),
        "{said}"
    );
    assert!(said.contains("would lead back to") && said.contains("no more: 1 are open that do"), "{said}");
    assert_eq!(
        planned["warnings"][0]["place"],
        json!({ "file": "applications.yaml", "line": 4, "column": 3 }),
        "{planned}"
    );
}

/// Whose pages they are is the same on every server, from the next page on.
#[tokio::test(flavor = "multi_thread")]
async fn s11_pages_have_the_branding_of_the_files_in_force() {
    let server = Server::on(Database::Postgres).await;
    let other = server.beside().await;
    let api = server.api();
    let shop = Shop::of(&other.api()).await;
    let session = other.api().session(&other.api().user("ana").await).await;
    for (name, colour) in [("Example Bank", "#1a5fb4"), ("Other Bank", "#ff0000")] {
        let mut files = denying("a");
        files["branding.yaml"] =
            json!(format!("branding:\n  name: {name}\n  colour: \"{colour}\"\n  logo: logo.svg\n"));
        files["logo.svg"] = json!("<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        apply(&api, &files).await;
        let mut browser = shop.enroll_page(&session).await;
        let brand = browser.opens().await.expect(200)["brand"].clone();
        assert_eq!((&brand["name"], &brand["colour"]), (&json!(name), &json!(colour)), "{brand}");
        assert!(brand["logo"].as_str().unwrap().starts_with("data:image/svg+xml;base64,"), "{brand}");
    }
    // Without a word of it, they are nobody's again.
    apply(&api, &denying("b")).await;
    let mut browser = shop.enroll_page(&session).await;
    assert_eq!(browser.opens().await.expect(200)["brand"]["name"], Value::Null);
}

/// A server that lets files name gateways on loopback, whose secret is `hush`.
fn lets_files_name_gateways(database: Database) -> Setup {
    let environment = [
        ("COUNTERSIGN_SMS_COUNTRIES", "DE"),
        ("COUNTERSIGN_SMS_HOME", "DE"),
        ("COUNTERSIGN_OUTSIDE_ALLOWED", "127.0.0.1,localhost"),
        ("COUNTERSIGN_POLICY_SECRETS", "env:SMS_TOKEN"),
        ("SMS_TOKEN", "hush-hush"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Setup { database, environment, ..Setup::default() }
}

/// T-18: whoever applies files has no secret sent to where they listen: whom to call says the provider's kind, or the operator of the server.
#[tokio::test(flavor = "multi_thread")]
async fn s11_t18_a_file_has_no_secret_sent_to_a_host_of_its_own() {
    let server = Server::start(lets_files_name_gateways(Database::Sqlite)).await;
    let api = server.api();
    let before = in_force(&api).await;
    let twilio = "kind: twilio, account: AC1, secret: \"env:SMS_TOKEN\", from: X";
    let http = "kind: http, headers: [\"Authorization: env:SMS_TOKEN\"]";
    for gateway in [
        format!("{http}, url: \"https://evil.example/?to={{{{ to }}}}\""),
        format!("{http}, url: \"https://localhost.evil.example/\""),
        format!("{http}, url: \"https://localhost\\t.evil.example/\""),
        format!("{http}, url: \"https:evil.example/\\\\localhost/\""),
        format!("{http}, url: \"https://evil.example?.localhost/\""),
        format!("{http}, url: \"https://evil.example#localhost/\""),
        format!("{http}, url: \"https://{{# localhost/ #}}evil.example/\""),
        format!("{http}, url: \"https://localhost{{# / #}}.evil.example/\""),
        // Also without one: codes go there.
        "kind: http, url: \"https://evil.example/\"".to_owned(),
        format!("{twilio}, url: \"https://evil.example\""),
        format!("{twilio}, url: \"http://[2001:db8::1]:8080\""),
        "kind: vonage, key: k, secret: \"env:SMS_TOKEN\", from: X, url: \"https://evil.example\"".to_owned(),
        "kind: sns, key: k, secret: \"env:SMS_TOKEN\", region: eu-central-1, url: \"https://evil.example\"".to_owned(),
        "kind: sns, key: k, secret: \"env:SMS_TOKEN\", region: \"x.evil.example/\"".to_owned(),
        "kind: smtp, host: \"evil.example:587\", from: \"a@example.com\", user: a, secret: \"env:SMS_TOKEN\""
            .to_owned(),
    ] {
        let mut files = denying("a");
        files["gateways.yaml"] = json!(format!("gateways:\n  a: {{{gateway}}}\n"));
        let answer = apply_after(&api, before["id"].as_str().unwrap(), &files).await;
        let problem = answer.expect_problem(422, "policy-mistaken");
        let said = problem.to_string();
        assert!(
            ["outside.allowed", "is no region", "names no host"].iter().any(|why| said.contains(why)),
            "{gateway}: {problem}"
        );
        assert!(!said.contains("hush-hush"), "{problem}");
        plan(&api, &files).await.expect_problem(422, "policy-mistaken");
    }
    assert_eq!(in_force(&api).await, before);
    // Where the provider always is, and to where the operator said, it goes.
    for gateway in [
        twilio.to_owned(),
        format!("{http}, url: \"http://127.0.0.1:1/\""),
        format!("{http}, url: \"https://LOCALHOST:1/\""),
    ] {
        let mut files = denying("a");
        files["gateways.yaml"] = json!(format!("gateways:\n  a: {{{gateway}}}\n"));
        plan(&api, &files).await.expect(200);
    }
}

fn carried_by(sms: &SmsApi, mail: &Mailboxes) -> Value {
    let mut files = denying("a");
    files["gateways.yaml"] = json!(format!(
        "gateways:\n  main:\n    kind: twilio\n    account: AC1\n    secret: env:SMS_TOKEN\n    from: Example\n    url: http://127.0.0.1:{}\n  \
         post:\n    kind: smtp\n    host: localhost:{}\n    encryption: none\n    from: Example <no-reply@example.com>\n",
        sms.port, mail.port
    ));
    files
}

/// Messages go by what is in force, without a restart, on every server; and where that cannot be used, as before.
async fn gateways_carry_from_when_they_are_in_force(database: Database) {
    let server = Server::start(lets_files_name_gateways(database)).await;
    let other = if database == Database::Postgres { Some(server.beside().await) } else { None };
    let api = server.api();
    let there = other.as_ref().map_or_else(|| api.clone(), Server::api);
    let (first, second, mail) = (SmsApi::start(), SmsApi::start(), Mailboxes::start());
    // Another server hears of it within a moment.
    let sent = async |to: &SmsApi, user: &str| {
        for again in 0..100 {
            let session = there.session(&there.user(&format!("{user}-{again}")).await).await;
            let answer = hand_over(&there, &session, "sms", "+49 151 23456789").await;
            if !to.taken().is_empty() {
                return answer.expect(200);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no message went there");
    };
    let planned = plan(&api, &carried_by(&first, &mail)).await.expect(200);
    let said = planned.to_string();
    assert!(said.contains("nothing stands in for `main`") && said.contains("env:SMS_TOKEN"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
    apply(&api, &carried_by(&first, &mail)).await;
    sent(&first, "ana").await;
    assert!(first.taken()[0].head.to_lowercase().contains("authorization: basic"), "{:?}", first.taken());
    apply(&api, &carried_by(&second, &mail)).await;
    sent(&second, "ben").await;
    let shown = api.get("/v1/policies/export").await.expect(200).to_string();
    let told = api.all("/v1/events").await;
    assert!(shown.contains("env:SMS_TOKEN") && !shown.contains("hush-hush"), "{shown}");
    assert!(!json!(told).to_string().contains("hush-hush"));
    // Out of the files, nothing carries them any more, and a plan says so before.
    let planned = plan(&api, &denying("b")).await.expect(200);
    assert!(planned["warnings"].to_string().contains("nothing would carry sms any more"), "{planned}");
    apply(&api, &denying("b")).await;
    let session = api.session(&api.user("cleo").await).await;
    assert_ne!(hand_over(&api, &session, "sms", "+49 151 23456789").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_gateways_carry_from_when_they_are_in_force_on_sqlite() {
    gateways_carry_from_when_they_are_in_force(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_gateways_carry_from_when_they_are_in_force_on_every_server() {
    gateways_carry_from_when_they_are_in_force(Database::Postgres).await;
}

/// T-23: a relay is connected to as it is, so a file names only one that the operator of the server named.
#[tokio::test(flavor = "multi_thread")]
async fn s11_t23_a_file_has_nobody_inside_called() {
    let server = Server::start(lets_files_name_gateways(Database::Sqlite)).await;
    let api = server.api();
    let before = in_force(&api).await;
    for host in ["10.0.0.5:6379", "database.internal", "mail.example.com", "[::1]:25"] {
        let mut files = denying("a");
        files["gateways.yaml"] =
            json!(format!("gateways:\n  post: {{kind: smtp, host: \"{host}\", from: \"a@example.com\"}}\n"));
        let problem =
            apply_after(&api, before["id"].as_str().unwrap(), &files).await.expect_problem(422, "policy-mistaken");
        assert!(problem.to_string().contains("outside.allowed"), "{problem}");
    }
    // What the server's own configuration says goes before any file, and that is said.
    let mut setup = lets_files_name_gateways(Database::Sqlite);
    let own = [
        ("COUNTERSIGN_GATEWAY_OWN_KIND", "smtp"),
        ("COUNTERSIGN_GATEWAY_OWN_HOST", "localhost"),
        ("COUNTERSIGN_GATEWAY_OWN_FROM", "a@example.com"),
        ("COUNTERSIGN_BRAND_NAME", "Own"),
    ];
    setup.environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let server = Server::start(setup).await;
    let mut files = carried_by(&SmsApi::start(), &Mailboxes::start());
    files["branding.yaml"] = json!("branding:\n  name: Files\n");
    let planned = plan(&server.api(), &files).await.expect(200);
    let said = planned["warnings"].to_string();
    assert!(
        said.contains("own configuration has gateways") && said.contains("own configuration has a `brand`"),
        "{said}"
    );
}

/// A server that starts makes nobody an application, and uses no gateway that it could not.
#[tokio::test(flavor = "multi_thread")]
async fn s11_a_folder_of_the_configuration_names_gateways_and_no_applications() {
    let folder = tempfile::tempdir().unwrap();
    let (sms, mail) = (SmsApi::start(), Mailboxes::start());
    write(folder.path(), &carried_by(&sms, &mail));
    let mut setup = lets_files_name_gateways(Database::Sqlite);
    setup.arguments.push(format!("--policy-folder={}", folder.path().display()));
    let mut server = Server::start(setup).await;
    let session = server.api().session(&server.api().user("ana").await).await;
    hand_over(&server.api(), &session, "sms", "+49 151 23456789").await.expect(200);
    assert_eq!(sms.settled(1).await.len(), 1);
    server.stop();
    let gateway = "gateways:\n  a: {kind: twilio, account: AC1, from: X, secret: \"env:OTHER\"}\n";
    for (file, said) in [(gateway, "policy.secrets"), ("applications: {evil: {scopes: [admin]}}\n", "config apply")] {
        std::fs::write(folder.path().join("gateways.yaml"), file).unwrap();
        let (status, told) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78), "{told}");
        assert!(told.contains("gateways.yaml:1:") || told.contains("gateways.yaml:2:"), "{told}");
        assert!(told.contains(said), "{told}");
    }
}
