//! Answers that look alike, whoever is asked about (P-10, T-19).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::harness::{Answer, Api, Noise, Server, rounds};

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
    let mut hashes = std::collections::BTreeSet::new();
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
    let mut told = Vec::new();
    for what in ["a challenge", "a rejection"] {
        let enrolled = &taken[&(what, "enrolled")];
        for kind in ["unknown", "unenrolled", "limited"] {
            let other = &taken[&(what, kind)];
            let t = welch(enrolled, other);
            let medians = [median(enrolled), median(other)].map(|seconds| seconds * 1e6);
            println!("{what}, enrolled / {kind}: t = {t:.2} over {samples} samples, medians {medians:.0?} µs");
            if t.abs() >= T_LIMIT {
                told.push((what, kind));
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
