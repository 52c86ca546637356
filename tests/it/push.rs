//! Push: an app approves, and what an attacker gets from asking, listening, repeating and changing (I-04, T-11, T-13, T-15).

use std::time::Duration;

use serde_json::{Value, json};

use crate::approver::{Approver, Asked, wrong};
use crate::browser::Shop;
use crate::harness::{Answer, Api, Database, Server, Setup};

/// Somebody with an app and a session that is at the second level.
pub(crate) struct Ana {
    pub(crate) user: String,
    pub(crate) session: String,
    pub(crate) app: Approver,
}

/// Connects an app by the API, as an application does that shows the link by itself.
pub(crate) async fn connect(api: &Api, name: &str) -> Ana {
    let started = api.start(name, json!({ "kind": "push", "view": "inline" })).await;
    let link = started.answer["view"]["link"].as_str().unwrap_or_else(|| panic!("{}", started.answer)).to_owned();
    let app = Approver::connects(api, &link).await;
    let view = api.get(&format!("/v1/enrollments/{}/view", started.enrollment_id)).await.expect(200);
    let number = view["prompt"]["number"].as_str().unwrap();
    app.approves(&app.asked().await, number).await.expect(200);
    let confirm = json!({ "prompt_id": view["prompt"]["id"] });
    api.post(&format!("/v1/enrollments/{}/confirm", started.enrollment_id), confirm).await.expect(200);
    Ana { user: started.user_id, session: started.session_id, app }
}

/// Has the phone asked for a challenge.
pub(crate) async fn push(api: &Api, challenge: &str) -> Answer {
    api.post(&format!("/v1/challenges/{challenge}/prompts"), json!({ "kind": "push" })).await
}

fn number(prompt: &Answer) -> String {
    prompt.expect(201)["number"].as_str().unwrap().to_owned()
}

async fn state(api: &Api, challenge: &str) -> Value {
    api.get(&format!("/v1/challenges/{challenge}")).await.expect(200)["state"].clone()
}

async fn count(api: &Api, kind: &str) -> usize {
    api.all(&format!("/v1/events?kind={kind}")).await.len()
}

