//! Links in messages (W-06, T-13): bound to user and run, good once and for a time; looking at one does nothing, and one that does nothing any more leads to the flow for it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{about_a_user, events, folder, post, run_in, settles, setup, start_as, state_of, until, workflow};
use crate::harness::{Answer, Api, Database, Server};
use crate::messages::Post;

const PUBLIC: &str = "https://mfa.example.com";

/// Somebody is told that they were locked, and can say within an hour that it was not them who wanted it.
fn notice() -> (String, String) {
    workflow(
        "notice",
        r#"
triggers:
  - event: user.suspended
    when: event.data.reason != "workflow"
subject: ${event.user}
steps:
  - id: link
    action: link.create
    with:
      user: ${subject}
      name: not_me
      title: Was this you?
      message: "Your account was locked. <If> that was not you, unlock it."
      button: It was not me
      done: Your account is open again.
      valid_for: 1h
  - id: mail
    action: notify.mail
    with:
      user: ${subject}
      subject: Your account was locked
      message: "Not you? {{ steps.link.url }} until {{ steps.link.expires_at }}"
  - id: answered
    wait:
      event: link.followed
      where: arrived.data.link == steps.link.link
      timeout: 3h
      on_timeout: continue
  - id: which
    switch:
      - when: steps.answered.outcome == "event"
        steps:
          - id: unlock
            action: user.unlock
            with: {user: "${subject}", locked_by: anybody}
"#,
    )
}

/// The flow for whoever comes too late.
fn late() -> (String, String) {
    workflow(
        "late",
        r#"
triggers:
  - event: link.expired_followed
    when: event.data.name == "not_me"
subject: ${event.user}
steps:
  - id: told
    action: event.emit
    with: {name: late, data: {why: "${event.data.reason}"}}
"#,
    )
}

/// What a browser without anything gets.
pub(super) async fn browse(api: &Api, method: Method, path: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Api::answer(client.request(method, format!("{}{path}", api.address))).await.unwrap()
}

/// The same, of somebody whose browser says what they read.
async fn browse_in(api: &Api, method: Method, path: &str, languages: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method, format!("{}{path}", api.address));
    Api::answer(request.header("accept-language", languages)).await.unwrap()
}

/// What stands in the form of a page that somebody has opened.
pub(super) async fn opened(api: &Api, link: &str) -> String {
    let shown = browse(api, Method::GET, link).await;
    let body = body(&shown);
    let value = body.split("<input type=\"hidden\" name=\"press\" value=\"").nth(1);
    let value = value.unwrap_or_else(|| panic!("no form: {body}"));
    value.split('"').next().unwrap().to_owned()
}

/// Presses the button of such a page, in a browser that says whose page that is.
pub(super) async fn press(api: &Api, link: &str, value: &str, site: &str) -> Answer {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}{link}", api.address)).header("sec-fetch-site", site);
    let form = request.header("content-type", "application/x-www-form-urlencoded").body(format!("press={value}"));
    Api::answer(form).await.unwrap()
}

