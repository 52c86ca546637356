//! Decisions are asked for, and held against the model.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::policy::pick;
use super::super::reference::{About, Amount, Facts, Need, Outcome, Question, Verdict, decide};
use super::answers::{disagree, hold, same, text};
use super::{Challenge, Ground, Lost, Step, Trouble, Walker};
use crate::harness::{Answer, millis, real_now};

impl Walker {
    pub(super) fn about(&mut self) -> About {
        let noise = &mut self.noise;
        let action = ["payment.initiate", "payment.send", "report.read", "account.read", "help.read"][pick(noise, 5)];
        let most = if noise.below(4) > 0 { 3 } else { 5 };
        let amounts = [Amount::Number(20), Amount::Number(700), Amount::Number(5000), Amount::Text, Amount::Missing];
        About {
            action,
            amount: amounts[pick(noise, most)],
            payee: (noise.below(8) > 0).then_some("Hanna"),
            currency: (noise.below(8) > 0).then_some("EUR"),
            country: [Some("DE"), Some("DE"), Some("DE"), Some("XX"), None][pick(noise, 5)],
            vault: (noise.below(4) == 0).then_some(7),
        }
    }

    pub(super) fn question(&mut self) -> Question {
        let about = self.about();
        let noise = &mut self.noise;
        Question {
            about,
            staff: noise.below(4) == 0,
            mule: [Some(false), Some(false), Some(true), None][pick(noise, 4)],
            new_device: noise.below(4) == 0,
            sensitive: noise.below(6) == 0,
            idle: [Some(10), Some(10), Some(7200), None][pick(noise, 4)],
        }
    }

    /// Asks whether something may be done, by itself or resting on a challenge.
    pub(super) async fn ask(&mut self, ground: &Ground, whose: usize) -> Step {
        let mut question = self.question();
        let (mut whose, mut session, mut named) = (whose, self.session(whose), None);
        let now = real_now() + ground.moved;
        let ready = self.challenges.iter().rposition(|challenge| challenge.can_serve(now));
        if !self.challenges.is_empty() && (ready.is_some() && self.noise.below(4) > 0 || self.noise.below(10) == 0) {
            let one = ready.filter(|_| self.noise.below(8) > 0);
            let one = one.unwrap_or_else(|| pick(&mut self.noise, self.challenges.len()));
            let challenge = &self.challenges[one];
            let of = self.people[challenge.whose].sessions.iter().position(|session| session.id == challenge.session);
            question.about = challenge.about.clone();
            named = Some(one);
            // What was proved for one thing is tried for another: T-11.
            match self.noise.below(12) {
                0 => question.about = self.about(),
                1 => question.about.amount = Amount::Number(701),
                2 => question.about.vault = Some(8),
                3 => {}
                _ => (whose, session) = (challenge.whose, of),
            }
        }
        let Some(session) = session else { return Ok(()) };
        self.decide(ground, whose, session, &question, named).await
    }

    pub(super) async fn decide(
        &mut self,
        ground: &Ground,
        whose: usize,
        session: usize,
        question: &Question,
        named: Option<usize>,
    ) -> Step {
        let session_id = self.people[whose].sessions[session].id.clone();
        let now = real_now() + ground.moved;
        let challenge_id = named.map(|one| self.challenges[one].id.clone());
        // AuthZEN has no question without a resource.
        let authzen = question.about.vault.is_some() && self.noise.below(3) == 0;
        let (path, body) = question.request(&session_id, challenge_id.as_deref(), now, authzen);
        self.lost = challenge_id.map_or(Lost::Nothing, |challenge| Lost::Decision { challenge });
        let (answer, span) = self.call(ground, "decide", &path, Some(body)).await?;
        self.lost = Lost::Nothing;
        self.judge(ground, whose, session, question, named, &answer, span, authzen).map(drop)
    }

