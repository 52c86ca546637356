//! Two servers on one PostgreSQL, of which now this and now that is killed (T-22, T-14, S-09): what was revoked by one is allowed by neither from the next
//! request on, whoever answers it and whatever died in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Answer, Api, Database, Noise, Phone, Server, Setup, Signal, real_now, rounds, signal};

/// Callers at once.
const CALLERS: usize = 6;

const POLICY: &str = "
policy:
  otherwise: allow
  rules:
    - id: twice
      applies_to: {actions: [account.close]}
      effect: require
      level: aal2
";

#[tokio::test(flavor = "multi_thread")]
async fn t22_what_was_revoked_on_one_server_is_allowed_on_none_while_they_are_killed() {
    let mut noise = Noise::seeded();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let arguments = vec![format!("--policy-folder={}", folder.path().display())];
    let one =
        Server::start(Setup { database: Database::Postgres, arguments, movable_clock: false, ..Setup::default() });
    let one = one.await;
    let other = one.beside().await;
    let mut servers = [one, other];
    let stop = Arc::new(AtomicBool::new(false));
    let callers = (0..CALLERS).map(|n| {
        let apis = [servers[n % 2].api().apart(), servers[(n + 1) % 2].api().apart()];
        tokio::spawn(revoke_and_ask(apis, format!("caller-{n}"), Arc::clone(&stop)))
    });
    let callers: Vec<_> = callers.collect();
    for _ in 0..rounds(6, 300) {
        sleep(noise.between(Duration::from_millis(100), Duration::from_millis(900))).await;
        let which = usize::from(noise.below(2) == 1);
        kill(&mut servers[which], &mut noise).await;
    }
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    let mut held = 0;
    for caller in callers {
        held += caller.await.unwrap();
    }
    println!("{held} revocations held on the other server");
    assert!(held >= CALLERS, "hardly anything was revoked: {held}");
}

/// Kills the server process, the vault or all there is of a server, and sees to it that it is there again.
async fn kill(server: &mut Server, noise: &mut Noise) {
    let pids = server.ready().await;
    match noise.below(3) {
        0 => signal(pids.server, Signal::KILL),
        1 => signal(pids.vault, Signal::KILL),
        _ => {
            server.kill();
            server.begin().await;
        }
    }
    server.ready().await;
}

/// Takes one thing away after the other on one server, and asks the other right after. Answers how often that was acknowledged, and held.
async fn revoke_and_ask(apis: [Api; 2], name: String, stop: Arc<AtomicBool>) -> usize {
    let mut held = 0;
    for n in 0_usize.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (here, there) = (&apis[n % 2], &apis[(n + 1) % 2]);
        match one_life(here, there, &format!("{name}-{n}"), n).await {
            Some(()) => held += 1,
            // It was interrupted. Whoever is next may find both up again.
            None => sleep(Duration::from_millis(20)).await,
        }
    }
    held
}

/// Somebody logs in here, is let in there, and has something taken away here; `None` where an answer was lost on the way.
async fn one_life(here: &Api, there: &Api, name: &str, n: usize) -> Option<()> {
    let user = text(&made(here, "/v1/users", json!({ "external_id": name })).await?["id"]);
    let session = text(&made(here, "/v1/sessions", json!({ "user_id": user, "amr": ["pwd"] })).await?["id"]);
    let (path, body, action) = match n % 3 {
        0 => (format!("/v1/sessions/{session}"), None, "help.read"),
        1 => (format!("/v1/users/{user}/suspend"), Some(json!({})), "help.read"),
        _ => {
            let phone = enroll(here, &session).await?;
            (format!("/v1/authenticators/{phone}/revoke"), Some(json!({})), "account.close")
        }
    };
    let decide = format!("/v1/sessions/{session}/decide");
    let question = json!({ "action": action });
    let before = ask(there, Method::POST, &decide, Some(question.clone())).await?;
    assert_eq!(before.expect(200)["outcome"], "allow", "{name}");
    let method = if body.is_some() { Method::POST } else { Method::DELETE };
    let revoked = ask(here, method, &path, body).await?;
    assert!(matches!(revoked.status, 200 | 204), "{name}: {revoked}");
    // From here on it is acknowledged: whoever answers, and if it takes until somebody does, says no.
    let limit = Instant::now() + Duration::from_mins(1);
    for api in [there, here] {
        loop {
            match ask(api, Method::POST, &decide, Some(question.clone())).await {
                Some(answer) if answer.status == 200 => {
                    let outcome = answer.json()["outcome"].clone();
                    assert!(outcome != "allow" && n % 3 == 2, "{name}: {path} was answered, and then {answer}");
                    break;
                }
                Some(answer) => {
                    answer.expect_problem(410, "session-over");
                    break;
                }
                None => assert!(Instant::now() < limit, "{name}: nobody answers any more"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Some(())
}

/// Enrolls an app in a session, and answers its id.
async fn enroll(api: &Api, session: &str) -> Option<String> {
    let start = json!({ "session_id": session, "view": "inline", "qr": "none" });
    let started = made(api, "/v1/enrollments", start).await?;
    let enrollment = &started["enrollment"];
    let phone = Phone::with_key(started["view"]["secret"].as_str().unwrap(), enrollment);
    let path = format!("/v1/enrollments/{}/confirm", text(&enrollment["id"]));
    let code = json!({ "code": phone.code_at(real_now()) });
    ask(api, Method::POST, &path, Some(code)).await?.expect(200);
    Some(text(&enrollment["authenticator_id"]))
}

async fn made(api: &Api, path: &str, body: Value) -> Option<Value> {
    Some(ask(api, Method::POST, path, Some(body)).await?.expect(201))
}

/// What comes back; `None` where nothing does, or a 503.
async fn ask(api: &Api, method: Method, path: &str, body: Option<Value>) -> Option<Answer> {
    let answer = timeout(Duration::from_secs(30), api.ask(method, path, body)).await.ok()?.ok()?;
    (answer.status != 503).then_some(answer)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