fn body(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The path of the link in the newest mail.
pub(super) fn link_in(mail: &Value) -> String {
    let content = mail["content"].as_str().unwrap().replace("=\r\n", "").replace("=\n", "");
    let begins = format!("{PUBLIC}/links/");
    let at = content.find(&begins).unwrap_or_else(|| panic!("no link: {content}"));
    let token: String =
        content[at + begins.len()..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    assert_eq!(token.len(), 43, "{content}");
    format!("/links/{token}")
}

/// Somebody who was locked, the run that told them, and the path of the link in its mail.
async fn told(post: &Post) -> (String, Value, String) {
    let api = post.api();
    let user = post.with_mailbox("ana", "ana@example.org").await;
    api.post(&format!("/v1/users/{user}/suspend"), json!({})).await.expect(200);
    let run = run_in(&api, "notice", "waiting").await;
    (user, run, link_in(&post.mail.mail()))
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_t13_a_link_in_a_message_counts_once_and_looking_at_it_does_nothing() {
    let folder = folder(&[notice(), late()]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let (user, run, link) = told(&post).await;
    // Scanners and previews look, however often, in whichever way.
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let shown = browse(&api, method.clone(), &link).await;
        assert_eq!(shown.status, 200, "{shown}");
        for (header, value) in
            [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
        {
            assert_eq!(shown.headers.get(header).map(String::as_str), Some(value), "{header}");
        }
        assert!(shown.headers["content-security-policy"].contains("frame-ancestors 'none'"));
        if method == Method::GET {
            let body = body(&shown);
            assert!(
                body.contains("Was this you?") && body.contains("&lt;If&gt;") && body.contains("It was not me"),
                "{body}"
            );
            assert!(body.contains("method=\"post\"") && !body.contains("<script"), "{body}");
        }
    }
    assert_eq!(events(&api, "link.followed").await.len(), 0);
    // Telling that one comes too late by a link that works is nothing.
    assert_eq!(browse(&api, Method::POST, &format!("{link}/late")).await.status, 200);
    assert_eq!(events(&api, "link.expired_followed").await.len(), 0);
    // By sixteen at once, it counts once.
    let all = futures_util::future::join_all((0..16).map(|_| browse(&api, Method::POST, &link))).await;
    let done = all.iter().filter(|answer| answer.status == 200 && body(answer).contains("open again")).count();
    assert_eq!(done, 1, "{:?}", all.iter().map(|answer| answer.status).collect::<Vec<_>>());
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{user}")).await.expect(200)["state"], "active");
    let followed = events(&api, "link.followed").await;
    assert_eq!(followed.len(), 1);
    assert_eq!((&followed[0]["about"]["user"], &followed[0]["data"]["run"]), (&json!(user), &run["id"]));
    assert_eq!(followed[0]["data"]["by"], "link");
    let again = browse(&api, Method::GET, &link).await;
    assert!(again.status == 410 && body(&again).contains("used already"), "{again}");
    // The token stands nowhere: not in the run, its history, the events.
    let token = link.trim_start_matches("/links/");
    let id = run["id"].as_str().unwrap();
    for path in [format!("/v1/runs/{id}"), format!("/v1/runs/{id}/steps?limit=500"), "/v1/events?limit=500".to_owned()]
    {
        assert!(!api.get(&path).await.expect(200).to_string().contains(token), "{path}");
    }
}

/// W-06: a double click is told what a click is; whoever comes afterwards, that it was used.
#[tokio::test(flavor = "multi_thread")]
async fn w06_a_button_that_is_pressed_twice_says_the_same_twice() {
    let folder = folder(&[notice(), late()]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let (_, _, link) = told(&post).await;
    let (value, other) = (opened(&api, &link).await, opened(&api, &link).await);
    assert_ne!(value, other, "each page has its own");
    for _ in 0..2 {
        let pressed = press(&api, &link, &value, "same-origin").await;
        assert!(pressed.status == 200 && body(&pressed).contains("open again"), "{pressed}");
    }
    assert_eq!(events(&api, "link.followed").await.len(), 1);
    let too_late = press(&api, &link, &other, "same-origin").await;
    assert!(too_late.status == 410 && body(&too_late).contains("used already"), "{too_late}");
    // Its user coming too late is what it is, also then.
    assert_eq!(browse(&api, Method::POST, &format!("{link}/late")).await.status, 200);
    assert_eq!(events(&api, "link.expired_followed").await.len(), 1);
}

/// W-06: whoever comes too late is told so, and the flow for it begins: once, however often they come.
#[tokio::test(flavor = "multi_thread")]
async fn w06_t13_an_expired_link_says_so_and_leads_to_the_flow_for_it() {
    let folder = folder(&[notice(), late()]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let (user, run, link) = told(&post).await;
    api.advance(3601).await;
    let shown = browse(&api, Method::GET, &link).await;
    assert!(shown.status == 410 && body(&shown).contains("has expired"), "{shown}");
    let pressed = browse(&api, Method::POST, &link).await;
    assert!(pressed.status == 410 && body(&pressed).contains("has expired"), "{pressed}");
    assert_eq!(state_of(&api, run["id"].as_str().unwrap()).await, "waiting");
    assert_eq!(events(&api, "link.expired_followed").await.len(), 0, "looking is not asking");
    for _ in 0..5 {
        let told = browse(&api, Method::POST, &format!("{link}/late")).await;
        assert!(told.status == 200 && body(&told).contains("We know"), "{told}");
    }
    let flow = run_in(&api, "late", "completed").await;
    assert_eq!(flow["user_id"], user.as_str());
    assert_eq!(api.all("/v1/runs?workflow=late").await.len(), 1);
    let events = events(&api, "link.expired_followed").await;
    assert_eq!((events.len(), &events[0]["data"]["reason"]), (1, &json!("expired")));
    // Once the run is over there is nobody who would hear of it.
    api.post(&format!("/v1/users/{user}/resume"), json!({})).await.expect(200);
    api.post(&format!("/v1/users/{user}/suspend"), json!({})).await.expect(200);
    let second = until("a second one", async || {
        let runs = api.all("/v1/runs?workflow=notice").await;
        runs.into_iter().find(|other| other["id"] != run["id"] && other["state"] == "waiting")
    })
    .await;
    let link = link_in(&post.mail.mail());
    let id = second["id"].as_str().unwrap();
    api.post(&format!("/v1/runs/{id}/cancel"), json!({})).await.expect(200);
    settles(&api, id, "cancelled").await;
    let shown = browse(&api, Method::POST, &link).await;
    assert!(shown.status == 410 && body(&shown).contains("come to its end"), "{shown}");
}

/// W-06: a page speaks the language of who reads it, and says of what a workflow says that it is in another one.
#[tokio::test(flavor = "multi_thread")]
async fn w06_pages_of_links_are_in_the_language_of_who_comes() {
    let folder = folder(&[notice()]);
    let post = post(Database::Sqlite, &folder, &[("COUNTERSIGN_MESSAGES_LANGUAGE", "fr")]).await;
    let api = post.api();
    let (_, _, link) = told(&post).await;
    let theirs = "<h1 lang=\"fr\" dir=\"auto\">Was this you?</h1>";
    for (languages, tag, says, title) in [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Das geht einmal, bis ", theirs),
        ("it, es;q=0.7, de;q=0.5", "es", "Funciona una sola vez, hasta el ", theirs),
        ("zh-CN", "zh-Hans", "只能使用一次", theirs),
        ("en-GB", "en", "This works once, until ", theirs),
        // Who reads none of them is told in the language of the message that they came from.
        ("it", "fr", "Cela marche une seule fois", "<h1 dir=\"auto\">Was this you?</h1>"),
    ] {
        let shown = browse_in(&api, Method::GET, &link, languages).await;
        let body = body(&shown);
        assert!(body.contains(&format!("<html lang=\"{tag}\">")) && body.contains(says), "{languages}: {body}");
        assert!(body.contains(title), "{languages}: {body}");
        assert_eq!(
            (shown.headers["content-language"].as_str(), shown.headers["vary"].as_str()),
            (tag, "accept-language")
        );
    }
    // What it did, that it was used, and what leads nowhere as well.
    for (method, path, status, says) in [
        (Method::POST, link.as_str(), 200, "Erledigt"),
        (Method::GET, link.as_str(), 410, "Dieser Link wurde schon benutzt"),
        (Method::POST, &format!("{link}/late"), 200, "Wir wissen, dass Sie hier waren"),
        (Method::GET, "/links/x", 404, "Dieser Link führt nirgendwohin"),
    ] {
        let answer = browse_in(&api, method, path, "de").await;
        assert!(answer.status == status && body(&answer).contains(says), "{path}: {answer}");
    }
}

/// W-06: what a workflow says in several languages is read in one's own, or else in the one of messages, or in the first that there is.
#[tokio::test(flavor = "multi_thread")]
async fn w06_what_a_workflow_says_in_several_languages_is_read_in_ones_own() {
    let (file, text) = notice();
    let mut text = text;
    for (from, to) in [
        (
            "title: Was this you?",
            "title: {de: Waren Sie das?, fr: \"C’était vous, {{ event.user }}\\u2009?\", zh: 是您吗？}",
        ),
        ("button: It was not me", "button: {en: It was not me, de: Das war ich nicht}"),
        ("done: Your account is open again.", "done: {es: Su cuenta vuelve a estar abierta.}"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let folder = folder(&[(file, text)]);
    let post = post(Database::Sqlite, &folder, &[("COUNTERSIGN_MESSAGES_LANGUAGE", "fr")]).await;
    let api = post.api();
    let (user, _, link) = told(&post).await;
    let french = format!("C’était vous, {user}\u{2009}?");
    let message = "<p lang=\"fr\" dir=\"auto\">Your account was locked.";
    for (languages, title, button, message) in [
        ("de-AT", "<h1 dir=\"auto\">Waren Sie das?</h1>", " dir=\"auto\">Das war ich nicht<", message),
        ("zh-TW, de;q=0.5", "<h1 dir=\"auto\">是您吗？</h1>", " lang=\"en\" dir=\"auto\">It was not me<", message),
        ("en", &format!("<h1 lang=\"fr\" dir=\"auto\">{french}</h1>"), " dir=\"auto\">It was not me<", message),
        (
            "it",
            &format!("<h1 dir=\"auto\">{french}</h1>"),
            " lang=\"en\" dir=\"auto\">It was not me<",
            "<p dir=\"auto\">Your account was locked.",
        ),
    ] {
        let shown = body(&browse_in(&api, Method::GET, &link, languages).await);
        assert!(shown.contains(title) && shown.contains(message), "{languages}: {shown}");
        assert!(shown.contains(&format!("<button class=\"button\"{button}")), "{languages}: {shown}");
    }
    // An application that hands on what somebody reads gets the same; without, it is that of messages.
    let path = format!("/v1/links?user_id={user}");
    let listed = api.get(&path).await.expect(200);
    assert_eq!(
        (&listed["items"][0]["title"], &listed["items"][0]["button"]),
        (&json!(french), &json!("It was not me"))
    );
    let handed_on = api.request(Method::GET, &path).header("accept-language", "de");
    let handed_on = Api::answer(handed_on).await.unwrap().expect(200);
    assert_eq!(handed_on["items"][0]["title"], "Waren Sie das?", "{handed_on}");
    let done = body(&browse_in(&api, Method::POST, &link, "de").await);
    assert!(done.contains("<p lang=\"es\" dir=\"auto\">Su cuenta vuelve a estar abierta.</p>"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_t33_links_are_not_guessed_not_made_up_and_not_asked_for_without_end() {
    let folder = folder(&[notice(), late()]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let (user, _, link) = told(&post).await;
    let listed = api.all(&format!("/v1/links?user_id={user}")).await;
    assert_eq!((listed.len(), &listed[0]["state"], &listed[0]["name"]), (1, &json!("open"), &json!("not_me")));
    // Its id, which is no secret, is no address of it.
    let id = listed[0]["id"].as_str().unwrap();
    let mut other = link.clone();
    let last = if other.ends_with('A') { "E" } else { "A" };
    other.replace_range(other.len() - 1.., last);
    for path in [format!("/links/{id}"), "/links/x".to_owned(), format!("/links/{}", "A".repeat(43)), other] {
        for method in [Method::GET, Method::POST] {
            let answer = browse(&api, method, &path).await;
            assert!(answer.status == 404 && body(&answer).contains("leads nowhere"), "{path}: {answer}");
        }
    }
    // A flood from one network is turned away, and the link is there meanwhile, for whoever has it.
    let mut turned_away = 0;
    for _ in 0..600 {
        turned_away += usize::from(api.get("/links/x").await.status == 429);
    }
    assert!((100..600).contains(&turned_away), "{turned_away} of 600 were turned away");
    assert_eq!(browse(&api, Method::GET, &link).await.status, 200);
    assert_eq!(browse(&api, Method::GET, "/links/x").await.status, 429);
    api.advance(61).await;
    assert_eq!(browse(&api, Method::GET, "/links/x").await.status, 404);
}

/// T-31: what a link does can be done from any session in which the user has proved something.
#[tokio::test(flavor = "multi_thread")]
async fn w06_t31_a_trusted_session_does_what_the_link_does_and_no_other_session_does() {
    let asks = about_a_user(
        "asks",
        r#"
  - id: link
    action: link.create
    with: {user: "${subject}", name: stop, title: A recovery, message: It waits., button: Stop it, valid_for: 1d}
  - id: answered
    wait: {event: link.followed, where: arrived.data.link == steps.link.link, timeout: 1d}
"#,
    );
    let folder = folder(&[asks]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    let run = start_as(&api, "rita", "asks", json!({ "user": ann.user_id })).await;
    let listed = until("a link", async || {
        let links = api.all(&format!("/v1/links?user_id={}", ann.user_id)).await;
        links.into_iter().next()
    })
    .await;
    assert_eq!((&listed["state"], &listed["button"]), (&json!("open"), &json!("Stop it")));
    let path = format!("/v1/links/{}/follow", listed["id"].as_str().unwrap());
    // Somebody else's, and one with a password alone.
    api.post(&path, json!({ "session_id": bob.session_id })).await.expect_problem(404, "not-found");
    let weak = api.session(&ann.user_id).await;
    api.post(&path, json!({ "session_id": weak })).await.expect_problem(403, "step-up-needed");
    // One that is over, and one that is trusted.
    let now = api.advance(31).await;
    let challenge = api.challenge_in(&weak).await;
    api.verify(&challenge, &ann.phone.code_at(now)).await.expect(200);
    let over = api.session(&ann.user_id).await;
    api.delete(&format!("/v1/sessions/{over}")).await;
    api.post(&path, json!({ "session_id": over })).await.expect_problem(410, "session-over");
    let followed = api.post(&path, json!({ "session_id": weak })).await.expect(200);
    assert_eq!(followed["state"], "followed");
    settles(&api, &run, "completed").await;
    let told = events(&api, "link.followed").await;
    assert_eq!((&told[0]["data"]["by"], &told[0]["about"]["session"]), (&json!("session"), &json!(weak)));
    api.post(&path, json!({ "session_id": weak })).await.expect_problem(409, "conflict");
    // W-12: a link goes with the user.
    api.delete(&format!("/v1/users/{}", ann.user_id)).await;
    assert_eq!(api.all(&format!("/v1/links?user_id={}", ann.user_id)).await.len(), 0);
}

/// T-13: a link goes to its user, in a message of its run, whatever somebody else has written into it.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_link_is_sent_by_its_run_to_its_user_and_to_nobody_else() {
    let sends = workflow(
        "sends",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
subject: ${inputs.user}
inputs: {user: {type: user, required: true}, to: {type: user, required: true}, note: {type: text, default: ""}}
steps:
  - id: link
    action: link.create
    with: {user: "${subject}", name: stop, title: A recovery, message: It waits., button: Stop it, valid_for: 1d}
  - id: mail
    action: notify.mail
    with: {user: "${inputs.to}", subject: A link, message: "{{ steps.link.url }} {{ inputs.note }}"}
"#,
    );
    let folder = folder(&[sends]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let ana = post.with_mailbox("ana", "ana@example.org").await;
    let bob = post.with_mailbox("bob", "bob@example.org").await;
    let sent = async |user: &str, to: &str, note: &str, state: &str| {
        let inputs = json!({ "user": user, "to": to, "note": note });
        let run = start_as(&api, "rita", "sends", inputs).await;
        settles(&api, &run, state).await;
        api.get(&format!("/v1/runs/{run}")).await.expect(200)["error"].as_str().unwrap_or_default().to_owned()
    };
    sent(&ana, &ana, "", "completed").await;
    link_in(&post.mail.mail());
    // To somebody else.
    assert!(sent(&ana, &bob, "", "failed").await.contains("somebody else"));
    assert_eq!(post.mail.settled(0).await, 0, "nothing of that was sent");
    // Whoever writes another run's link into it, or one of nobody, keeps nothing back by that, and has nothing to follow.
    let links = api.all(&format!("/v1/links?user_id={ana}")).await;
    let theirs = links[0]["id"].as_str().unwrap();
    for id in [theirs, "lnk_0197a3c05b7c7d3e8f6a1b2c3d4e5f60"] {
        let note = format!("{PUBLIC}/links/{id}");
        sent(&bob, &bob, &note, "completed").await;
        let mail = post.mail.mail();
        let content = mail["content"].as_str().unwrap().replace("=\r\n", "").replace("=\n", "");
        assert!(content.contains(&note), "{content}");
        link_in(&mail);
    }
    assert_eq!(browse(&api, Method::GET, &format!("/links/{theirs}")).await.status, 404);
}
