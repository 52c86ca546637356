//! Codes by text message and mail (I-03), with gateways that fail (W-06) and are abused (T-24).

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::alike::{T_LIMIT, median, welch};
use crate::browser::Shop;
use crate::harness::{Answer, Api, Database, Mailboxes, Noise, Server, Setup, SmsApi, detour, rounds};

const ANA: &str = "+49 151 23456789";
const PUBLIC: &str = "https://mfa.example.com";

/// A server with two gateways for text messages and one for mail.
pub(crate) struct Post {
    server: Server,
    pub(crate) main: SmsApi,
    pub(crate) spare: SmsApi,
    pub(crate) mail: Mailboxes,
}

impl Post {
    pub(crate) async fn on(database: Database) -> Self {
        Self::with(database, &[]).await
    }

    pub(crate) async fn with(database: Database, more: &[(&str, &str)]) -> Self {
        Self::at(database, more, |_, port| port).await
    }

    /// One whose gateways take from some hundredths to some tenths of a second, another time each time.
    async fn far(more: &[(&str, &str)]) -> Self {
        let millis = Duration::from_millis;
        let away = |is_mail, port| {
            // A mail takes several pieces of talk, a text message one or two.
            let (least, most) = if is_mail { (millis(5), millis(60)) } else { (millis(30), millis(350)) };
            detour(port, least, most)
        };
        Self::at(Database::Sqlite, more, away).await
    }

    /// One whose gateways are at other ports than their own.
    async fn at(database: Database, more: &[(&str, &str)], away: impl Fn(bool, u16) -> u16) -> Self {
        let (main, spare, mailboxes) = (SmsApi::start(), SmsApi::start(), Mailboxes::start());
        let carrier = |name: &str, api: &SmsApi, weight: &str| {
            [
                ("KIND", "twilio".to_owned()),
                ("ACCOUNT", "AC1".to_owned()),
                ("SECRET", "env:SMS_TOKEN".to_owned()),
                ("FROM", "Example".to_owned()),
                ("WEIGHT", weight.to_owned()),
                ("URL", format!("http://127.0.0.1:{}", away(false, api.port))),
            ]
            .map(|(key, value)| (format!("COUNTERSIGN_GATEWAY_{name}_{key}"), value))
        };
        let mut environment: Vec<(String, String)> = Vec::new();
        environment.extend(carrier("MAIN", &main, "1"));
        environment.extend(carrier("SPARE", &spare, "0"));
        let relay = format!("localhost:{}", away(true, mailboxes.port));
        let fixed = [
            ("COUNTERSIGN_GATEWAY_MAIL_KIND", "smtp"),
            ("COUNTERSIGN_GATEWAY_MAIL_HOST", &relay),
            ("COUNTERSIGN_GATEWAY_MAIL_ENCRYPTION", "none"),
            ("COUNTERSIGN_GATEWAY_MAIL_FROM", "Example <no-reply@example.com>"),
            ("COUNTERSIGN_SMS_COUNTRIES", "DE,AT"),
            ("COUNTERSIGN_SMS_HOME", "DE"),
            ("COUNTERSIGN_OUTSIDE_ALLOWED", "127.0.0.1"),
            ("COUNTERSIGN_PUBLIC_URL", PUBLIC),
            ("SMS_TOKEN", "hush"),
        ];
        let overridden = |name: &str| more.iter().any(|(other, _)| *other == name);
        let fixed = fixed.iter().filter(|(name, _)| !overridden(name));
        // What is overridden with nothing is not set at all.
        let more = more.iter().filter(|(_, value)| !value.is_empty());
        let given = fixed.chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        environment.extend(given);
        let server = Server::start(Setup { database, environment, ..Setup::default() }).await;
        Self { server, main, spare, mail: mailboxes }
    }

    pub(crate) fn api(&self) -> Api {
        self.server.api()
    }

    pub(crate) fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Ana, with a phone that gets text messages.
    pub(crate) async fn ana(&self) -> (String, String) {
        let api = self.api();
        let user = api.user("ana").await;
        let session = api.session(&user).await;
        let prompt = hand_over(&api, &session, "sms", ANA).await.expect(200);
        let (enrollment, prompt) = (text(&prompt["enrollment"]), text(&prompt["prompt"]["id"]));
        let code = self.main.next().await.code();
        confirm(&api, &enrollment, &code, &prompt).await.expect(200);
        (user, session)
    }