/// I-04: asked, shown, approved with the number; the session rises, and the application has the assertion.
#[tokio::test(flavor = "multi_thread")]
async fn i04_a_phone_approves_on_sqlite() {
    a_phone_approves(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_a_phone_approves_on_postgresql() {
    a_phone_approves(Database::Postgres).await;
}

async fn a_phone_approves(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    let fresh = api.session(&ana.user).await;
    let context = json!({ "amount": "€ 250.00", "to": "Hanna Weiss", "secret": "not shown" });
    let request = json!({ "session_id": fresh, "action": "transfer", "context": context, "shown": ["amount", "to"] });
    let challenge = api.post("/v1/challenges", request).await.expect(201);
    let prompt = push(&api, &id(&challenge)).await;
    assert_eq!(prompt.expect(201)["state"], "open");

    let asked = ana.app.asked().await;
    assert_eq!(asked.said["shown"], json!([["amount", "€ 250.00"], ["to", "Hanna Weiss"]]));
    assert_eq!((&asked.said["action"], &asked.said["account"]), (&json!("transfer"), &json!("ana")));
    assert_eq!((&asked.said["digits"], &asked.said["challenge_id"]), (&json!(2), &challenge["id"]));
    assert!(!asked.text.contains("not shown"), "{}", asked.text);
    assert!(asked.said.get("number").is_none());
    assert_eq!(ana.app.approves(&asked, &number(&prompt)).await.expect(200)["state"], "approved");

    assert_eq!(state(&api, &id(&challenge)).await, "satisfied");
    assert_eq!(api.get(&format!("/v1/sessions/{fresh}")).await.expect(200)["aal"], "aal2");
    assert!(ana.app.pending().await.is_empty());
    let events = api.all("/v1/events?kind=prompt.answered").await;
    let kept = events.iter().find(|event| event["data"]["prompt"] == asked.said["id"]).unwrap();
    assert!(kept["data"]["signature"].as_str().unwrap().len() == 86, "{kept}");
    assert_eq!(kept["details"]["text"], asked.text);
}

/// I-04, T-13: an app is connected on a page, which shows the number and goes on by itself, with backup codes.
#[tokio::test(flavor = "multi_thread")]
async fn i04_a_phone_is_connected_on_a_page_and_then_approves_on_one() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let mut page = shop.enroll_page(&session).await;
    page.opens().await.expect(200);
    let begun = page.post("begin", json!({ "kind": "push" })).await.expect(200);
    let link = begun["view"]["link"].as_str().unwrap().to_owned();
    assert_eq!(page.opens().await.expect(200)["view"]["link"], Value::Null, "a link is shown once");

    let (app, waited) = tokio::join!(Approver::connects(&api, &link), page.post("wait", json!({})));
    let waited = waited.expect(200);
    let number = waited["view"]["prompt"]["number"].as_str().unwrap_or_else(|| panic!("{waited}")).to_owned();
    assert_eq!(app.asked().await.said["action"], "enroll");
    let asked = app.asked().await;
    let (approved, waited) = tokio::join!(app.approves(&asked, &number), page.post("wait", json!({})));
    approved.expect(200);
    let waited = waited.expect(200);
    assert_eq!(waited["step"], "backup_codes", "{waited}");
    assert_eq!(waited["backup_codes"].as_array().unwrap().len(), 10);
    let listed = api.all(&format!("/v1/users/{user}/authenticators")).await;
    let label = listed.iter().find(|one| one["kind"] == "push").map(|one| one["label"].clone());
    assert_eq!(label, Some(json!("Ana's phone")));

    let challenge =
        id(&api.post("/v1/challenges", json!({ "session_id": session, "action": "pay" })).await.expect(201));
    let mut page = shop.challenge_page(&challenge).await;
    let seen = page.opens().await.expect(200);
    assert_eq!(seen["challenge"]["ways"][0]["kind"], "push", "{seen}");
    let prompted = page.post("prompt", json!({ "kind": "push" })).await.expect(200);
    let number = prompted["prompt"]["number"].as_str().unwrap().to_owned();
    assert_eq!(page.opens().await.expect(200)["prompt"]["number"], number, "also when it is loaded again");
    let asked = app.asked().await;
    assert_eq!(asked.said["asked_from"], json!({ "address": "127.0.0.1" }));
    let (approved, done) = tokio::join!(app.approves(&asked, &number), page.post("wait", json!({})));
    approved.expect(200);
    assert_eq!(done.expect(200)["step"], "done");
}

/// T-13: a link connects one app; a wrong number, a denial or a second app end in nothing.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_link_connects_one_app_and_only_with_the_number() {
    let server = Server::new().await;
    let api = server.api();
    let started = api.start("ana", json!({ "kind": "push", "view": "inline" })).await;
    let link = started.answer["view"]["link"].as_str().unwrap().to_owned();
    let (other, token) = Approver::with_link(&api, &link);
    let wrong_key = json!({ "token": token, "public_key": "BAAA", "name": "x", "signature": "x" });
    other.api.post("/push/enroll", wrong_key).await.expect_problem(422, "invalid-request");
    let elsewhere = Approver { server: "https://evil.example".to_owned(), ..Approver::with_link(&api, &link).0 };
    elsewhere.enrolls(&token, "relayed").await.expect_problem(422, "invalid-request");

    // Sixteen at once: one of them.
    let apps: Vec<Approver> = (0..16).map(|_| Approver::with_link(&api, &link).0).collect();
    let came = futures_util::future::join_all(apps.iter().map(|app| app.enrolls(&token, "a phone"))).await;
    let won: Vec<&Answer> = came.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1);
    for answer in came.iter().filter(|answer| answer.status != 200) {
        answer.expect_problem(404, "not-found");
    }
    let place = came.iter().position(|answer| answer.status == 200).unwrap();
    let mut app = apps.into_iter().nth(place).unwrap();
    app.id = won[0].json()["authenticator_id"].as_str().unwrap().to_owned();

    let confirm = |prompt: Value| {
        let path = format!("/v1/enrollments/{}/confirm", started.enrollment_id);
        let api = api.clone();
        async move { api.post(&path, json!({ "prompt_id": prompt })).await }
    };
    let view = api.get(&format!("/v1/enrollments/{}/view", started.enrollment_id)).await.expect(200);
    confirm(view["prompt"]["id"].clone()).await.expect_problem(422, "proof-rejected");
    let asked = app.asked().await;
    let number = view["prompt"]["number"].as_str().unwrap();
    app.approves(&asked, &wrong(number)).await.expect_problem(422, "proof-rejected");
    app.approves(&asked, number).await.expect(401);
    confirm(view["prompt"]["id"].clone()).await.expect_problem(410, "enrollment-over");
    let listed = api.all(&format!("/v1/users/{}/authenticators", started.user_id)).await;
    assert!(listed.iter().all(|one| one["state"] == "revoked"), "{listed:?}");
}

