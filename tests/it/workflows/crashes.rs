//! Whatever dies while runs are under way: each ends as it should, none of its effects on our own data happens twice, and outside effects carry
//! one key (W-04).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::hooks::Hooks;
use super::{events, folder, setup, until, workflow};
use crate::harness::{Api, Database, Noise, Server, Setup, Signal, rounds, signal, soak};

/// What each run does: our own data, somebody else, a wait, both again, and an end that always comes.
fn busy(hooks: &Hooks, rest: &str) -> TempDir {
    folder(&[workflow(
        "busy",
        &format!(
            r#"
triggers:
  - event: user.created
subject: ${{event.user}}
steps:
  - id: first
    action: event.emit
    with: {{name: busy.first}}
  - id: one
    action: http.call
    with: {{url: "{url}", body: {{run: "${{run.id}}", step: one}}}}
    retry: {{limit: 20, backoff: 1s}}
  - id: lock
    action: user.lock
    with: {{user: "${{subject}}"}}
  - id: rest
    wait: {{for: {rest}}}
  - id: both
    parallel:
      - steps:
          - id: two
            action: http.call
            with: {{url: "{url}", body: {{run: "${{run.id}}", step: two}}}}
            retry: {{limit: 20, backoff: 1s}}
      - steps:
          - id: second
            action: event.emit
            with: {{name: busy.second}}
  - id: unlock
    action: user.unlock
    with: {{user: "${{subject}}"}}
finally:
  - id: last
    action: event.emit
    with: {{name: busy.last}}
"#,
            url = hooks.url()
        ),
    )])
}

/// Makes users until told how many there are to be; whoever kills the server in between makes it take longer.
async fn users(api: &Api, from: usize, count: usize) -> usize {
    let mut made = 0;
    for n in from..from + count {
        let body = json!({ "external_id": format!("user-{n}") });
        if let Ok(answer) = api.ask(Method::POST, "/v1/users", Some(body)).await
            && answer.status == 201
        {
            made += 1;
        }
    }
    made
}