    /// Somebody with a mailbox that was proved.
    pub(crate) async fn with_mailbox(&self, name: &str, address: &str) -> String {
        let api = self.api();
        let user = api.user(name).await;
        let session = api.session(&user).await;
        let view = hand_over(&api, &session, "email", address).await.expect(200);
        let (enrollment, prompt) = (text(&view["enrollment"]), text(&view["prompt"]["id"]));
        confirm(&api, &enrollment, &self.mail.code(), &prompt).await.expect(200);
        user
    }

    async fn events(&self, kind: &str) -> Vec<Value> {
        self.api().all(&format!("/v1/events?kind={kind}")).await
    }

    /// The same, once there are so many: what is sent by itself is told of by itself.
    async fn so_many_events(&self, kind: &str, count: usize) -> Vec<Value> {
        for _ in 0..500 {
            let events = self.events(kind).await;
            if events.len() >= count {
                return events;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.events(kind).await
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Starts an enrollment and asks for what it hands over; the enrollment's id is added to the answer.
pub(crate) async fn hand_over(api: &Api, session: &str, kind: &str, address: &str) -> Answer {
    let wish = json!({ "session_id": session, "kind": kind, "address": address });
    let started = api.post("/v1/enrollments", wish).await;
    if started.status != 201 {
        return started;
    }
    let enrollment = text(&started.json()["enrollment"]["id"]);
    let mut answer = api.get(&format!("/v1/enrollments/{enrollment}/view")).await;
    if answer.status == 200 {
        let mut view = answer.json();
        view["enrollment"] = enrollment.into();
        answer.body = view.to_string().into_bytes();
    }
    answer
}

pub(crate) async fn confirm(api: &Api, enrollment: &str, code: &str, prompt: &str) -> Answer {
    let proof = json!({ "code": code, "prompt_id": prompt });
    api.post(&format!("/v1/enrollments/{enrollment}/confirm"), proof).await
}

pub(crate) async fn prompt(api: &Api, challenge: &str, kind: &str) -> Answer {
    api.post(&format!("/v1/challenges/{challenge}/prompts"), json!({ "kind": kind })).await
}

pub(crate) async fn verify(api: &Api, challenge: &str, code: &str, prompt: &str) -> Answer {
    let proof = json!({ "code": code, "prompt_id": prompt });
    api.post(&format!("/v1/challenges/{challenge}/verify"), proof).await
}

fn another(code: &str) -> String {
    if code == "000000" { "000001".to_owned() } else { "000000".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_codes_by_text_message_enroll_and_prove_on_sqlite() {
    codes_by_text_message(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_codes_by_text_message_enroll_and_prove_on_postgresql() {
    codes_by_text_message(Database::Postgres).await;
}

async fn codes_by_text_message(database: Database) {
    let post = Post::on(database).await;
    let api = post.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let view = hand_over(&api, &session, "sms", "0151 / 234 567 89").await.expect(200);
    let prompt_id = text(&view["prompt"]["id"]);
    assert_eq!(view["prompt"]["to"], "•••789", "{view}");
    assert!(view["prompt"]["resend_at"].is_string(), "{view}");
    let sms = post.main.next().await;
    assert_eq!((sms.field("To"), sms.field("From")), ("+4915123456789", "Example"));
    assert_eq!(sms.path, "/2010-04-01/Accounts/AC1/Messages.json");
    let last = sms.field("Body").lines().last().unwrap().to_owned();
    assert_eq!(last, format!("@mfa.example.com #{}", sms.code()));

    let enrollment = text(&view["enrollment"]);
    confirm(&api, &enrollment, &another(&sms.code()), &prompt_id).await.expect(422);
    let confirmed = confirm(&api, &enrollment, &sms.code(), &prompt_id).await.expect(200);
    assert_eq!(confirmed["authenticator"]["kind"], "sms");

    let challenge = api.challenge_in(&session).await;
    let asked = prompt(&api, &challenge, "sms").await.expect(201);
    assert_eq!(asked["to"], "•••789");
    let (prompt_id, code) = (text(&asked["id"]), post.main.next().await.code());
    assert_ne!(code, sms.code(), "a code was sent twice");
    let rejected = verify(&api, &challenge, &another(&code), &prompt_id).await.expect(422);
    assert_eq!(rejected["type"], "/problems/proof-rejected");
    let verified = verify(&api, &challenge, &code, &prompt_id).await.expect(200);
    assert!(verified["assertion"].is_string(), "{verified}");
    verify(&api, &challenge, &code, &prompt_id).await.expect(410);
    // Nor for another challenge.
    let other = api.challenge_in(&session).await;
    verify(&api, &other, &code, &prompt_id).await.expect(422);

    let sent = post.events("code.sent").await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!((&sent[0]["data"]["gateway"], &sent[0]["data"]["kind"]), (&json!("main"), &json!("sms")));
    // T-18: neither code nor number stands in what is told or logged.
    let told = format!("{}{}", post.server.log(), Value::from(api.all("/v1/events").await));
    for secret in [code.as_str(), "15123456789", "hush"] {
        assert!(!told.contains(secret), "{secret} stands in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_codes_by_mail_enroll_and_prove_on_sqlite() {
    codes_by_mail(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_codes_by_mail_enroll_and_prove_on_postgresql() {
    codes_by_mail(Database::Postgres).await;
}

async fn codes_by_mail(database: Database) {
    let post = Post::on(database).await;
    let api = post.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let view = hand_over(&api, &session, "email", "ana@Example.ORG").await.expect(200);
    assert_eq!(view["prompt"]["to"], "a•••@example.org");
    let (enrollment, prompt_id) = (text(&view["enrollment"]), text(&view["prompt"]["id"]));
    confirm(&api, &enrollment, &post.mail.code(), &prompt_id).await.expect(200);
    let challenge = api.challenge_in(&session).await;
    let asked = prompt(&api, &challenge, "email").await.expect(201);
    let code = post.mail.code();
    verify(&api, &challenge, &code, &text(&asked["id"])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_codes_are_sent_from_a_page_in_the_operators_own_words() {
    // The server process reads this once it is confined.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sms.fr.txt"), "{{ code }} : {{ application }} vous demande ce code.").unwrap();
    let words = folder.path().to_str().unwrap();
    let own = [
        ("COUNTERSIGN_PUBLIC_URL", ""),
        ("COUNTERSIGN_MESSAGES_FOLDER", words),
        ("COUNTERSIGN_MESSAGES_LANGUAGE", "fr"),
        ("COUNTERSIGN_BRAND_NAME", "Banque"),
    ];
    let post = Post::with(Database::Sqlite, &own).await;
    let api = post.api();
    let shop = Shop::of(&api).await;
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let mut browser = shop.enroll_page(&session).await;
    let opened = browser.opens().await.expect(200);
    let kinds: Vec<&str> =
        opened["factors"].as_array().unwrap().iter().map(|factor| factor["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"sms") && kinds.contains(&"email"), "{opened}");
    let refused = browser.post("begin", json!({ "kind": "sms", "address": "110" })).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/address", "{refused}");
    let view = browser.post("begin", json!({ "kind": "sms", "address": ANA })).await.expect(200);
    assert_eq!((&view["step"], &view["view"]["prompt"]["to"]), (&json!("view"), &json!("•••789")), "{view}");
    let text_message = post.main.next().await;
    assert_eq!(text_message.field("Body"), format!("{} : Banque vous demande ce code.", text_message.code()));
    let proof = json!({ "code": text_message.code(), "prompt_id": view["view"]["prompt"]["id"] });
    browser.post("confirm", proof).await.expect(200);

    let challenge = api.challenge_in(&session).await;
    let mut browser = shop.challenge_page(&challenge).await;
    let opened = browser.opens().await.expect(200);
    assert_eq!(opened["challenge"]["ways"][0]["kind"], "sms", "{opened}");
    let asked = browser.post("prompt", json!({ "kind": "sms" })).await.expect(200);
    assert!(asked["prompt"]["resend_at"].is_string(), "{asked}");
    let proof = json!({ "code": post.main.next().await.code(), "prompt_id": asked["prompt"]["id"] });
    assert_eq!(browser.post("prove", proof).await.expect(200)["step"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_messages_are_in_the_language_of_the_person() {
    const GERMAN: &str = "ist Ihr Code für";
    const FRENCH: &str = "est votre code pour";
    const SPANISH: &str = "es su clave para";
    let here = [("COUNTERSIGN_PUBLIC_URL", ""), ("COUNTERSIGN_MESSAGES_LANGUAGE", "de")];
    let post = Post::with(Database::Sqlite, &here).await;
    let api = post.api();
    let shop = Shop::of(&api).await;
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let mut browser = shop.enroll_page(&session).await;
    browser.headers.push(("accept-language", "it, fr-CH;q=0.9, en;q=0.8".to_owned()));
    browser.opens().await.expect(200);
    let view = browser.post("begin", json!({ "kind": "sms", "address": ANA })).await.expect(200);
    let sent = post.main.next().await;
    assert!(sent.field("Body").contains(FRENCH), "{sent:?}");
    let proof = json!({ "code": sent.code(), "prompt_id": view["view"]["prompt"]["id"] });
    browser.post("confirm", proof).await.expect(200);
    // A page without a session, from which the message goes by itself; and languages that there are no messages in.
    for (accepted, words) in
        [(Some("fr"), FRENCH), (Some("es-MX,de;q=0.5"), SPANISH), (Some("it, *"), GERMAN), (None, GERMAN)]
    {
        let mut browser = shop.challenge_page(&api.challenge(&user).await).await;
        browser.headers.extend(accepted.map(|accepted| ("accept-language", accepted.to_owned())));
        browser.opens().await.expect(200);
        browser.post("prompt", json!({ "kind": "sms" })).await.expect(200);
        let sent = post.main.next().await;
        assert!(sent.field("Body").contains(words), "{accepted:?}: {sent:?}");
    }
    // An application hands on what its user's browser said; and mail says what it is written in.
    let wish = json!({ "session_id": session, "kind": "email", "address": "ana@example.org", "view": "inline" });
    let request = api.request(Method::POST, "/v1/enrollments").header("accept-language", "es-AR").json(&wish);
    Api::answer(request).await.unwrap().expect(201);
    let mail = post.mail.mail();
    assert!(mail["content"].as_str().unwrap().contains("Content-Language: es"), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_sent_again_is_after_a_while_and_the_count_stays() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    let challenge = api.challenge(&user).await;
    let first = prompt(&api, &challenge, "sms").await.expect(201);
    let (id, old) = (text(&first["id"]), post.main.next().await.code());
    let early = prompt(&api, &challenge, "sms").await.expect(429);
    assert_eq!(early["type"], "/problems/sent-already");
    assert!(early["detail"].as_str().unwrap().contains(first["resend_at"].as_str().unwrap()), "{early}");
    for _ in 0..2 {
        verify(&api, &challenge, &another(&old), &id).await.expect(422);
    }
    api.advance(31).await;
    let again = prompt(&api, &challenge, "sms").await.expect(201);
    assert_eq!(text(&again["id"]), id, "sent again is the same prompt");
    let new = post.main.next().await.code();
    if new != old {
        verify(&api, &challenge, &old, &id).await.expect(422);
    }
    // The wrong ones before count on: the fifth ends the challenge.
    verify(&api, &challenge, &another(&new), &id).await.expect(422);
    verify(&api, &challenge, &another(&new), &id).await;
    let over = verify(&api, &challenge, &new, &id).await;
    assert!([410, 422].contains(&over.status), "the count began anew: {over}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_where_one_gateway_is_down_the_next_one_carries() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    post.main.answers(503);
    for _ in 0..3 {
        let challenge = api.challenge(&user).await;
        let asked = prompt(&api, &challenge, "sms").await.expect(201);
        let code = post.spare.next().await.code();
        verify(&api, &challenge, &code, &text(&asked["id"])).await.expect(200);
    }
    let down = post.events("gateway.down").await;
    assert_eq!(down.len(), 1, "{down:?}");
    assert_eq!(down[0]["data"], json!({ "gateway": "main", "channel": "sms" }));
    let doctor = api.get("/v1/doctor").await.expect(200).to_string();
    assert!(doctor.contains("gateway_main") && doctor.contains("down, tried again after"), "{doctor}");
    let measured = String::from_utf8(api.get("/metrics").await.body).unwrap();
    assert!(measured.contains("countersign_gateway_up{gateway=\"main\"} 0"), "{measured}");
    assert!(measured.contains("countersign_messages_total{"), "{measured}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_t19_where_all_are_down_everybody_is_told_so() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let (user, session) = post.ana().await;
    post.main.answers(500);
    post.spare.answers(500);
    // Whoever has a session is told at once.
    let challenge = api.challenge_in(&session).await;
    prompt(&api, &challenge, "sms").await.expect_problem(503, "gateway-unavailable");
    assert_eq!(post.events("code.delivery_failed").await.len(), 1);
    // Anybody else, once it is known that they are down: an answer that waited for them would tell whom they were asked for.
    for failures in 2..=3 {
        prompt(&api, &api.challenge(&user).await, "sms").await.expect(201);
        assert_eq!(post.so_many_events("code.delivery_failed", failures).await.len(), failures);
    }
    let challenge = api.challenge(&user).await;
    let refused = prompt(&api, &challenge, "sms").await;
    let problem = refused.clone().expect(503);
    assert_eq!(problem["type"], "/problems/gateway-unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("offer another factor"), "{problem}");
    // Whoever is not known, or has no phone, is answered the same.
    let nobody = api.post("/v1/challenges", json!({ "external_id": "nobody" })).await.expect(201);
    let bob = api.user("bob").await;
    for challenge in [text(&nobody["id"]), api.challenge(&bob).await] {
        let same = prompt(&api, &challenge, "sms").await;
        assert_eq!((same.status, &same.body), (refused.status, &refused.body));
    }
    assert_eq!(post.events("code.delivery_failed").await.len(), 3);
    // It works again: nobody has to wait for a message that never went.
    post.main.answers(201);
    api.advance(16).await;
    prompt(&api, &challenge, "sms").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_who_has_no_phone_is_answered_as_who_has() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    let taken = post.main.taken().len();
    let bob = api.user("bob").await;
    let nobody = text(&api.post("/v1/challenges", json!({ "external_id": "nobody" })).await.expect(201)["id"]);
    let mut shapes = Vec::new();
    for challenge in [api.challenge(&user).await, api.challenge(&bob).await, nobody] {
        let asked = prompt(&api, &challenge, "sms").await.expect(201);
        let mut shape = asked.clone();
        for changing in ["id", "expires_at", "resend_at"] {
            assert!(shape[changing].is_string(), "{asked}");
            shape[changing] = Value::Null;
        }
        shapes.push(shape);
        prompt(&api, &challenge, "sms").await.expect(429);
        verify(&api, &challenge, "000000", &text(&asked["id"])).await.expect(422);
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    assert_eq!(post.main.settled(taken + 1).await.len(), taken + 1, "a message went to nobody");
}

/// Two prompts in a row for somebody are as far apart as two for nobody, whatever the gateways take (T-19).
#[tokio::test(flavor = "multi_thread")]
async fn t19_how_long_gateways_take_tells_nobody_who_is_known() {
    let much = "1000000/1h";
    let post = Post::far(&[
        ("COUNTERSIGN_SMS_USER_BUDGET", much),
        ("COUNTERSIGN_SMS_NUMBER_BUDGET", much),
        ("COUNTERSIGN_SMS_PREFIX_BUDGET", much),
        ("COUNTERSIGN_SMS_GLOBAL_BUDGET", much),
        ("COUNTERSIGN_EMAIL_USER_BUDGET", much),
        ("COUNTERSIGN_EMAIL_ADDRESS_BUDGET", much),
        ("COUNTERSIGN_EMAIL_DOMAIN_BUDGET", much),
        ("COUNTERSIGN_EMAIL_GLOBAL_BUDGET", much),
    ])
    .await;
    let api = post.api();
    let (_, session) = post.ana().await;
    let view = hand_over(&api, &session, "email", "ana@example.org").await.expect(200);
    confirm(&api, &text(&view["enrollment"]), &post.mail.code(), &text(&view["prompt"]["id"])).await.expect(200);
    let pairs = rounds(40, 400);
    let mut noise = Noise::seeded();
    let mut told = Vec::new();
    for kind in ["sms", "email"] {
        let mut taken: BTreeMap<&str, [Vec<f64>; 2]> = BTreeMap::new();
        for pair in 0..pairs + 4 {
            for name in noise.shuffled(["ana", "nobody"]) {
                let (first, second) = (time_of_prompt(&api, name, kind).await, time_of_prompt(&api, name, kind).await);
                if pair >= 4 {
                    let [times, apart] = taken.entry(name).or_default();
                    times.push(first);
                    apart.push((first - second).abs());
                }
            }
        }
        for (place, what) in ["the first of two", "how far two are apart"].into_iter().enumerate() {
            let (ana, nobody) = (&taken["ana"][place], &taken["nobody"][place]);
            let t = welch(ana, nobody);
            let medians = [median(ana), median(nobody)].map(|seconds| seconds * 1e3);
            println!("{kind}, {what}: t = {t:.2} over {pairs} pairs, medians {medians:.1?} ms");
            if t.abs() >= T_LIMIT {
                told.push((kind, what));
            }
        }
    }
    assert!(told.is_empty(), "times tell who is asked about: {told:?}");
}

/// How long it takes to have a code sent, in seconds.
async fn time_of_prompt(api: &Api, external_id: &str, kind: &str) -> f64 {
    let challenge = api.post("/v1/challenges", json!({ "external_id": external_id })).await.expect(201);
    let begun = Instant::now();
    prompt(api, &text(&challenge["id"]), kind).await.expect(201);
    begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_a_flood_gets_no_further_than_the_budget() {
    let much = "100/1h";
    let budgets = [
        ("COUNTERSIGN_SMS_USER_BUDGET", much),
        ("COUNTERSIGN_SMS_NUMBER_BUDGET", much),
        ("COUNTERSIGN_SMS_PREFIX_BUDGET", "4/1h"),
    ];
    let post = Post::with(Database::Sqlite, &budgets).await;
    let api = post.api();
    let (user, session) = post.ana().await;
    for _ in 0..20 {
        let challenge = api.challenge(&user).await;
        prompt(&api, &challenge, "sms").await.expect(201);
    }
    assert_eq!(post.main.settled(3).await.len(), 3, "the cap does not hold");
    let withheld = post.so_many_events("code.withheld", 18).await;
    assert_eq!(withheld.len(), 18);
    assert!(withheld.iter().all(|event| event["data"]["budget"] == "range"));
    let alarms = withheld.iter().filter(|event| event["data"]["first"] == true).count();
    assert_eq!(alarms, 1);
    // Whoever enrolls a number of that range is told, since it is theirs to begin with.
    let bob = api.user("bob").await;
    let bobs = api.session(&bob).await;
    let told = hand_over(&api, &bobs, "sms", "+49 151 23456780").await.expect(429);
    assert_eq!(told["type"], "/problems/sent-already");
    // One of the four is for who proved something, and none more.
    let challenge = api.challenge_in(&session).await;
    let asked = prompt(&api, &challenge, "sms").await.expect(201);
    let code = post.main.next().await.code();
    verify(&api, &challenge, &code, &text(&asked["id"])).await.expect(200);
    prompt(&api, &api.challenge_in(&session).await, "sms").await.expect_problem(429, "sent-already");
    assert_eq!(post.main.settled(4).await.len(), 4, "the cap does not hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_no_mailbox_is_flooded_on_sqlite() {
    no_mailbox_is_flooded(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_no_mailbox_is_flooded_on_postgresql() {
    no_mailbox_is_flooded(Database::Postgres).await;
}

async fn no_mailbox_is_flooded(database: Database) {
    let post = Post::on(database).await;
    let api = post.api();
    let (user, session) = post.ana().await;
    let view = hand_over(&api, &session, "email", "ana@example.org").await.expect(200);
    confirm(&api, &text(&view["enrollment"]), &post.mail.code(), &text(&view["prompt"]["id"])).await.expect(200);
    // Somebody who has a name only: of the mailbox's ten in an hour six are theirs, less the one that enrolled.
    for _ in 0..50 {
        prompt(&api, &api.challenge(&user).await, "email").await.expect(201);
    }
    assert_eq!(post.mail.settled(5).await, 5, "a mailbox was flooded by a name");
    // People who logged in as themselves, and enroll what is not theirs.
    let mut sent = 0;
    for name in ["mallory", "malory", "mallorie"] {
        let mallory = api.user(name).await;
        let session = api.session(&mallory).await;
        for spelling in ["ana@example.org", "ANA@example.org", "ana+1@example.org", "ana+2@Example.ORG"] {
            let told = hand_over(&api, &session, "email", spelling).await;
            assert!([200, 429].contains(&told.status), "{told}");
            sent += usize::from(told.status == 200);
        }
    }
    assert_eq!(sent, 0, "a mailbox was flooded by enrolling it");
    let mallory = api.user("mallory jr").await;
    let mallorys = api.session(&mallory).await;
    for n in 0..20 {
        let told = hand_over(&api, &mallorys, "email", &format!("somebody{n}@example.net")).await;
        assert_eq!(told.status, if n < 6 { 200 } else { 429 }, "{told}");
    }
    assert_eq!(post.mail.settled(6).await, 6);
    let withheld = post.so_many_events("code.withheld", 45 + 12 + 14).await;
    let of = |budget: &str| withheld.iter().filter(|event| event["data"]["budget"] == budget).count();
    assert_eq!((of("address"), of("user"), withheld.len()), (45 + 12, 14, 45 + 12 + 14), "{withheld:?}");
    assert!(withheld.iter().all(|event| event["data"]["kind"] == "email"));
    // Hers gets what is hers.
    let challenge = api.challenge_in(&session).await;
    let asked = prompt(&api, &challenge, "email").await.expect(201);
    verify(&api, &challenge, &post.mail.code(), &text(&asked["id"])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_numbers_that_are_none_cost_money_or_lie_elsewhere_are_refused() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    for (kind, address) in [
        ("sms", ""),
        ("sms", "ana"),
        ("sms", "110"),
        ("sms", "0900 1234567"),
        ("sms", "+1 202 456 1111"),
        ("sms", "+49 151 23456789 ext 5"),
        ("email", "ana"),
        ("email", "ana@example.org\r\nBcc: bob@example.org"),
        ("email", "full@example.org"),
        ("email", "unknown@example.org"),
    ] {
        let refused = hand_over(&api, &session, kind, address).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/address", "{address}: {refused}");
    }
    assert!(post.main.taken().is_empty());
    assert_eq!(post.mail.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_believed_where_it_is_signed() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    let sms = post.main.taken().pop().unwrap();
    assert_eq!(sms.field("StatusCallback"), format!("{PUBLIC}/receipts/main"));
    assert!(sms.head.to_lowercase().contains("authorization: basic "), "{}", sms.head);
    let body = "MessageSid=SM1&MessageStatus=delivered";
    let signed = format!("{PUBLIC}/receipts/mainMessageSidSM1MessageStatusdelivered");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"hush");
    let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
    let receipt = async |path: &str, signature: &str, body: &'static str| {
        let request = reqwest::Client::new().post(format!("{}{path}", api.address));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Api::answer(request.header("x-twilio-signature", signature).body(body)).await.unwrap().status
    };
    assert_eq!(receipt("/receipts/main", "", body).await, 401);
    assert_eq!(receipt("/receipts/main", "AAAA", body).await, 401);
    assert_eq!(receipt("/receipts/spare", &signature, body).await, 401);
    assert_eq!(receipt("/receipts/other", &signature, body).await, 404);
    assert_eq!(receipt("/receipts/mail", &signature, body).await, 404);
    assert!(post.events("code.delivered").await.is_empty());
    assert_eq!(receipt("/receipts/main", &signature, body).await, 204);
    let delivered = post.events("code.delivered").await;
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0]["user_id"].as_str().or(delivered[0]["about"]["user"].as_str()), Some(user.as_str()));
}
