//! Answers that look alike, whoever is asked about (P-10, T-19).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::browser::Shop;
use crate::harness::{Answer, Api, Database, Noise, Server, Setup, rounds};
use crate::push::{connect, push};

/// Fields that are new in every answer, whoever it is about.
const NEW_EACH_TIME: &[&str] = &["id", "action_hash", "created_at", "expires_at"];

#[tokio::test(flavor = "multi_thread")]
async fn t19_unknown_unenrolled_suspended_limited_and_wrong_are_answered_alike() {
    let server = Server::new().await;
    let api = server.api();
    let people = people(&api).await;
    let mut challenges = BTreeMap::new();
    let mut rejections = BTreeMap::new();
    for (name, code) in &people {
        let created = api.post("/v1/challenges", json!({ "external_id": name })).await;
        let id = created.expect(201)["id"].as_str().unwrap().to_owned();
        challenges.insert(name.clone(), shape(created));
        let rejected = api.verify(&id, code).await;
        rejected.expect_problem(422, "proof-rejected");
        rejections.insert(name.clone(), rejected.without_date());
        let shown = api.get(&format!("/v1/challenges/{id}")).await;
        shown.expect(200);
        challenges.insert(format!("{name}, shown"), shape(shown));
    }
    assert_all_alike(&rejections);
    challenges.retain(|name, _| !name.ends_with("shown"));
    assert_all_alike(&challenges);
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_what_an_action_hash_binds_is_new_each_time_for_everybody() {
    let server = Server::new().await;
    let api = server.api();
    api.user("known").await;
    let mut hashes = BTreeSet::new();
    for name in ["known", "known", "unknown", "unknown", "unknown too"] {
        let created = api.post("/v1/challenges", json!({ "external_id": name })).await;
        let hash = created.expect(201)["action_hash"].as_str().unwrap().to_owned();
        assert!(hashes.insert(hash), "{name}");
    }
}

/// Somebody in each situation that an attacker would like to tell from the others, with the code that is given.
async fn people(api: &Api) -> Vec<(String, String)> {
    let limited = api.enroll("limited").await;
    api.exhaust(&limited).await;
    api.user("unenrolled").await;
    let enrolled = api.enroll("enrolled").await;
    let suspended = api.enroll("suspended").await;
    api.post(&format!("/v1/users/{}/suspend", suspended.user_id), json!({})).await.expect(200);
    let revoked = api.enroll("revoked").await;
    api.post(&format!("/v1/authenticators/{}/revoke", revoked.authenticator_id), json!({})).await.expect(200);
    let used = api.enroll("used").await;
    let now = api.now().await;
    api.prove(&used.user_id, &used.phone.code_at(now)).await.expect(200);
    let people = [
        ("unknown", "000000".to_owned()),
        ("unenrolled", "000000".to_owned()),
        ("enrolled", enrolled.phone.wrong_code(now)),
        // These are right, or were.
        ("used", used.phone.code_at(now)),
        ("suspended", suspended.phone.code_at(now)),
        ("revoked", revoked.phone.code_at(now)),
        ("limited", limited.phone.code_at(now)),
    ];
    people.map(|(name, code)| (name.to_owned(), code)).to_vec()
}

/// An answer with what is new in each of them replaced by its length.
fn shape(answer: Answer) -> Answer {
    let mut body = answer.json();
    for field in NEW_EACH_TIME {
        let length = body[*field].as_str().unwrap_or_else(|| panic!("no {field}: {body}")).len();
        body[*field] = json!(length);
    }
    Answer { body: serde_json::to_vec(&body).unwrap(), ..answer.without_date() }.without_location()
}

impl Answer {
    /// Without where the new thing is, which its id says already.
    fn without_location(mut self) -> Self {
        if let Some(location) = self.headers.get_mut("location") {
            *location = location.len().to_string();
        }
        self
    }
}

fn assert_all_alike(answers: &BTreeMap<String, Answer>) {
    let (_, first) = answers.first_key_value().unwrap();
    for (name, answer) in answers {
        assert_eq!(answer, first, "{name} is answered otherwise:\n{answer}\n{first}");
    }
}

/// T-19: who is asked about is not told by asking for a prompt either: not by the first answer, not by the second, and not by many at
/// once, by the API and on a page.
#[tokio::test(flavor = "multi_thread")]
async fn t19_asking_once_again_and_at_once_is_answered_alike_on_sqlite() {
    asking_again_is_answered_alike(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_asking_once_again_and_at_once_is_answered_alike_on_postgresql() {
    asking_again_is_answered_alike(Database::Postgres).await;
}

/// A server at which everything can be asked for that is not sent as a message.
async fn asking_server(database: Database) -> Server {
    let arguments = [
        "--webauthn-rp-id=example.org",
        "--webauthn-origins=https://login.example.org",
        "--remembered-browsers-lifetime=30d",
    ];
    let arguments = arguments.map(str::to_owned).to_vec();
    Server::start(Setup { database, arguments, ..Setup::default() }).await
}

async fn asking_again_is_answered_alike(database: Database) {
    let server = asking_server(database).await;
    let api = server.api();
    let mut names: Vec<String> = people(&api).await.into_iter().map(|(name, _)| name).collect();
    names.extend(people_with_phones(&api).await);
    let shop = Shop::of(&api).await;
    for kind in ["webauthn", "push", "browser"] {
        let mut answers = BTreeMap::new();
        for name in &names {
            // On a page first: what was asked for by other challenges is alike for nobody afterwards.
            let challenge = shop.challenge_of(name).await;
            let mut page = shop.challenge_page(&challenge).await;
            page.opens().await.expect(200);
            let once = page.post("prompt", json!({ "kind": kind })).await.expect(200)["prompt"].clone();
            let again = page.post("prompt", json!({ "kind": kind })).await.expect(200)["prompt"].clone();
            let on_page = (changed(&once, &again), told(once), told(again));

            let challenge = shop.challenge_of(name).await;
            let [once, again] = [ask(&shop.api, &challenge, kind).await, ask(&shop.api, &challenge, kind).await];
            let [once, again] = [once.expect(201), again.expect(201)];
            let by_api = (changed(&once, &again), told(once), told(again));

            // Many at once, for one challenge and for several.
            let challenge = shop.challenge_of(name).await;
            let many = join_all((0..8).map(|_| ask(&shop.api, &challenge, kind))).await;
            let ids: BTreeSet<String> = many.iter().map(|answer| answer.expect(201)["id"].to_string()).collect();
            let several = join_all((0..4).map(|_| shop.challenge_of(name))).await;
            let several = join_all(several.iter().map(|challenge| ask(&shop.api, challenge, kind))).await;
            let several: Vec<Value> = several.iter().map(|answer| told(answer.expect(201))).collect();
            answers.insert(name.clone(), (on_page, by_api, ids.len(), several));
        }
        let (_, first) = answers.first_key_value().unwrap();
        for (name, answer) in &answers {
            assert_eq!(answer, first, "{kind}: {name} is answered otherwise");
        }
    }
}

async fn ask(api: &Api, challenge: &str, kind: &str) -> Answer {
    api.post(&format!("/v1/challenges/{challenge}/prompts"), json!({ "kind": kind })).await
}

/// The members that two answers differ in.
fn changed(one: &Value, other: &Value) -> Vec<String> {
    let members = one.as_object().unwrap().iter().filter(|(name, value)| other[name.as_str()] != **value);
    members.map(|(name, _)| name.clone()).collect()
}

/// What is told, with the length of each text in place of what is new each time.
fn told(mut prompt: Value) -> Value {
    for member in ["/id", "/expires_at", "/number", "/sign", "/webauthn/challenge"] {
        if let Some(value) = prompt.pointer_mut(member)
            && let Some(text) = value.as_str()
        {
            *value = json!(text.len());
        }
    }
    if let Some(left) = prompt.pointer_mut("/webauthn/timeout") {
        *left = json!(left.is_u64());
    }
    prompt
}

/// People who have a phone that is asked, in each situation that an attacker would like to tell from the others.
async fn people_with_phones(api: &Api) -> Vec<String> {
    connect(api, "phone").await;
    let taken = connect(api, "phone asked by another").await;
    push(api, &api.challenge(&taken.user).await).await.expect(201);
    let held_back = connect(api, "phone held back").await;
    for _ in 0..3 {
        push(api, &api.challenge(&held_back.user).await).await.expect(201);
        api.advance(121).await;
    }
    // Time has passed for that one.
    push(api, &api.challenge(&taken.user).await).await.expect(201);
    let suspended = connect(api, "phone suspended").await;
    api.post(&format!("/v1/users/{}/suspend", suspended.user), json!({})).await.expect(200);
    let lost = connect(api, "phone lost").await;
    api.post(&format!("/v1/authenticators/{}/revoke", lost.app.id), json!({})).await.expect(200);
    ["phone", "phone asked by another", "phone held back", "phone suspended", "phone lost"].map(str::to_owned).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_other_things_of_other_applications_look_like_things_that_are_not_there() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let challenge = api.challenge(&ana.user_id).await;
    let scopes = ["sessions", "enrollments", "challenges"];
    let other = api.post("/v1/applications", json!({ "name": "other", "scopes": scopes })).await.expect(201);
    let stranger = api.with_key(other["api_key"]["key"].as_str().unwrap());
    let nothing = format!("chl_{}", "0".repeat(32));
    for (theirs, none) in [
        (format!("/v1/challenges/{challenge}"), format!("/v1/challenges/{nothing}")),
        (format!("/v1/sessions/{}", ana.session_id), format!("/v1/sessions/ses_{}", "0".repeat(32))),
    ] {
        assert_eq!(stranger.get(&theirs).await.without_date(), stranger.get(&none).await.without_date());
    }
    let now = api.now().await;
    let tried = stranger.verify(&challenge, &ana.phone.code_at(now)).await;
    assert_eq!(tried.clone().without_date(), stranger.verify(&nothing, &ana.phone.code_at(now)).await.without_date());
    tried.expect_problem(404, "not-found");
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
}

/// A difference in time that two samples show with less than this is no difference (T-19).
pub(crate) const T_LIMIT: f64 = 4.5;

#[tokio::test(flavor = "multi_thread")]
async fn t19_the_time_of_an_answer_tells_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let samples = rounds(250, 20_000);
    let subjects = Subjects::enroll(&api, samples).await;
    let mut noise = Noise::seeded();
    let mut taken: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for sample in 0..samples + 50 {
        for kind in noise.shuffled(["enrolled", "unknown", "unenrolled", "limited"]) {
            let Some((asked, rejected)) = subjects.time(&api, kind, sample).await else { continue };
            // The first ones warm up the program's caches, not its secrets.
            if sample >= 50 {
                taken.entry(("a challenge", kind)).or_default().push(asked);
                taken.entry(("a rejection", kind)).or_default().push(rejected);
            }
        }
    }
    assert_no_time_tells(&taken, &["a challenge", "a rejection"], "enrolled", &["unknown", "unenrolled", "limited"]);
}

/// T-19: nor does the time of a prompt, however often the same person was asked before.
#[tokio::test(flavor = "multi_thread")]
async fn t19_the_time_of_a_prompt_tells_nothing() {
    let server = asking_server(Database::Sqlite).await;
    let api = server.api();
    connect(&api, "phone").await;
    api.user("unenrolled").await;
    let samples = rounds(250, 10_000);
    let mut noise = Noise::seeded();
    let mut taken: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for sample in 0..samples + 50 {
        for name in noise.shuffled(["phone", "unknown", "unenrolled"]) {
            for kind in ["webauthn", "push"] {
                let challenge = api.post("/v1/challenges", json!({ "external_id": name })).await.expect(201);
                let begun = Instant::now();
                ask(&api, challenge["id"].as_str().unwrap(), kind).await.expect(201);
                if sample >= 50 {
                    taken.entry((kind, name)).or_default().push(begun.elapsed().as_secs_f64());
                }
            }
        }
    }
    assert_no_time_tells(&taken, &["webauthn", "push"], "phone", &["unknown", "unenrolled"]);
}

/// That what took this long, of each kind, took as long for `one` as for any of the `others`.
fn assert_no_time_tells(taken: &BTreeMap<(&str, &str), Vec<f64>>, whats: &[&str], one: &str, others: &[&str]) {
    let mut told = Vec::new();
    for what in whats {
        let sample = &taken[&(*what, one)];
        for name in others {
            let other = &taken[&(*what, *name)];
            let t = welch(sample, other);
            let medians = [median(sample), median(other)].map(|seconds| seconds * 1e6);
            println!("{what}, {one} / {name}: t = {t:.2} over {} samples, medians {medians:.0?} µs", sample.len());
            if t.abs() >= T_LIMIT {
                told.push((what, name));
            }
        }
    }
    assert!(told.is_empty(), "times tell who is asked about: {told:?}");
}

/// Whom wrong codes are given for.
struct Subjects {
    /// Enough people to give each no more than four wrong codes, so that none of them has to wait.
    enrolled: Vec<String>,
}

impl Subjects {
    async fn enroll(api: &Api, samples: usize) -> Self {
        api.user("unenrolled").await;
        let mut enrolled = Vec::new();
        for n in 0..samples.div_ceil(4) + 13 {
            let name = format!("enrolled-{n:05}");
            api.enroll(&name).await;
            enrolled.push(name);
        }
        // The last of these failures costs a quarter of an hour of waiting, which this test does not outlast.
        let limited = api.enroll("limited").await;
        api.exhaust(&limited).await;
        Self { enrolled }
    }

    /// How long it takes to ask for proof and to be told that a code is wrong, in seconds; `None` where the code happened to
    /// be right.
    async fn time(&self, api: &Api, kind: &str, sample: usize) -> Option<(f64, f64)> {
        let name = if kind == "enrolled" { self.enrolled[sample / 4].as_str() } else { kind };
        let begun = Instant::now();
        let challenge = api.post("/v1/challenges", json!({ "external_id": name })).await;
        let asked = begun.elapsed().as_secs_f64();
        let id = challenge.expect(201)["id"].as_str().unwrap().to_owned();
        let begun = Instant::now();
        let answer = api.verify(&id, "000000").await;
        let rejected = begun.elapsed().as_secs_f64();
        assert!([200, 422].contains(&answer.status), "{answer}");
        (answer.status == 422).then_some((asked, rejected))
    }
}

pub(crate) fn median(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Welch's t of two samples, of which the slowest tenth, where the machine was busy with something else, is left out.
pub(crate) fn welch(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<f64> = one.iter().chain(other).copied().collect();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() * 9 / 10];
    let moments = |sample: &[f64]| {
        let kept: Vec<f64> = sample.iter().copied().filter(|seconds| *seconds <= limit).collect();
        let n = f64::from(u32::try_from(kept.len()).unwrap());
        let mean = kept.iter().sum::<f64>() / n;
        (mean, kept.iter().map(|seconds| (seconds - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
    };
    let ((mean_one, error_one), (mean_other, error_other)) = (moments(one), moments(other));
    (mean_one - mean_other) / (error_one + error_other).sqrt()
}

#[test]
fn a_difference_that_is_there_is_seen() {
    let mut noise = Noise::seeded();
    let mut sample = |mean: f64| -> Vec<f64> {
        (0..400).map(|_| mean + f64::from(u32::try_from(noise.below(1000)).unwrap()) / 10_000.0).collect()
    };
    let (one, same, slower) = (sample(1.0), sample(1.0), sample(1.05));
    assert!(welch(&one, &same).abs() < T_LIMIT);
    assert!(welch(&one, &slower).abs() > T_LIMIT);
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_limits_are_told_to_nobody() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.now().await;
    for _ in 0..8 {
        let answer = api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await;
        let told: Vec<&String> =
            answer.headers.keys().filter(|name| name.contains("limit") || name.contains("retry")).collect();
        assert!(told.is_empty(), "{answer}");
        assert_eq!(answer.json()["errors"], Value::Null, "{answer}");
    }
}
