//! What runs do elsewhere: calls, messages, questions. At least once, each time with the same key, and never within a transaction.
//!
//! A room for each kind of somebody: what is said to them, and what their answers mean, by their own documentation. Everybody is called
//! through the one door of the crate `gateway`, which reaches nobody inside that was not allowed (T-23).

mod call;
mod chat;
mod page;
mod people;
mod ticket;
mod validator;
mod withheld;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::RunId;
use gateway::outside::{Answer, Outside, OutsideError, Request};
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;
use workflow::{Key, SECRET_INPUT, Told};
use zeroize::Zeroizing;

use super::inside::Fault;
use crate::app::App;
use withheld::Withheld;

/// The longest that somebody can have us wait who says when to come again. What is longer is for the file to say.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Something to do elsewhere.
pub(super) struct Errand {
    /// For which run.
    pub(super) run: RunId,
    pub(super) action: String,
    pub(super) with: BTreeMap<String, Told>,
    /// Run, step and round: the same at each attempt.
    pub(super) idempotency_key: String,
    /// How long it may take.
    pub(super) patience: Duration,
    /// Whether a link in it hands something out: that is sent to nobody who is not sure to be its user.
    pub(super) gives: bool,
    /// Whether no other attempt follows.
    pub(super) is_last: bool,
    /// The tokens of links in it.
    pub(super) tokens: Vec<Zeroizing<String>>,
    /// What of it is done.
    pub(super) parts: Parts,
}

/// What of an errand was done in earlier attempts, and where it is told what is done in this one: it is kept with the run, whatever becomes of the rest.
pub(super) struct Parts {
    pub(super) before: BTreeSet<String>,
    pub(super) key: Key,
    pub(super) attempt: u32,
    pub(super) to: UnboundedSender<PartDone>,
}

/// A part of an errand that is done, by its name.
pub(super) struct PartDone {
    pub(super) key: Key,
    pub(super) attempt: u32,
    pub(super) name: String,
}

impl Parts {
    fn done(&self, name: String) {
        // Nobody listens any more where the run is somebody else's by now.
        let _ = self.to.send(PartDone { key: self.key.clone(), attempt: self.attempt, name });
    }
}

/// What an action gives.
type Given = Result<Map<String, Value>, Fault>;

impl App {
    /// Does something elsewhere. Answers what it gives.
    pub(super) async fn run_errand(&self, errand: Errand) -> Given {
        let patience = errand.patience;
        let errand = self.with_links(errand).await?;
        let withheld = Withheld::all(self.told_secretly(&errand));
        let done = async {
            match errand.action.as_str() {
                "http.call" => self.http_call(&errand).await,
                "notify.mail" => self.mail(&errand).await,
                "notify.sms" => self.sms(&errand).await,
                "notify.push" => self.push(&errand).await,
                "notify.slack" => self.chat(&errand, chat::slack).await,
                "notify.teams" => self.chat(&errand, chat::teams).await,
                "notify.chat" => self.chat(&errand, chat::of(text(&errand, "format"))).await,
                "notify.page" => self.page_on_call(&errand).await,
                "ticket.open" => self.ticket(&errand).await,
                "validator.http" => self.validator_http(&errand).await,
                "validator.radius" => self.validator_radius(&errand).await,
                other => Err(Fault::final_one(format!("this version cannot carry `{other}` out"))),
            }
        };
        if let Ok(done) = tokio::time::timeout(patience, done).await {
            return withheld.out_of(done);
        }
        let whom = host(&errand).map_or_else(|| "it".to_owned(), |host| format!("`{host}`"));
        let within = patience.as_millis().div_ceil(1000);
        withheld.out_of(Err(Fault::for_now(format!("{whom} did not come back within {within} s"))))
    }

    /// What of it must not come back. What is not known here goes nowhere either.
    fn told_secretly(&self, errand: &Errand) -> Vec<Zeroizing<String>> {
        let secrets = errand.with.keys().filter_map(|name| self.secret(errand, name).ok().flatten());
        secrets.chain(errand.tokens.iter().cloned()).collect()
    }

    /// The door to everybody else.
    fn door(&self) -> Result<Outside, Fault> {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        Ok(post.gateways().outside().clone())
    }

    /// Sends a request with the key of the effect, and takes an answer that says that it was done.
    async fn ask(&self, errand: &Errand, request: Request) -> Result<Answer, Fault> {
        let request = request.header("idempotency-key", &errand.idempotency_key).map_err(|error| unsent(&error))?;
        let answer = self.door()?.send(request).await.map_err(|error| unsent(&error))?;
        match (accepted(&answer), host(errand)) {
            (Ok(()), _) => Ok(answer),
            (Err(fault), Some(host)) => Err(Fault { message: format!("{}, from `{host}`", fault.message), ..fault }),
            (Err(fault), None) => Err(fault),
        }
    }