/// T-15: a flood is one prompt on the phone; then fewer and fewer, then none, and it is told of. A trusted session is asked as always.
#[tokio::test(flavor = "multi_thread")]
async fn t15_a_flood_is_one_prompt_and_then_a_lock_on_sqlite() {
    a_flood(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t15_a_flood_is_one_prompt_and_then_a_lock_on_postgresql() {
    a_flood(Database::Postgres).await;
}

async fn a_flood(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    // Whoever has the password: sessions without a second factor.
    let stolen = api.session(&ana.user).await;
    let mut challenges = Vec::new();
    for _ in 0..100 {
        challenges.push(api.challenge_in(&stolen).await);
    }
    let asked = futures_util::future::join_all(challenges.iter().map(|challenge| push(&api, challenge))).await;
    assert_eq!(asked.iter().filter(|answer| answer.status == 201).count(), 1, "one prompt");
    for answer in asked.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "conflict");
    }
    assert_eq!(ana.app.pending().await.len(), 1);

    // Trusted, the person is asked all the same, and what was there goes.
    let own = api.challenge_in(&ana.session).await;
    let prompt = push(&api, &own).await;
    let asked = ana.app.asked().await;
    assert_eq!(asked.said["challenge_id"], json!(own));
    ana.app.approves(&asked, &number(&prompt)).await.expect(200);

    // Denied, ignored: after three it waits, and in a day there are ten.
    let mut made = 1;
    let mut held_back = 0;
    for minute in 0..24 * 60 {
        if minute % 4 == 0 {
            let challenge = api.challenge_in(&api.session(&ana.user).await).await;
            let answer = push(&api, &challenge).await;
            if answer.status == 201 {
                made += 1;
                if made % 2 == 0 {
                    ana.app.answers(&ana.app.asked().await, "deny", None).await.expect(200);
                }
            } else {
                answer.expect_problem(409, "push-held-back");
                held_back += 1;
            }
            assert!(made <= 10, "at {minute}");
        }
        if minute == 20 {
            assert_eq!(made, 4, "three at once, one more after five minutes");
        }
        api.advance(60).await;
        if minute > 60 * 8 {
            break;
        }
    }
    assert!(made <= 10 && held_back > 50, "{made} {held_back}");
    assert_eq!(count(&api, "push.held_back").await, held_back);
    assert!(count(&api, "push.denied").await > 1);
}

/// T-15: one number is tried, whoever has the key and however many are sent at once.
#[tokio::test(flavor = "multi_thread")]
async fn t15_of_many_numbers_at_once_one_is_tried() {
    let server = Server::new().await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    let challenge = api.challenge_in(&ana.session).await;
    let right = number(&push(&api, &challenge).await);
    let asked = ana.app.asked().await;
    let wrong: Vec<String> = (0..64).map(|n| format!("{n:02}")).filter(|number| *number != right).collect();
    let answers = futures_util::future::join_all(wrong.iter().map(|number| ana.app.approves(&asked, number))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 422).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 410 | 422)), "{answers:?}");
    ana.app.approves(&asked, &right).await.expect_problem(410, "prompt-over");
    assert_eq!(state(&api, &challenge).await, "open", "by another way it can still be proved");
    assert_eq!(count(&api, "prompt.mismatched").await, 1);
}

/// T-15: who says that it was somebody else ends it, tells of it, and has peace.
#[tokio::test(flavor = "multi_thread")]
async fn t15_this_was_not_me() {
    let server = Server::new().await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    let stolen = api.session(&ana.user).await;
    let challenge = api.challenge_in(&stolen).await;
    push(&api, &challenge).await.expect(201);
    let asked = ana.app.asked().await;
    assert_eq!(ana.app.answers(&asked, "fraud", None).await.expect(200)["state"], "reported");
    assert_eq!(state(&api, &challenge).await, "cancelled");
    let told = api.all("/v1/events?kind=authenticator.fraud_reported").await;
    assert_eq!(told[0]["about"]["user"], json!(ana.user));
    // The very same answer again gets the same; another one nothing.
    assert_eq!(ana.app.answers(&asked, "fraud", None).await.expect(200)["state"], "reported");
    ana.app.answers(&asked, "deny", None).await.expect_problem(410, "prompt-over");
    push(&api, &api.challenge_in(&stolen).await).await.expect_problem(409, "push-held-back");
    api.advance(3700).await;
    push(&api, &api.challenge_in(&api.session(&ana.user).await).await).await.expect(201);
}

