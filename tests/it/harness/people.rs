//! People with phones: the flows that every test goes through, and an authenticator app that is not ours.

use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Totp};

use super::{Answer, Api};

/// An authenticator app that holds one key (totp-rs: an implementation that is not the one under test).
#[derive(Debug, Clone)]
pub(crate) struct Phone {
    pub(crate) key: Vec<u8>,
    period: i64,
    totp: Totp,
}

impl Phone {
    /// The app after it was given the key of an enrollment in Base32.
    pub(crate) fn with_key(base32: &str, enrollment: &Value) -> Self {
        let key = BASE32_NOPAD.decode(base32.as_bytes()).unwrap();
        let algorithm = match enrollment["algorithm"].as_str().unwrap() {
            "SHA1" => Algorithm::SHA1,
            "SHA256" => Algorithm::SHA256,
            "SHA512" => Algorithm::SHA512,
            other => panic!("no app knows {other}"),
        };
        let period = enrollment["period"].as_i64().unwrap();
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(u8::try_from(enrollment["digits"].as_i64().unwrap()).unwrap())
            .with_step_duration(u64::try_from(period).unwrap())
            .with_secret(key.clone())
            .build()
            .unwrap();
        Self { key, period, totp }
    }

    /// The code that the app shows at a time, milliseconds since the Unix epoch.
    pub(crate) fn code_at(&self, millis: i64) -> String {
        self.totp.generate(u64::try_from(millis / 1000).unwrap()).to_string()
    }

    /// The code of the step that is `steps` away from the present one.
    pub(crate) fn code_near(&self, millis: i64, steps: i64) -> String {
        self.code_at(millis + steps * self.period * 1000)
    }

    /// A code that is none of those that could be right now.
    pub(crate) fn wrong_code(&self, millis: i64) -> String {
        let near: Vec<String> = (-4..=4).map(|steps| self.code_near(millis, steps)).collect();
        (0..20).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

/// A person whose enrollment was started.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) user_id: String,
    pub(crate) session_id: String,
    pub(crate) enrollment_id: String,
    pub(crate) authenticator_id: String,
    /// The whole answer to the start.
    pub(crate) answer: Value,
}

/// A person who can prove who they are.
#[derive(Debug, Clone)]
pub(crate) struct Enrolled {
    pub(crate) user_id: String,
    pub(crate) session_id: String,
    pub(crate) authenticator_id: String,
    pub(crate) phone: Phone,
    pub(crate) backup_codes: Vec<String>,
}

impl Api {
    /// Makes a user known, and answers the id.
    pub(crate) async fn user(&self, external_id: &str) -> String {
        id(&self.post("/v1/users", json!({ "external_id": external_id })).await.expect(201))
    }

    /// Registers a session of a user who gave a password just now, and answers its id.
    pub(crate) async fn session(&self, user_id: &str) -> String {
        id(&self.post("/v1/sessions", json!({ "user_id": user_id, "amr": ["pwd"] })).await.expect(201))
    }

    /// Starts the enrollment of a new user; `more` is added to the request.
    pub(crate) async fn start(&self, external_id: &str, more: Value) -> Started {
        let user_id = self.user(external_id).await;
        let session_id = self.session(&user_id).await;
        self.start_in(&user_id, &session_id, more).await
    }

    /// Starts an enrollment in a session.
    pub(crate) async fn start_in(&self, user_id: &str, session_id: &str, more: Value) -> Started {
        let mut request = json!({ "session_id": session_id });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.post("/v1/enrollments", request).await.expect(201);
        Started {
            user_id: user_id.to_owned(),
            session_id: session_id.to_owned(),
            enrollment_id: id(&answer["enrollment"]),
            authenticator_id: answer["enrollment"]["authenticator_id"].as_str().unwrap().to_owned(),
            answer,
        }
    }

    /// Enrolls a new user. The code of the step before this one is used up by it; this one's and the next are left.
    pub(crate) async fn enroll(&self, external_id: &str) -> Enrolled {
        let started = self.start(external_id, json!({ "view": "inline" })).await;
        let phone = Phone::with_key(started.answer["view"]["secret"].as_str().unwrap(), &started.answer["enrollment"]);
        self.finish(started, phone).await
    }

    /// Confirms an enrollment with the code of the step before this one.
    pub(crate) async fn finish(&self, started: Started, phone: Phone) -> Enrolled {
        let code = phone.code_near(self.now().await, -1);
        let mut confirmed = self.confirm(&started.enrollment_id, &code).await;
        if confirmed.status == 422 {
            // The next step began meanwhile.
            let code = phone.code_near(self.now().await, -1);
            confirmed = self.confirm(&started.enrollment_id, &code).await;
        }
        let confirmed = confirmed.expect(200);
        let codes = confirmed["backup_codes"].as_array().into_iter().flatten();
        Enrolled {
            user_id: started.user_id,
            session_id: started.session_id,
            authenticator_id: started.authenticator_id,
            phone,
            backup_codes: codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }

    pub(crate) async fn confirm(&self, enrollment_id: &str, code: &str) -> Answer {
        self.post(&format!("/v1/enrollments/{enrollment_id}/confirm"), json!({ "code": code })).await
    }

    /// Asks for proof from a user, and answers the challenge's id.
    pub(crate) async fn challenge(&self, user_id: &str) -> String {
        id(&self.post("/v1/challenges", json!({ "user_id": user_id })).await.expect(201))
    }

    /// Asks for proof in a session, and answers the challenge's id.
    pub(crate) async fn challenge_in(&self, session_id: &str) -> String {
        id(&self.post("/v1/challenges", json!({ "session_id": session_id })).await.expect(201))
    }

    pub(crate) async fn verify(&self, challenge_id: &str, code: &str) -> Answer {
        self.post(&format!("/v1/challenges/{challenge_id}/verify"), json!({ "code": code })).await
    }

    /// Gives a code for a challenge of its own.
    pub(crate) async fn prove(&self, user_id: &str, code: &str) -> Answer {
        let challenge = self.challenge(user_id).await;
        self.verify(&challenge, code).await
    }

    /// Has somebody fail until the wait for the next try is a quarter of an hour.
    pub(crate) async fn exhaust(&self, ana: &Enrolled) {
        for _ in 0..16 {
            let now = self.advance(15 * 60 + 1).await;
            let answer = self.prove(&ana.user_id, &ana.phone.wrong_code(now)).await;
            answer.expect_problem(422, "proof-rejected");
        }
    }

    /// The failures in a row that the store counts, as the newest counted rejection of an authenticator tells. Rejections
    /// that came at the same time as one that was counted may be told of without a count.
    pub(crate) async fn failures(&self, authenticator_id: &str) -> i64 {
        let path =
            format!("/v1/events?kind=authenticator.rejected&authenticator_id={authenticator_id}&order=desc&limit=100");
        let page = self.get(&path).await.expect(200);
        page["items"].as_array().unwrap().iter().find_map(|event| event["data"]["failures"].as_i64()).unwrap_or(0)
    }
}

/// The id of a thing.
pub(crate) fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap_or_else(|| panic!("no id: {thing}")).to_owned()
}
