//! Alerts (S-10, W-11): a flood raises one, which people acknowledge, silence and resolve, and which resolves by itself; whatever dies in between.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::{Api, Database, Noise, Server, Setup, Signal, id, rounds, signal};
use crate::workflows::{events, folder, until};

fn rule(name: &str, rest: &str) -> (String, String) {
    let text = format!("apiVersion: countersign/v1\nkind: Alert\nmetadata: {{name: {name}}}\nseverity: high\n{rest}");
    (format!("{name}.yaml"), text)
}

fn setup(database: Database, folder: &TempDir) -> Setup {
    Setup { database, arguments: vec![format!("--alerts-folder={}", folder.path().display())], ..Setup::default() }
}

async fn users(api: &Api, name: &str, count: usize) {
    for n in 0..count {
        api.user(&format!("{name}-{n}")).await;
    }
}

/// The only alert of a rule in this state.
async fn alert_in(api: &Api, rule: &str, state: &str) -> Value {
    until(state, async || {
        let alerts = api.all(&format!("/v1/alerts?rule={rule}&state={state}")).await;
        assert!(alerts.len() <= 1, "{alerts:?}");
        alerts.into_iter().next()
    })
    .await
}

/// Until whatever there is has been counted: an event of another rule, which comes last, has raised its alert.
async fn counted(api: &Api, name: &str) {
    let mark = api.user(&format!("mark-{name}")).await;
    api.delete(&format!("/v1/users/{mark}")).await.expect(204);
    until("the mark", async || {
        let marks = api.all("/v1/alerts?rule=mark&state=open").await;
        (!marks.is_empty()).then_some(())
    })
    .await;
    for mark in api.all("/v1/alerts?rule=mark&state=open").await {
        let path = format!("/v1/alerts/{}/resolve", mark["id"].as_str().unwrap());
        api.post(&path, json!({ "by": "test" })).await.expect(200);
    }
}

async fn raised(api: &Api, rule: &str) -> Vec<Value> {
    events(api, "alert.raised").await.into_iter().filter(|event| event["data"]["rule"] == rule).collect()
}

fn flood() -> (String, String) {
    rule("flood", "events: [session.registered]\nwindow: 10m\nabove: 5\ncool_down: 15m\n")
}

fn mark() -> (String, String) {
    rule("mark", "events: [user.erased]\nabove: 0\n")
}