/// T-11: what was signed for one action, one text, one server, one answer is nothing to another.
#[tokio::test(flavor = "multi_thread")]
async fn t11_a_signature_is_for_what_was_shown_and_nothing_else() {
    let server = Server::new().await;
    let api = server.api();
    let (ana, bob) = (connect(&api, "ana").await, connect(&api, "bob").await);
    let challenge = api.challenge_in(&ana.session).await;
    let right = number(&push(&api, &challenge).await);
    let asked = ana.app.asked().await;
    let changed = Asked { text: asked.text.replace("login", "transfer"), ..asked.clone() };
    assert_ne!(changed.text, asked.text, "{}", asked.text);
    ana.app.approves(&changed, &right).await.expect_problem(422, "proof-rejected");
    let spelled = Asked { text: asked.said.to_string(), ..asked.clone() };
    if spelled.text != asked.text {
        ana.app.approves(&spelled, &right).await.expect_problem(422, "proof-rejected");
    }
    // An answer that was signed with another number, or as another answer.
    let mut body = ana.app.answer(&asked, "approve", Some(&wrong(&right)));
    body["number"] = json!(right);
    ana.app.ask("/push/answer", &body).await.expect_problem(422, "proof-rejected");
    let mut body = ana.app.answer(&asked, "deny", None);
    body["answer"] = json!("approve");
    body["number"] = json!(right);
    ana.app.ask("/push/answer", &body).await.expect_problem(422, "proof-rejected");
    for body in
        [json!({ "answer": "approve" }), json!({ "answer": "deny", "number": "12" }), json!({ "answer": "yes" })]
    {
        let mut answer = ana.app.answer(&asked, "deny", None);
        answer.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        ana.app.ask("/push/answer", &answer).await.expect_problem(422, "invalid-request");
    }
    // Somebody else's phone.
    bob.app.approves(&asked, &right).await.expect_problem(404, "not-found");
    assert!(bob.app.pending().await.is_empty());
    // None of that was an answer.
    ana.app.approves(&asked, &right).await.expect(200);
    assert_eq!(state(&api, &challenge).await, "satisfied");
    // And what was approved approves nothing more.
    assert_eq!(ana.app.approves(&asked, &right).await.expect(200)["state"], "approved");
    let next = api.challenge_in(&ana.session).await;
    push(&api, &next).await.expect(201);
    ana.app.approves(&asked, &right).await.expect(200);
    assert_eq!(state(&api, &next).await, "open");
}

/// What listens on the wire, or has a number and no key, gets nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn t11_requests_are_good_once_in_their_time_with_their_key() {
    let server = Server::new().await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    let now = api.now().await;
    let header = ana.app.header("POST", "/push/pending", "{}", now);
    ana.app.send("/push/pending", "{}", &header).await.expect(200);
    ana.app.send("/push/pending", "{}", &header).await.expect_problem(409, "request-repeated");
    for (off, status) in [(-61_000, 401), (-55_000, 200), (55_000, 200), (65_000, 401)] {
        let header = ana.app.header("POST", "/push/pending", "{}", api.now().await + off);
        let answer = ana.app.send("/push/pending", "{}", &header).await;
        assert_eq!(answer.status, status, "{off}");
        if status == 401 {
            answer.expect_problem(401, "device-clock");
            assert!(answer.headers.contains_key("date"));
        }
    }
    let header = || ana.app.header("POST", "/push/pending", "{}", now);
    let mut refused = vec![String::new(), "nothing".to_owned(), header().replace("ath_", "usr_")];
    refused.push(ana.app.header("POST", "/push/subscribe", "{}", now));
    refused.push(ana.app.header("GET", "/push/pending", "{}", now));
    refused.push(ana.app.header("POST", "/push/pending", "{ }", now));
    let thief = Approver { id: ana.app.id.clone(), ..Approver::with_link(&api, "http://x/authenticator#enroll=x").0 };
    let thief = Approver { server: ana.app.server.clone(), ..thief };
    refused.push(thief.header("POST", "/push/pending", "{}", now));
    let elsewhere = Approver { server: "https://evil.example".to_owned(), id: ana.app.id.clone(), ..thief };
    refused.push(elsewhere.header("POST", "/push/pending", "{}", now));
    let first = ana.app.send("/push/pending", "{}", &refused[0]).await.without_date();
    first.expect_problem(401, "device-unknown");
    for header in &refused {
        let answer = ana.app.send("/push/pending", "{}", header).await.without_date();
        assert_eq!(answer, first, "{header}");
    }
    // Reported lost, it is refused at once.
    let path = format!("/v1/authenticators/{}", ana.app.id);
    let mut followed = ana.app.follows().await;
    api.post(&format!("{path}/report-lost"), json!({})).await.expect(200);
    let answer = ana.app.ask("/push/pending", &json!({})).await;
    answer.expect_problem(401, "device-unknown");
    assert_eq!(followed.next().await, None, "and its stream ends");
}