/// Looks at all that happened.
async fn look(api: &Api, hooks: &Hooks, least: usize) {
    let users = api.all("/v1/users").await;
    assert!(users.len() >= least, "{} users are few", users.len());
    let limit = Instant::now() + Duration::from_secs(if soak() { 600 } else { 90 });
    let runs = loop {
        let runs = api.all("/v1/runs?workflow=busy").await;
        let open: Vec<&Value> = runs.iter().filter(|run| run["ended_at"].is_null()).collect();
        if runs.len() == users.len() && open.is_empty() {
            break runs;
        }
        assert!(Instant::now() < limit, "{} users, {} runs, not over: {open:#?}", users.len(), runs.len());
        sleep(Duration::from_millis(50)).await;
    };
    let failed: Vec<&Value> = runs.iter().filter(|run| run["state"] != "completed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    let of: BTreeSet<&str> = runs.iter().map(|run| run["user_id"].as_str().unwrap()).collect();
    assert_eq!(of.len(), users.len(), "each user has one run");

    let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in events(api, "event.emitted").await {
        let word = |name: &str| event["data"][name].as_str().unwrap().to_owned();
        *told.entry((word("run"), word("name"))).or_default() += 1;
    }
    assert_eq!(told.len(), 3 * runs.len(), "each of the three was told by each run");
    assert!(told.values().all(|count| *count == 1), "{told:?}");
    for kind in ["user.suspended", "user.resumed", "run.started", "run.completed"] {
        assert_eq!(events(api, kind).await.len(), runs.len(), "{kind}");
    }
    let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for call in hooks.calls() {
        let said = call.json();
        let word = |name: &str| said[name].as_str().unwrap().to_owned();
        keys.entry((word("run"), word("step"))).or_default().insert(call.header("idempotency-key").to_owned());
    }
    assert_eq!(keys.len(), 2 * runs.len(), "each of the two was called by each run");
    assert!(keys.values().all(|keys| keys.len() == 1), "an effect has one key: {keys:?}");
    for run in &runs {
        let id = run["id"].as_str().unwrap();
        let steps = api.all(&format!("/v1/runs/{id}/steps")).await;
        let done = |step: &str| {
            steps.iter().filter(|line| line["step"] == step && line["entry"]["what"] == "step_done").count()
        };
        for step in ["first", "one", "lock", "rest", "two", "second", "unlock", "last"] {
            assert_eq!(done(step), 1, "{step} of {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_kill_9_loses_no_run_and_repeats_no_effect_on_sqlite() {
    kill_9(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_kill_9_loses_no_run_and_repeats_no_effect_on_postgresql() {
    kill_9(Database::OwnPostgres).await;
}

/// Servers, vaults and database servers are killed at random moments of a run, 1,000 of which are under way in the long form.
async fn kill_9(database: Database) {
    let mut noise = Noise::seeded();
    let hooks = Hooks::start();
    hooks.takes(Duration::from_millis(30));
    let folder = busy(&hooks, if soak() { "20s" } else { "1s" });
    let mut server = Server::start(Setup { movable_clock: false, ..setup(database, &folder) }).await;
    let (mut least, mut crashes) = (0, 0);
    for round in 0..rounds(6, 500) {
        let going = under_way(&server.api().patient()).await;
        least += users(&server.api(), round * 1000, rounds(10, 1000).saturating_sub(going)).await;
        sleep(noise.between(Duration::ZERO, Duration::from_millis(1500))).await;
        let pids = server.ready().await;
        // What crashes again and again is started again later and later, by a supervisor that is not killed as well.
        let what = if crashes >= 4 { 2 } else { noise.below(if database == Database::OwnPostgres { 4 } else { 3 }) };
        crashes += 1;
        match what {
            0 => signal(pids.server, Signal::KILL),
            1 => signal(pids.vault, Signal::KILL),
            2 => {
                server.kill();
                server.begin().await;
                crashes = 0;
            }
            _ => server.postgres().crash(),
        }
        server.ready().await;
        if soak() && round % 50 == 49 {
            println!("{} rounds, {least} users at least", round + 1);
        }
    }
    look(&server.api().patient(), &hooks, least).await;
}

/// How many runs are not over, as the server counts them.
async fn under_way(api: &Api) -> usize {
    let mut count = 0;
    for state in ["running", "waiting", "queued", "held"] {
        count += api.all(&format!("/v1/runs?workflow=busy&state={state}")).await.len();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_two_servers_share_runs_while_one_or_the_other_is_killed() {
    let mut noise = Noise::seeded();
    let hooks = Hooks::start();
    hooks.takes(Duration::from_millis(20));
    let folder = busy(&hooks, "1s");
    let one = Server::start(Setup { movable_clock: false, ..setup(Database::Postgres, &folder) }).await;
    let other = one.beside().await;
    let servers = [one, other];
    let mut least = 0;
    for round in 0..rounds(4, 300) {
        let api = servers[round % 2].api();
        least += users(&api, round * 10, 10).await;
        sleep(noise.between(Duration::ZERO, Duration::from_millis(1200))).await;
        let which = usize::from(noise.below(2) == 1);
        let pids = servers[which].ready().await;
        signal(pids.server, Signal::KILL);
        servers[which].ready().await;
    }
    look(&servers[0].api(), &hooks, least).await;
}

/// A server that was paused for longer than its claims last goes on where it was, and writes nothing: another one has them.
#[tokio::test(flavor = "multi_thread")]
async fn w04_a_server_that_lost_its_claims_while_it_was_paused_writes_nothing() {
    let hooks = Hooks::start();
    hooks.takes(Duration::from_secs(3));
    let folder = busy(&hooks, "1s");
    let paused = Server::start(Setup { movable_clock: false, ..setup(Database::Postgres, &folder) }).await;
    assert_eq!(users(&paused.api(), 0, 5).await, 5);
    until("its calls are under way", async || (hooks.calls().len() >= 5).then_some(())).await;
    let pids = paused.ready().await;
    signal(pids.server, Signal::STOP);
    let since = Instant::now();
    let other = paused.beside().await;
    hooks.takes(Duration::from_millis(10));
    // It takes over what it finds, once the claims are over.
    until("the other one goes on", async || (hooks.calls().len() >= 10).then_some(())).await;
    // They were renewed within the last four of their fifteen seconds: it is there, as far as anybody can see.
    assert!(since.elapsed() > Duration::from_secs(10), "it was not waited for: {:?}", since.elapsed());
    signal(pids.server, Signal::CONT);
    paused.ready().await;
    look(&other.api(), &hooks, 5).await;
    let again: Vec<_> = hooks.calls().iter().map(|call| call.header("idempotency-key").to_owned()).collect();
    assert!(again.len() > again.iter().collect::<BTreeSet<_>>().len(), "nothing was taken over: {again:?}");
}

/// W-04: another server on the same PostgreSQL goes on with what one had in hand that was killed, long before its claims are over.
#[tokio::test(flavor = "multi_thread")]
async fn w04_what_a_server_had_in_hand_that_was_killed_goes_on_soon_on_another_one() {
    let hooks = Hooks::start();
    let folder = busy(&hooks, "1s");
    let mut killed = in_hand(&hooks, &folder).await;
    let other = killed.beside().await;
    killed.kill();
    go_on_soon(&other, &hooks).await;
}

/// W-04: so does the next one where there was one alone.
#[tokio::test(flavor = "multi_thread")]
async fn w04_what_a_server_had_in_hand_that_was_killed_goes_on_soon_on_the_next_one() {
    let hooks = Hooks::start();
    let folder = busy(&hooks, "1s");
    let server = in_hand(&hooks, &folder).await;
    signal(server.ready().await.server, Signal::KILL);
    go_on_soon(&server, &hooks).await;
}

/// A server that has five runs in hand, each of which waits for an answer that does not come. Those who ask from now on get one.
async fn in_hand(hooks: &Hooks, folder: &TempDir) -> Server {
    hooks.takes(Duration::from_secs(20));
    let server = Server::start(Setup { movable_clock: false, ..setup(Database::Postgres, folder) }).await;
    assert_eq!(users(&server.api(), 0, 5).await, 5);
    until("its calls are under way", async || (hooks.calls().len() >= 5).then_some(())).await;
    hooks.takes(Duration::from_millis(10));
    server
}

/// Goes on with them in far less than the eleven seconds that claims last for at least, once whoever had them is gone.
async fn go_on_soon(server: &Server, hooks: &Hooks) {
    let since = Instant::now();
    until("they are made again", async || (hooks.calls().len() >= 10).then_some(())).await;
    let stood_still = since.elapsed();
    println!("runs stood still for {stood_still:?}");
    assert!(stood_still < Duration::from_secs(7), "they stood still for {stood_still:?}");
    look(&server.api().patient(), hooks, 5).await;
}