    /// The secret that an action takes by this name.
    fn secret(&self, errand: &Errand, name: &str) -> Result<Option<Zeroizing<String>>, Fault> {
        let Some(Told::Secret(reference)) = errand.with.get(name) else { return Ok(None) };
        if let Some(input) = reference.strip_prefix(SECRET_INPUT) {
            let held = self.workflows.held.find(errand.run, input, self.now());
            return held
                .map(Some)
                .ok_or_else(|| Fault::final_one(format!("{reference} is not known here, or not any more")));
        }
        match self.workflows.secrets.get(reference) {
            Some(secret) => Ok(Some(secret.clone())),
            // A server that was started before the file that names it, or in another place.
            None => Err(Fault::not_here(format!("{reference} is not known to this server: start it anew with it"))),
        }
    }

    /// The same where it has to be there.
    fn need_secret(&self, errand: &Errand, name: &str) -> Result<Zeroizing<String>, Fault> {
        self.secret(errand, name)?.ok_or_else(|| Fault::final_one(format!("no `{name}` was told")))
    }
}

/// Whom a call goes to, where that stands in the file or is told in the open: the host alone, and nothing of what may be secret in an address.
fn host(errand: &Errand) -> Option<&str> {
    host_of(text(errand, "url")?.trim())
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#', '\\']).next()?;
    Some(host.rsplit('@').next().unwrap_or(host))
}

/// A `POST` of JSON.
fn post(url: &str, body: &Value) -> Result<Request, Fault> {
    let request = Request::post(url.trim()).map_err(|error| unsent(&error))?;
    let request = request.header("content-type", "application/json").map_err(|error| unsent(&error))?;
    Ok(request.body(body.to_string()))
}

/// What a status says: done, not now, or never.
fn accepted(answer: &Answer) -> Result<(), Fault> {
    let status = answer.status;
    match status {
        200..=299 => Ok(()),
        408 | 425 | 429 | 500..=599 => {
            Err(Fault { after: retry_after(answer), ..Fault::for_now(format!("the answer was {status}")) })
        }
        _ => Err(Fault::final_one(format!("the answer was {status}"))),
    }
}

/// When to come again, as whoever was called says it (RFC 9110 §10.2.3): in seconds, as those who limit rates do. A date is left out, and the
/// file's own pauses are kept.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let said = answer.headers.get("retry-after")?.to_str().ok()?;
    let seconds: u64 = said.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// What a request that was not answered says: nothing of what was in it. Who cannot be reached may be again; who must not be called, never.
fn unsent(error: &OutsideError) -> Fault {
    let again = matches!(error, OutsideError::Unreachable { .. } | OutsideError::TimedOut { .. });
    Fault { again, ..Fault::final_one(error.to_string()) }
}

fn text<'a>(errand: &'a Errand, name: &str) -> Option<&'a str> {
    match errand.with.get(name) {
        Some(Told::Value(Value::String(text))) => Some(text),
        _ => None,
    }
}

fn nobody() -> Fault {
    Fault::final_one("this server can call nobody: it has no certificates of authorities")
}

/// The first so many characters of a text: others take no more.
fn shortened(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let kept: String = characters.by_ref().take(most).collect();
    if characters.next().is_none() { kept } else { kept.chars().take(most.saturating_sub(1)).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Answer { status, headers: headers.collect(), body: Vec::new() }
    }

    #[test]
    fn what_may_go_well_another_time_is_told_from_what_never_will() {
        for status in [200, 201, 202, 204, 299] {
            assert!(accepted(&answer(status, &[])).is_ok(), "{status}");
        }
        for (status, again) in [(408, true), (425, true), (429, true), (500, true), (503, true), (599, true)]
            .into_iter()
            .chain([304, 400, 401, 403, 404, 409, 410, 422].map(|status| (status, false)))
        {
            assert_eq!(accepted(&answer(status, &[])).unwrap_err().again, again, "{status}");
        }
    }

    /// T-18: an address may have something secret behind its host, or before it.
    #[test]
    fn w08_t18_of_an_address_the_host_is_said_and_nothing_else() {
        assert_eq!(host_of("https://a.example:8443/token/5?key=6#7"), Some("a.example:8443"));
        assert_eq!(host_of("https://me:secret@a.example?key=6"), Some("a.example"));
        assert_eq!(host_of("ok"), None);
    }

    #[test]
    fn who_says_when_to_come_again_is_heard_up_to_a_day() {
        let after = |said: &str| accepted(&answer(429, &[("retry-after", said)])).unwrap_err().after;
        assert_eq!(after("30"), Some(Duration::from_secs(30)));
        assert_eq!(after("99999999"), Some(LONGEST_WAIT));
        for said in ["", "-1", "soon", "Fri, 31 Dec 1999 23:59:59 GMT", "99999999999999999999999"] {
            assert_eq!(after(said), None, "{said}");
        }
        assert_eq!(accepted(&answer(400, &[("retry-after", "30")])).unwrap_err().after, None);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(shortened("", 3), "");
    }
}