/// An app that follows is told at once, also by another server, which shares nothing but the database.
#[tokio::test(flavor = "multi_thread")]
async fn i04_two_servers_are_one() {
    let arguments = vec!["--public-url=https://mfa.example.org".to_owned()];
    let setup = Setup { database: Database::Postgres, movable_clock: false, arguments, ..Setup::default() };
    let first = Server::start(setup).await;
    let second = first.beside().await;
    let api = first.api();
    let ana = connect(&api, "ana").await;
    let app = Approver { api: Api::new(&second.api().address, ""), ..ana.app };
    let mut followed = app.follows().await;
    let challenge = api.challenge_in(&ana.session).await;
    let begun = tokio::time::Instant::now();
    let prompt = push(&api, &challenge).await;
    let (event, text) = followed.next().await.unwrap();
    assert_eq!(event, "prompt");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let asked = Asked::of(&text);
    // Both answers at once, one at each server: one counts.
    let here = Approver { api: Api::new(&api.address, ""), ..app.again() };
    let right = number(&prompt);
    let wrong = wrong(&right);
    let (one, other) = tokio::join!(app.approves(&asked, &right), here.approves(&asked, &wrong));
    let statuses = [one.status, other.status];
    assert!([[200, 410], [410, 422]].contains(&statuses), "{statuses:?}");
    let (event, over) = followed.next().await.unwrap();
    let over: Value = serde_json::from_str(&over).unwrap();
    let ended = if statuses[0] == 200 { "approved" } else { "mismatched" };
    assert_eq!((event.as_str(), &over["state"]), ("over", &json!(ended)));
    assert_eq!(state(&second.api(), &challenge).await == "satisfied", statuses[0] == 200);
}

/// T-19: whether there is such a user, and whether the phone is asked, is not told to whoever has given no first factor.
#[tokio::test(flavor = "multi_thread")]
async fn t19_who_has_given_no_first_factor_learns_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    let seen = |answer: &Answer| {
        let mut body = answer.expect(201);
        for member in ["id", "number", "expires_at"] {
            assert!(body[member].is_string(), "{body}");
            body[member] = Value::Null;
        }
        body
    };
    let ask = |name: &'static str| {
        let api = api.clone();
        async move {
            let request = json!({ "external_id": name, "action": "login" });
            push(&api, &id(&api.post("/v1/challenges", request).await.expect(201))).await
        }
    };
    let nobody = seen(&ask("nobody").await);
    for _ in 0..20 {
        assert_eq!(seen(&ask("ana").await), nobody);
        api.advance(130).await;
    }
    assert!(ana.app.pending().await.len() <= 1);
    assert!(count(&api, "push.held_back").await == 0);
}

/// A subscription is changed by newer requests only.
#[tokio::test(flavor = "multi_thread")]
async fn i04_an_app_says_how_it_is_woken_up() {
    let server = Server::new().await;
    let api = server.api();
    let ana = connect(&api, "ana").await;
    let point = "B".repeat(87);
    let delivery =
        json!({ "web_push": { "endpoint": "https://push.example/1", "p256dh": point, "auth": "A".repeat(22) } });
    let body = json!({ "delivery": delivery }).to_string();
    let old = ana.app.header("POST", "/push/subscribe", &body, api.now().await - 1000);
    ana.app.ask("/push/subscribe", &json!({ "delivery": { "fcm": "token" } })).await.expect(200);
    ana.app.send("/push/subscribe", &body, &old).await.expect_problem(409, "request-repeated");
    api.advance(1).await;
    ana.app.ask("/push/subscribe", &json!({ "delivery": delivery })).await.expect(200);
    api.advance(1).await;
    ana.app.ask("/push/subscribe", &json!({ "delivery": null })).await.expect(200);
    for wrong in [
        json!({ "web_push": { "endpoint": "http://push.example", "p256dh": point, "auth": "A".repeat(22) } }),
        json!({ "web_push": { "endpoint": "https://push.example", "p256dh": "B", "auth": "A".repeat(22) } }),
        json!({ "fcm": "" }),
        json!({ "smoke": "signals" }),
    ] {
        ana.app.ask("/push/subscribe", &json!({ "delivery": wrong })).await.expect_problem(422, "invalid-request");
    }
    let challenge = api.challenge_in(&ana.session).await;
    let prompt = push(&api, &challenge).await;
    ana.app.approves(&ana.app.asked().await, &number(&prompt)).await.expect(200);
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap_or_else(|| panic!("{thing}")).to_owned()
}