    /// Holds a decision against the model, and answers whether it was an allow that rests on the challenge.
    #[allow(clippy::too_many_arguments, reason = "all of what was asked and answered")]
    pub(super) fn judge(
        &mut self,
        ground: &Ground,
        whose: usize,
        session: usize,
        question: &Question,
        named: Option<usize>,
        answer: &Answer,
        span: [i64; 2],
        authzen: bool,
    ) -> Step<bool> {
        let may_ask = span.map(|at| self.may_ask(whose, session, question, named, at));
        // AuthZEN has no errors for who may not ask: it is no.
        let no = authzen && answer.status == 200 && answer.json()["context"]["id"].is_null();
        if no || answer.status != 200 {
            let refused = no && answer.json()["decision"] == false || matches!(answer.status, 404 | 409 | 410);
            return match may_ask {
                [false, _] | [_, false] if refused => Ok(false),
                _ => hold(ground, answer, 200)
                    .and_then(|_| disagree(format!("the model decides, the program says {answer}"))),
            };
        }
        if may_ask == [false, false] {
            return disagree(format!("the model lets nobody ask that, the program says {answer}"));
        }
        let told = answer.json();
        let decision = if authzen { &told["context"] } else { &told };
        if authzen && (told["decision"] == true) != (decision["outcome"] == "allow") {
            return disagree(format!("AuthZEN says {} of {}", told["decision"], decision["outcome"]));
        }
        let facts = self.facts(whose, session, question, named, made_at(&text(&decision["id"])));
        let verdict = decide(&ground.policy, &facts);
        let spent = named.is_some_and(|one| self.challenges[one].used);
        if let Some(what) = differs(&verdict, decision, spent) {
            let facts = format!("{facts:?}");
            return disagree(format!("{what}\nthe model: {verdict:?}\nby {facts}\nthe program: {decision}"));
        }
        same(&decision["session"], &self.people[whose].sessions[session])?;
        *self.counts.entry(counted(verdict.outcome)).or_default() += 1;
        if decision["challenge"].is_object() {
            let session_id = self.people[whose].sessions[session].id.clone();
            self.keep(&decision["challenge"].clone(), whose, session_id, question.about.clone());
        }
        let rests = verdict.outcome == Outcome::Allow && named.is_some_and(|one| !self.challenges[one].used);
        if let Some(one) = named.filter(|_| rests) {
            self.challenges[one].used = true;
        }
        Ok(rests)
    }

    /// Whether the program may answer with a decision at all.
    fn may_ask(&self, whose: usize, session: usize, question: &Question, named: Option<usize>, at: i64) -> bool {
        let person = &self.people[whose];
        !person.suspended
            && person.sessions[session].is_live(at)
            && named.is_none_or(|one| {
                let challenge = &self.challenges[one];
                challenge.session == person.sessions[session].id
                    && challenge.about == question.about
                    && challenge.satisfied.as_ref().is_some_and(|proof| at - proof.at <= 5 * 60_000)
            })
    }

    fn facts<'a>(
        &self,
        whose: usize,
        session: usize,
        question: &'a Question,
        named: Option<usize>,
        now: i64,
    ) -> Facts<'a> {
        let (person, session) = (&self.people[whose], &self.people[whose].sessions[session]);
        let satisfied = named.map(|one| &self.challenges[one]).filter(|challenge| !challenge.used);
        Facts {
            now,
            question,
            service: person.service,
            created_at: person.created_at,
            login_at: session.login_at,
            has: person.has(),
            proofs: session.proofs.clone(),
            // "Only as long as the same authenticator has proved nothing newer": the session has the newest of each.
            for_this: satisfied
                .and_then(|challenge| challenge.satisfied.clone())
                .filter(|proof| session.proofs.contains(proof)),
        }
    }

    /// The same satisfied challenge for four decisions at once: what rests on it is one of them.
    pub(super) async fn race(&mut self, ground: &Ground, whose: usize) -> Step {
        let now = real_now() + ground.moved;
        let fresh = self.challenges.iter().rposition(|challenge| challenge.whose == whose && challenge.can_serve(now));
        let Some(one) = fresh else { return Ok(()) };
        let Challenge { id: challenge_id, session, about, .. } = &self.challenges[one];
        let Some(session) = self.people[whose].sessions.iter().position(|own| own.id == *session) else {
            return Ok(());
        };
        let question = Question::calm(about.clone());
        let session_id = &self.people[whose].sessions[session].id;
        let (path, body) = question.request(session_id, Some(challenge_id), now, false);
        self.lost = Lost::Decision { challenge: challenge_id.clone() };
        *self.counts.entry("decide at once").or_default() += 4;
        let asking = (0..4).map(|_| ground.api.ask(Method::POST, &path, Some(body.clone())));
        let answers = futures_util::future::join_all(asking).await;
        let span = [now, real_now() + ground.moved];
        self.tell(format!("decide at once {path} {body}\n    at {span:?}"));
        let mut ordered = Vec::new();
        for answer in answers {
            match answer {
                Ok(answer) if answer.status != 503 => ordered.push(answer),
                _ => return Err(Trouble::Lost),
            }
        }
        self.lost = Lost::Nothing;
        // In whichever order they were decided, an allow came first.
        ordered.sort_by_key(|answer| answer.status != 200 || answer.json()["outcome"] != "allow");
        for answer in &ordered {
            self.tell(format!("    {answer}"));
            self.judge(ground, whose, session, &question, Some(one), answer, span, false)?;
        }
        Ok(())
    }
}

