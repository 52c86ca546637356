//! What comes of applications by files: who may, what stays, and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Database, Server, Setup};
use crate::policies::{apply_after, denying, in_force, run};

use super::{ADMINISTRATOR, ORIGIN, application, apply, apply_with, key_of, pipeline, plan, revert, shop, with};

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