async fn sessions(api: &Api, user: &str, count: usize) {
    for _ in 0..count {
        api.session(user).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_w11_a_flood_raises_one_alert_that_people_see_to_on_sqlite() {
    a_flood(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_w11_a_flood_raises_one_alert_that_people_see_to_on_postgresql() {
    a_flood(Database::Postgres).await;
}

async fn a_flood(database: Database) {
    let folder = folder(&[flood(), mark()]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let ann = api.user("ann").await;
    sessions(&api, &ann, 5).await;
    counted(&api, "one").await;
    assert_eq!(raised(&api, "flood").await, Vec::<Value>::new(), "as many as may be");
    sessions(&api, &ann, 40).await;
    counted(&api, "two").await;
    let alert = alert_in(&api, "flood", "open").await;
    assert_eq!(
        (&alert["rule"], &alert["severity"], &alert["bound"]),
        (&json!("flood"), &json!("high"), &json!("above"))
    );
    assert_eq!((&alert["limit"], &alert["count"]), (&json!(5), &json!(45)), "{alert}");
    let told = raised(&api, "flood").await;
    assert_eq!(told.len(), 1, "one, and not forty: {told:?}");
    assert_eq!(
        (&told[0]["data"]["count"], &told[0]["data"]["limit"]),
        (&json!(6), &json!(5)),
        "at the first one too many"
    );

    // Somebody sees to it; who stands where it can be erased.
    let id = alert["id"].as_str().unwrap();
    let path = |what: &str| format!("/v1/alerts/{id}/{what}");
    let seen = api.post(&path("acknowledge"), json!({ "by": "ana", "reason": "looking" })).await.expect(200);
    assert_eq!((&seen["state"], &seen["acknowledged"]["by"]), (&json!("acknowledged"), &json!("ana")));
    let told = events(&api, "alert.acknowledged").await;
    assert_eq!((told[0]["data"].get("by"), &told[0]["details"]["by"]), (None, &json!("ana")), "{told:?}");
    sessions(&api, &ann, 10).await;
    counted(&api, "three").await;
    assert_eq!(raised(&api, "flood").await.len(), 1, "what is open is not raised again");

    // It resolves once there were as few as there should be for long enough, and not before.
    api.advance(14 * 60).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(api.get(&format!("/v1/alerts/{id}")).await.expect(200)["state"], "acknowledged");
    api.advance(2 * 60).await;
    let resolved = alert_in(&api, "flood", "resolved").await;
    assert_eq!((&resolved["id"], &resolved["resolved"]["by"]), (&json!(id), &Value::Null), "{resolved}");
    let told = events(&api, "alert.resolved").await;
    let told: Vec<_> = told.iter().filter(|event| event["data"]["rule"] == "flood").collect();
    assert_eq!((told.len(), &told[0]["data"]["reason"]), (1, &json!("normal")), "{told:?}");
    api.post(&path("acknowledge"), json!({ "by": "ana" })).await.expect_problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_what_is_silenced_is_not_raised_until_its_time_is_over() {
    let folder = folder(&[flood(), mark()]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let ann = api.user("ann").await;
    sessions(&api, &ann, 6).await;
    counted(&api, "one").await;
    let id = alert_in(&api, "flood", "open").await["id"].as_str().unwrap().to_owned();
    let path = |what: &str| format!("/v1/alerts/{id}/{what}");
    let wrong = api.post(&path("silence"), json!({ "by": "ana", "reason": "moving house", "seconds": 0 })).await;
    wrong.expect_problem(422, "invalid-request");
    let body = json!({ "by": "ana", "reason": "moving house", "seconds": 3600 });
    let silenced = api.post(&path("silence"), body).await.expect(200);
    assert_eq!(silenced["silenced"]["reason"], "moving house", "{silenced}");

    // What was counted before somebody resolved it counts no more: with five more there are five.
    api.post(&path("resolve"), json!({ "by": "ana" })).await.expect(200);
    sessions(&api, &ann, 20).await;
    counted(&api, "two").await;
    assert_eq!(raised(&api, "flood").await.len(), 1, "nothing is raised meanwhile");
    api.advance(3601).await;
    sessions(&api, &ann, 5).await;
    counted(&api, "three").await;
    assert_eq!(raised(&api, "flood").await.len(), 1);
    api.session(&ann).await;
    counted(&api, "four").await;
    assert_eq!(raised(&api, "flood").await.len(), 2, "its time is over");
    let output = server.cli(&["alerts", "list", "--state=open"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("flood") && text.contains("high"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_what_is_unusual_at_this_hour_of_the_week_raises_an_alert_and_what_is_usual_none() {
    let rules = [rule("unusual", "events: [session.registered]\nz: 4\nat_least: 10\n"), mark()];
    let folder = folder(&rules);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let ann = api.user("ann").await;
    // Well within an hour, so that none ends while something is counted.
    let into = api.now().await.div_euclid(1000).rem_euclid(3600);
    api.advance(3600 - into + 300).await;
    api.session(&ann).await;
    for week in 0..5 {
        api.advance(7 * 24 * 3600).await;
        sessions(&api, &ann, 12).await;
        counted(&api, &format!("week-{week}")).await;
        assert_eq!(raised(&api, "unusual").await, Vec::<Value>::new(), "week {week}");
    }
    api.advance(7 * 24 * 3600).await;
    sessions(&api, &ann, 40).await;
    counted(&api, "last").await;
    let alert = alert_in(&api, "unusual", "open").await;
    // 12 as a rule, and four times the root of that: 25.
    assert_eq!(
        (&alert["bound"], &alert["usual"], &alert["limit"]),
        (&json!("unusual"), &json!(12), &json!(25)),
        "{alert}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_alerts_of_one_user_go_with_them_and_workflows_are_started_by_alerts() {
    let folder = folder(&[rule("logins", "events: [session.registered]\nby: user\nabove: 2\n"), mark()]);
    let workflows = tempfile::tempdir().unwrap();
    let workflow = "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {name: on_call}\ntriggers:\n  - event: alert.raised\n    when: event.data.rule == \"logins\"\nsubject: ${event.user}\nsteps:\n  - id: lock\n    action: user.lock\n    with: {user: \"${subject}\"}\n";
    std::fs::write(workflows.path().join("on_call.yaml"), workflow).unwrap();
    let mut setup = setup(Database::Sqlite, &folder);
    setup.arguments.push(format!("--workflows-folder={}", workflows.path().display()));
    let server = Server::start(setup).await;
    let api = server.api();
    let (ann, bob) = (api.user("ann").await, api.user("bob").await);
    sessions(&api, &bob, 2).await;
    sessions(&api, &ann, 3).await;
    until("ann is locked", async || {
        let user = api.get(&format!("/v1/users/{ann}")).await.expect(200);
        (user["state"] == "suspended").then_some(())
    })
    .await;
    let alerts = api.all("/v1/alerts?rule=logins").await;
    assert_eq!((alerts.len(), &alerts[0]["user_id"], &alerts[0]["group"]), (1, &json!(ann), &json!(ann)), "{alerts:?}");
    assert_eq!(raised(&api, "logins").await[0]["about"]["user"], json!(ann));
    // Both ids whole, to be copied.
    let text = server.shows(&["alerts", "list"]);
    assert!(text.contains(&id(&alerts[0])) && text.contains(&ann), "{text}");
    // Also where more is told of them at the same time.
    tokio::join!(
        async {
            for _ in 0..20 {
                let _ = api.post("/v1/sessions", json!({ "user_id": bob, "amr": ["pwd"] })).await;
            }
        },
        async {
            for user in [&ann, &bob] {
                api.delete(&format!("/v1/users/{user}")).await.expect(204);
            }
        }
    );
    counted(&api, "erased").await;
    assert_eq!(api.all("/v1/alerts?rule=logins").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_what_many_groups_lead_to_is_fifty_alerts_and_one_for_all_others() {
    let folder = folder(&[rule("each", "events: [user.created]\nby: user\nabove: 0\n")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    users(&api, "user", 70).await;
    let others = until("all others", async || {
        let alerts = api.all("/v1/alerts").await;
        alerts.into_iter().find(|alert| alert["group"] == "*" && alert["count"] == 20)
    })
    .await;
    assert_eq!(others["user_id"], Value::Null, "{others}");
    assert_eq!((&others["bound"], &others["limit"]), (&json!("overflow"), &json!(50)), "it says what it is: {others}");
    assert_eq!(api.all("/v1/alerts").await.len(), 51);
    assert_eq!(events(&api, "alert.raised").await.len(), 51);
}

/// S-10: whoever provokes fifty alerts hides none that is worse, and what somebody sees to stays.
#[tokio::test(flavor = "multi_thread")]
async fn s10_w11_fifty_provoked_alerts_do_not_hide_the_one_that_is_worse() {
    let folder = folder(&[rule("logins", "events: [session.registered]\nby: user\nabove: 1\n")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let mut provoked = Vec::new();
    for n in 0..50 {
        let user = api.user(&format!("user-{n}")).await;
        sessions(&api, &user, 2).await;
        provoked.push(user);
    }
    until("fifty", async || (api.all("/v1/alerts?state=open").await.len() == 50).then_some(())).await;
    let first = api.all("/v1/alerts?state=open").await.into_iter().find(|alert| alert["group"] == provoked[0].as_str());
    let path = format!("/v1/alerts/{}/acknowledge", first.unwrap()["id"].as_str().unwrap());
    api.post(&path, json!({ "by": "ana" })).await.expect(200);
    let real = api.user("real").await;
    sessions(&api, &real, 5).await;
    let alert = until("the real one", async || {
        let alerts = api.all("/v1/alerts?state=open").await;
        alerts.into_iter().find(|alert| alert["group"] == real.as_str() && alert["count"] == 5)
    })
    .await;
    assert_eq!(alert["user_id"], real.as_str());
    let others = api.all("/v1/alerts?state=open").await.into_iter().find(|alert| alert["bound"] == "overflow");
    assert!(others.is_some(), "that there were more is said as well");
    let over = events(&api, "alert.resolved").await;
    assert_eq!((over.len(), &over[0]["data"]["reason"]), (1, &json!("outranked")), "{over:?}");
    assert_eq!(api.all("/v1/alerts?state=acknowledged").await.len(), 1, "what somebody sees to stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_kill_9_loses_no_event_and_counts_none_twice_on_sqlite() {
    kill_9(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_kill_9_loses_no_event_and_counts_none_twice_on_postgresql() {
    kill_9(Database::Postgres).await;
}

/// Every event beyond the first adds to the count of the one alert: so it says how often each was counted.
async fn kill_9(database: Database) {
    let mut noise = Noise::seeded();
    let folder = folder(&[rule("all", "events: [user.created]\nwindow: 24h\nabove: 0\n")]);
    let mut server = Server::start(Setup { movable_clock: false, ..setup(database, &folder) }).await;
    for round in 0..rounds(5, 100) {
        for n in 0..20 {
            let body = json!({ "external_id": format!("user-{round}-{n}") });
            let _ = server.api().ask(Method::POST, "/v1/users", Some(body)).await;
        }
        sleep(noise.between(Duration::ZERO, Duration::from_millis(600))).await;
        if noise.below(2) == 0 {
            signal(server.ready().await.server, Signal::KILL);
        } else {
            server.kill();
            server.begin().await;
        }
        server.ready().await;
    }
    counts_all(&server.api()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_two_servers_count_each_event_once_and_raise_one_alert() {
    let folder = folder(&[rule("all", "events: [user.created]\nwindow: 24h\nabove: 0\n")]);
    let first = Server::start(Setup { movable_clock: false, ..setup(Database::Postgres, &folder) }).await;
    let second = first.beside().await;
    let (one, other) = (first.api(), second.api());
    tokio::join!(users(&one, "one", 150), users(&other, "other", 150));
    counts_all(&one).await;
}

async fn counts_all(api: &Api) {
    let made = events(api, "user.created").await.len();
    until(&format!("{made} are counted"), async || {
        let alerts = api.all("/v1/alerts").await;
        assert!(alerts.len() <= 1, "{alerts:?}");
        let count = alerts.first().and_then(|alert| alert["count"].as_u64()).unwrap_or(0);
        assert!(count <= made as u64, "{count} of {made}");
        (count == made as u64).then_some(())
    })
    .await;
    assert_eq!(events(api, "alert.raised").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_a_rule_that_does_not_hold_is_said_before_anything_starts() {
    let wrong = folder(&[rule("wrong", "events: [push.deneid]\nabove: 1\n")]);
    let mut server = Server::new().await;
    server.stop();
    server.setup().arguments = vec![format!("--alerts-folder={}", wrong.path().display())];
    let (status, log) = server.begin_in_vain();
    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("wrong.yaml:5:10") && log.contains("did you mean `push.denied`?"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_kinds_of_events_are_named_by_their_beginning() {
    let folder = folder(&[flood()]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let kinds =
        |found: Vec<Value>| found.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(events(&api, "alert_rule.*,user.created").await), ["alert_rule.changed"]);
    api.get("/v1/events?kind=nothing.*").await.expect_problem(422, "invalid-request");
}
