//! What a plan, a drift and an export say.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Database, Server};
use crate::policies::{said, write};

use super::{ADMINISTRATOR, application, apply, key_of, pipeline, plan, shop, with};

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