fn counted(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "  allow",
        Outcome::StepUp => "  step_up",
        Outcome::Enroll => "  enroll",
        Outcome::Deny => "  deny",
    }
}

/// What differs between a verdict and what the program says, if anything.
fn differs(verdict: &Verdict, decision: &Value, spent: bool) -> Option<String> {
    let outcome = verdict.outcome.name();
    if decision["outcome"] != outcome {
        return Some(format!("the model says {outcome}, the program {}", decision["outcome"]));
    }
    let reasons = decision["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fired: BTreeSet<String> = reasons.iter().filter(|r| r["fired"] == true).map(|r| text(&r["rule"])).collect();
    if fired != verdict.fired {
        return Some(format!("other rules fired: {:?}, {fired:?}", verdict.fired));
    }
    if let Some(by) = decision["decided_by"].as_str().filter(|by| !verdict.decisive.contains(*by)) {
        return Some(format!("{by} cannot have decided that"));
    }
    if (outcome == "allow") != decision["assertion"].is_string() {
        return Some("an assertion says what is allowed, and nothing else".to_owned());
    }
    if verdict.grace != decision["grace_ends"].is_string() {
        return Some("whether it is for grace".to_owned());
    }
    if verdict.outcome != Outcome::StepUp || spent {
        return None;
    }
    let need = &decision["need"];
    let factors: BTreeSet<&str> = need["factors"].as_array()?.iter().filter_map(Value::as_str).collect();
    let is_it = |ours: &Need| {
        ours.factors == factors
            && need["aal"] == format!("aal{}", ours.aal)
            && need["max_age"].as_i64() == ours.max_age
            && need["login"].as_bool().unwrap_or(false) == ours.login
    };
    let right = match &verdict.need {
        Some(need) => is_it(need),
        None => verdict.needs.iter().any(is_it),
    };
    if !right {
        return Some("something else is needed".to_owned());
    }
    let asks = !need["login"].as_bool().unwrap_or(false);
    (asks != decision["challenge"].is_object()).then(|| "a challenge comes with what can be proved".to_owned())
}

impl About {
    pub(super) fn context(&self) -> Value {
        let mut context = json!({});
        match self.amount {
            Amount::Number(amount) => context["amount"] = json!(amount),
            Amount::Text => context["amount"] = json!("much"),
            Amount::Missing => {}
        }
        for (name, value) in [("payee", self.payee), ("currency", self.currency), ("country", self.country)] {
            if let Some(value) = value {
                context[name] = json!(value);
            }
        }
        context
    }
}

impl Question {
    /// One where nothing is out of the ordinary.
    fn calm(about: About) -> Self {
        Self { about, staff: false, mule: Some(false), new_device: false, sensitive: false, idle: Some(10) }
    }

    /// The request, by our own route or as `AuthZEN` has it.
    fn request(&self, session: &str, challenge: Option<&str>, now: i64, authzen: bool) -> (String, Value) {
        let mut more = json!({});
        if let Some(challenge) = challenge {
            more["challenge_id"] = json!(challenge);
        }
        if self.staff {
            more["groups"] = json!(["staff"]);
        }
        if let Some(idle) = self.idle {
            more["last_active_at"] = json!(rfc3339(now - idle * 1000));
        }
        let mut signals = vec![json!({ "name": "new_device", "value": self.new_device })];
        signals.extend(self.mule.map(|mule| json!({ "name": "mule_account", "value": mule })));
        signals.extend(self.sensitive.then(|| json!({ "name": "sensitive_action", "value": true })));
        more["signals"] = json!(signals);
        let About { action, vault, .. } = &self.about;
        if let Some(vault) = vault.filter(|_| authzen) {
            let body = json!({ "subject": { "type": "session", "id": session, "properties": more }, "action": { "name": action },
                "resource": { "type": "vault", "id": vault.to_string() }, "context": self.about.context() });
            return ("/access/v1/evaluation".to_owned(), body);
        }
        more["action"] = json!(action);
        more["context"] = self.about.context();
        if let Some(vault) = vault {
            more["resource"] = json!({ "type": "vault", "id": vault.to_string() });
        }
        (format!("/v1/sessions/{session}/decide"), more)
    }
}

/// When something was made, by its id: a UUID of version 7 begins with the milliseconds.
fn made_at(id: &str) -> i64 {
    let (_, uuid) = id.split_once('_').unwrap();
    i64::from_str_radix(&uuid[..12], 16).unwrap()
}

/// A time in UTC, by the civil calendar.
fn rfc3339(at: i64) -> String {
    let (days, rest) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[test]
fn a_time_is_written_as_it_is_read() {
    for at in [0, 951_782_400_123, 1_772_353_800_123, 4_102_444_799_999] {
        assert_eq!(millis(&rfc3339(at)), at);
    }
}
