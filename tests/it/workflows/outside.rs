//! What runs do elsewhere (W-05): chats, pagers, tickets, validators and text messages, with what none of them may make of it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::somebody::{Somebody, says};
use super::{about_a_user, events, folder, post, run_in, settles, setup, start, state_of, until, workflow};
use crate::harness::{Api, Database, Server, Setup};

/// Starts a run by hand.
/// Everything that is kept of a run, or said of it anywhere.
async fn told(server: &Server, id: &str) -> String {
    let api = server.api();
    let run = api.get(&format!("/v1/runs/{id}")).await.expect(200);
    let steps = Value::from(api.all(&format!("/v1/runs/{id}/steps")).await);
    format!("{}{run}{steps}{}", server.log(), Value::from(api.all("/v1/events").await))
}

/// One step of each kind, about somebody whose name wants to be more than a name.
fn everybody(somebody: &Somebody) -> (String, String) {
    workflow(
        "everybody",
        &format!(
            r#"
triggers:
  - manual: {{roles: [helpdesk]}}
inputs: {{name: {{type: text, required: true}}}}
steps:
  - id: slack
    action: notify.slack
    with: {{webhook: {{secret: env:SLACK}}, message: "{{{{ inputs.name }}}} was locked"}}
  - id: teams
    action: notify.teams
    with: {{webhook: {{secret: env:TEAMS}}, message: "{{{{ inputs.name }}}} was locked"}}
  - id: discord
    action: notify.chat
    with: {{webhook: {{secret: env:CHAT}}, format: discord, message: "{{{{ inputs.name }}}} was locked"}}
  - id: page
    action: notify.page
    with: {{routing_key: {{secret: env:PAGER}}, url: "{page}", severity: critical, message: "{{{{ inputs.name }}}} was locked"}}
  - id: jira
    action: ticket.open
    with:
      system: jira
      url: "{jira}"
      basic: {{secret: env:JIRA}}
      title: "{{{{ inputs.name }}}} was locked"
      message: Look at it.
      fields: {{project: {{key: SEC}}, issuetype: {{name: Task}}}}
  - id: now
    action: ticket.open
    with: {{system: servicenow, url: "{now}", bearer: {{secret: env:NOW}}, title: Locked, message: "For {{{{ steps.jira.id }}}}"}}
  - id: over
    action: event.emit
    with: {{name: told, data: {{jira: "${{steps.jira.url}}", now: "${{steps.now.id}}", page: "${{steps.page.reference}}"}}}}
"#,
            page = somebody.url("/v2/enqueue"),
            jira = somebody.url("/rest/api/2/issue"),
            now = somebody.url("/api/now/table/incident"),
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_chats_pagers_and_tickets_are_told_in_their_own_words_and_a_name_stays_a_name() {
    let somebody = Somebody::start(|asked| match asked.line.as_str() {
        "POST /v2/enqueue" => says(202, &[], r#"{"status": "success", "dedup_key": "known-there"}"#),
        "POST /rest/api/2/issue" => says(201, &[], r#"{"id": "1", "key": "SEC-7"}"#),
        "POST /api/now/table/incident" => says(201, &[], r#"{"result": {"number": "INC7", "sys_id": "ab"}}"#),
        line if line.starts_with("GET /api/now/table/incident?") => says(200, &[], r#"{"result": []}"#),
        _ => says(200, &[], "ok"),
    });
    let folder = folder(&[everybody(&somebody)]);
    let secrets = [
        ("SLACK", somebody.url("/slack/hush-1")),
        ("TEAMS", somebody.url("/teams/hush-2")),
        ("CHAT", somebody.url("/chat/hush-3")),
        ("PAGER", "hush-4".to_owned()),
        ("JIRA", "ana@example.com:hush-5".to_owned()),
        ("NOW", "hush-6".to_owned()),
    ];
    let environment = secrets.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    let name = "<!channel> [Ana](https://evil.example) @everyone";
    let id = start(&api, "everybody", json!({ "name": name })).await;
    settles(&api, &id, "completed").await;
    let asked = somebody.asked();
    let lines: Vec<&str> = asked.iter().map(|one| one.line.split('?').next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "POST /slack/hush-1",
            "POST /teams/hush-2",
            "POST /chat/hush-3",
            "POST /v2/enqueue",
            "POST /rest/api/2/issue",
            "GET /api/now/table/incident",
            "POST /api/now/table/incident",
        ]
    );
    for (one, step) in asked.iter().zip(["slack", "teams", "discord", "page", "jira", "now", "now"]) {
        assert_eq!(one.header("idempotency-key"), format!("{id}/{step}"));
    }
    let [slack, teams, discord, page, jira, _, now] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(slack.json()["blocks"][0]["text"]["type"], "plain_text");
    assert!(slack.json()["text"].as_str().unwrap().starts_with("&lt;!channel&gt;"), "{}", slack.body);
    let card = teams.json()["attachments"][0]["content"].clone();
    assert_eq!((&card["type"], &card["body"][0]["type"]), (&json!("AdaptiveCard"), &json!("RichTextBlock")));
    assert_eq!(discord.json()["allowed_mentions"], json!({ "parse": [] }));
    for said in [&teams.body, &discord.body] {
        assert!(!said.contains("://evil") && !said.contains("@everyone"), "{said}");
    }
    assert!(!discord.body.contains("[Ana]("), "{}", discord.body);
    let page = page.json();
    assert_eq!((&page["event_action"], &page["dedup_key"]), (&json!("trigger"), &json!(format!("{id}/page"))));
    assert_eq!((&page["routing_key"], &page["payload"]["severity"]), (&json!("hush-4"), &json!("critical")));
    assert_eq!(jira.header("authorization"), format!("Basic {}", BASE64.encode(b"ana@example.com:hush-5")));
    assert_eq!(jira.json()["fields"]["project"]["key"], "SEC");
    assert_eq!(
        (now.header("authorization"), &now.json()["correlation_id"]),
        ("Bearer hush-6", &json!(format!("{id}/now")))
    );
    assert_eq!(now.json()["description"], "For SEC-7");
    let emitted = &events(&api, "event.emitted").await[0];
    let details = emitted.to_string();
    for found in ["/browse/SEC-7", "INC7", "known-there"] {
        assert!(details.contains(found), "{found}: {details}");
    }
    // T-18: what is secret stands nowhere, addresses of webhooks among it.
    let told = told(&server, &id).await;
    assert!(!told.contains("hush-"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_who_has_too_much_to_do_says_when_to_come_again_and_is_left_alone_until_then() {
    let somebody = Somebody::start(|_| says(429, &[("retry-after", "600")], ""));
    let tell = workflow(
        "tell",
        r"
triggers:
  - manual: {roles: [helpdesk]}
steps:
  - id: tell
    action: notify.slack
    with: {webhook: {secret: env:SLACK}, message: hello}
    retry: {limit: 3, backoff: 1s, jitter: 0%}
",
    );
    let folder = folder(&[tell]);
    let environment = vec![("SLACK".to_owned(), somebody.url("/hush"))];
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    let id = start(&api, "tell", json!({})).await;
    settles(&api, &id, "waiting").await;
    api.advance(500).await;
    sleep(Duration::from_millis(800)).await;
    assert_eq!(somebody.asked().len(), 1, "it was asked again before its time");
    somebody.now(|_| says(200, &[], "ok"));
    api.advance(120).await;
    settles(&api, &id, "completed").await;
    assert_eq!(somebody.asked().len(), 2);
    // What is refused for good is tried no more.
    somebody.now(|_| says(404, &[], "no_service"));
    let id = start(&api, "tell", json!({})).await;
    settles(&api, &id, "failed").await;
    assert_eq!(somebody.asked().len(), 3);
    // Teams says 200, and in the body that it was not so.
    somebody.now(|_| says(200, &[], "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 403 with ContextId x"));
    let id = start(&api, "tell", json!({})).await;
    settles(&api, &id, "failed").await;
    let told = told(&server, &id).await;
    assert!(!told.contains("hush"), "{told}");
}

/// A ticket that was opened by an attempt whose answer was lost is found, and not opened again.
#[tokio::test(flavor = "multi_thread")]
async fn w05_a_ticket_is_opened_once_where_the_system_can_be_asked() {
    let opened = Arc::new(Mutex::new(0));
    let count = Arc::clone(&opened);
    let somebody = Somebody::start(move |asked| {
        let mut opened = count.lock().unwrap();
        if asked.line.starts_with("GET") {
            let found = if *opened == 0 { "[]" } else { r#"[{"number": "INC1", "sys_id": "ab"}]"# };
            return says(200, &[], &format!(r#"{{"result": {found}}}"#));
        }
        *opened += 1;
        // It was opened, and the answer is lost.
        Vec::new()
    });
    let open = workflow(
        "open",
        &format!(
            r#"
triggers:
  - manual: {{roles: [helpdesk]}}
steps:
  - id: ticket
    action: ticket.open
    with: {{system: servicenow, url: "{}", title: Locked, message: Look}}
    retry: {{limit: 3, backoff: 1s, jitter: 0%}}
"#,
            somebody.url("/api/now/table/incident")
        ),
    );
    let folder = folder(&[open]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let id = start(&api, "open", json!({})).await;
    settles(&api, &id, "waiting").await;
    api.advance(60).await;
    settles(&api, &id, "completed").await;
    assert_eq!(*opened.lock().unwrap(), 1);
}

/// A RADIUS server of its own making.
struct Radius {
    process: Child,
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Radius {
    fn start(manner: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/it/workflows/radius_server.py");
        let mut command = Command::new("/usr/bin/python3");
        command.args([script, "shared-hush", manner]).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line)));
        Self { process, port, said }
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Radius {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn asking(name: &str, with: &str) -> (String, String) {
    workflow(
        name,
        &format!(
            r#"
triggers:
  - manual: {{roles: [helpdesk]}}
subject: ${{inputs.user}}
inputs:
  user: {{type: user, required: true}}
  code: {{type: text, required: true, secret: true}}
steps:
  - id: ask
    action: validator.{name}
    with: {{user: "${{subject}}", code: {{secret: input:code}}, {with}}}
    timeout: 20s
  - id: which
    switch:
      - when: steps.ask.accepted
        steps:
          - id: right
            action: event.emit
            with: {{name: right}}
      - otherwise:
          - id: wrong
            action: event.emit
            with: {{name: wrong}}
"#
        ),
    )
}

async fn emitted(api: &Api) -> Vec<String> {
    let told = events(api, "event.emitted").await;
    told.iter().map(|event| event["data"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_t18_a_radius_server_is_asked_and_the_code_stands_nowhere() {
    let radius = Radius::start("silent_once");
    let with = format!("server: \"127.0.0.1:{}\", shared_secret: {{secret: env:RADIUS}}", radius.port);
    let folder = folder(&[asking("radius", &with)]);
    let environment = vec![("RADIUS".to_owned(), "shared-hush".to_owned())];
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    let user = api.user("ana").await;
    let id = start(&api, "radius", json!({ "user": user, "code": "314159" })).await;
    settles(&api, &id, "completed").await;
    assert_eq!(emitted(&api).await, ["right"]);
    assert_eq!(radius.said(), ["1 ana True"], "the first question was lost, and asked again");
    let wrong = start(&api, "radius", json!({ "user": user, "code": "271828" })).await;
    settles(&api, &wrong, "completed").await;
    assert_eq!(emitted(&api).await, ["right", "wrong"]);
    // By one key it is one run, whichever code was typed: of that nothing is kept to hold against.
    let ran = async |code: &str, who: &str| {
        let inputs = json!({ "user": user, "code": code });
        let body = json!({ "requester": who, "roles": ["helpdesk"], "inputs": inputs });
        let request = api.request(reqwest::Method::POST, "/v1/workflows/radius/runs").json(&body);
        Api::answer(request.header("idempotency-key", "once")).await.unwrap()
    };
    let once = ran("314159", "ana").await.expect(201);
    assert_eq!(ran("271828", "ana").await.expect(201)["id"], once["id"]);
    ran("314159", "bob").await.expect_problem(422, "idempotency-mismatch");
    settles(&api, once["id"].as_str().unwrap(), "completed").await;
    // A code is needed, and a text.
    for inputs in [json!({ "user": user }), json!({ "user": user, "code": 1 })] {
        let body = json!({ "requester": "ana", "roles": ["helpdesk"], "inputs": inputs });
        api.post("/v1/workflows/radius/runs", body).await.expect_problem(422, "invalid-request");
    }
    let told = format!("{}{}", told(&server, &id).await, told(&server, &wrong).await);
    assert!(!told.contains("314159") && !told.contains("271828") && !told.contains("shared-hush"), "{told}");
    let (data, database) = (server.data().join("store"), server.sqlite());
    assert!(database.starts_with(&data));
    for file in std::fs::read_dir(data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for code in [&b"314159"[..], b"271828"] {
            assert!(!bytes.windows(code.len()).any(|part| part == code), "a code stands in the database");
        }
    }
}

/// CVE-2024-3596: whoever sits on the way makes an acceptance of a refusal where nothing but MD5 stands in the way.
#[tokio::test(flavor = "multi_thread")]
async fn w05_a_radius_answer_that_does_not_prove_itself_is_none() {
    for manner in ["unsigned", "forged"] {
        let radius = Radius::start(manner);
        let with = format!("server: \"127.0.0.1:{}\", shared_secret: {{secret: env:RADIUS}}", radius.port);
        let folder = folder(&[asking("radius", &with)]);
        let environment = vec![("RADIUS".to_owned(), "shared-hush".to_owned())];
        let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
        let api = server.api();
        let user = api.user("ana").await;
        let id = start(&api, "radius", json!({ "user": user, "code": "314159" })).await;
        settles(&api, &id, "failed").await;
        assert_eq!(radius.said().len(), 3, "{manner}");
        assert!(emitted(&api).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_a_validator_by_http_says_yes_or_no_and_anything_else_is_neither() {
    let somebody = Somebody::start(|asked| {
        let right = asked.json()["code"] == "314159";
        says(200, &[], &json!({ "accepted": right }).to_string())
    });
    let with = format!("url: \"{}\", bearer: {{secret: env:BEARER}}", somebody.url("/validate"));
    let folder = folder(&[asking("http", &with)]);
    let environment = vec![("BEARER".to_owned(), "hush".to_owned())];
    let server = Server::start(Setup { environment, ..setup(Database::Postgres, &folder) }).await;
    let api = server.api();
    let user = api.user("ana").await;
    for (code, comes) in [("314159", "right"), ("271828", "wrong")] {
        let id = start(&api, "http", json!({ "user": user, "code": code })).await;
        settles(&api, &id, "completed").await;
        assert_eq!(emitted(&api).await.last().unwrap(), comes);
    }
    let asked = somebody.asked();
    assert_eq!((asked[0].header("authorization"), &asked[0].json()["user"]), ("Bearer hush", &json!("ana")));
    for said in [r#"{"accepted": "true"}"#, r#"{"accepted": 1}"#, r#"{"ok": true}"#, "true", "", "<html>"] {
        somebody.now(move |_| says(200, &[], said));
        let id = start(&api, "http", json!({ "user": user, "code": "314159" })).await;
        settles(&api, &id, "failed").await;
    }
    assert_eq!(emitted(&api).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_t24_text_messages_of_workflows_stay_within_the_budgets() {
    let tell = workflow(
        "tell",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
subject: ${inputs.user}
inputs: {user: {type: user, required: true}, message: {type: text, default: Your account was locked.}}
steps:
  - id: sms
    action: notify.sms
    with: {user: "${subject}", message: "{{ inputs.message }}"}
"#,
    );
    let folder = folder(&[tell]);
    let post = post(Database::Sqlite, &folder, &[("COUNTERSIGN_SMS_USER_BUDGET", "4/1h")]).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    // One of the four was the code by which the number was proved.
    for _ in 0..3 {
        let id = start(&api, "tell", json!({ "user": user })).await;
        settles(&api, &id, "completed").await;
    }
    let sent = post.main.taken();
    assert_eq!(sent.last().unwrap().field("Body"), "Your account was locked.");
    let before = sent.len();
    let id = start(&api, "tell", json!({ "user": user })).await;
    settles(&api, &id, "failed").await;
    let failed = api.get(&format!("/v1/runs/{id}")).await.expect(200);
    assert!(failed["error"].as_str().unwrap().contains("a budget for sms is used up (user)"), "{failed}");
    let metrics = String::from_utf8(api.get("/metrics").await.body).unwrap();
    assert!(metrics.contains("countersign_messages_withheld_total{kind=\"sms\",budget=\"user\"} 1"), "{metrics}");
    // What is too long is not sent in any number of pieces; who has no number is not told.
    let long = "long ".repeat(200);
    let id = start(&api, "tell", json!({ "user": user, "message": long })).await;
    settles(&api, &id, "failed").await;
    let bob = api.user("bob").await;
    let id = start(&api, "tell", json!({ "user": bob })).await;
    settles(&api, &id, "failed").await;
    let failed = run_in(&api, "tell", "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("no phone number that was proved"), "{failed}");
    assert_eq!(post.main.taken().len(), before);
    assert_eq!(state_of(&api, &id).await, "failed");
    until("all are over", async || api.all("/v1/runs?state=running").await.is_empty().then_some(())).await;
}

/// T-18: an answer that says what was sent is kept without it, the token of a link and what nobody may see alike.
#[tokio::test(flavor = "multi_thread")]
async fn w05_t18_an_answer_that_echoes_a_link_or_a_secret_is_kept_without_it() {
    let somebody = Somebody::start(|asked| {
        let said =
            json!({ "link": asked.json()["link"], "authorization": asked.header("authorization"), "fine": "thanks" });
        says(200, &[], &said.to_string())
    });
    let echo = about_a_user(
        "echo",
        &format!(
            r#"
  - id: link
    action: link.create
    with: {{user: "${{subject}}", name: stop, title: A recovery, message: It waits., button: Stop it, valid_for: 1d}}
  - id: call
    action: http.call
    with: {{url: "{}", bearer: {{secret: env:BEARER}}, body: {{link: "${{steps.link.url}}"}}}}
  - id: over
    action: event.emit
    with: {{name: over, data: {{link: "${{steps.call.body.link}}", authorization: "${{steps.call.body.authorization}}", fine: "${{steps.call.body.fine}}"}}}}
"#,
            somebody.url("/echo")
        ),
    );
    let folder = folder(&[echo]);
    let environment = vec![("BEARER".to_owned(), "hush-hush".to_owned())];
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    let user = api.user("ana").await;
    let id = start(&api, "echo", json!({ "user": user })).await;
    settles(&api, &id, "completed").await;
    let asked = somebody.asked().remove(0);
    let (body, authorization) = (asked.json(), asked.header("authorization").to_owned());
    let token = body["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!((token.len(), authorization.as_str()), (43, "Bearer hush-hush"));
    let told = told(&server, &id).await;
    assert!(!told.contains(&token) && !told.contains("hush-hush"), "{told}");
    let emitted = events(&api, "event.emitted").await;
    let said = emitted[0]["details"]["data"].as_str().unwrap();
    assert!(
        said.contains("/links/[withheld]") && said.contains("Bearer [withheld]") && said.contains("thanks"),
        "{said}"
    );
}
