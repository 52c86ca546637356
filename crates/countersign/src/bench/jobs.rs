//! The operations that are measured.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use otp::Otpauth;
use serde::Deserialize;
use tokio::time::Instant;

use super::carrier::Carrier;
use super::drive::Job;
use super::fleet::{Fleet, Turn};
use super::wire::Wire;

/// How long the sessions of the run last, in seconds. The clock is moved by hours meanwhile.
const SESSION: u32 = 86_400;
/// How long challenges that are created beforehand last, in seconds.
pub(crate) const CHALLENGE: u32 = 3_600;

/// What was made ahead, by the index of the operation that is to use it.
pub(crate) type Places<T> = Arc<Vec<OnceLock<T>>>;

/// Ids that were made ahead.
pub(crate) type Ids = Places<String>;

/// Room for so much.
pub(crate) fn places<T>(count: u64) -> Places<T> {
    let count = usize::try_from(count).unwrap_or(0);
    Arc::new(std::iter::repeat_with(OnceLock::new).take(count).collect())
}

/// Keeps what operation `index` made.
pub(crate) fn keep<T>(places: &Places<T>, index: u64, made: T) {
    if let Some(place) = usize::try_from(index).ok().and_then(|index| places.get(index)) {
        // Only this operation has this index.
        let _ = place.set(made);
    }
}

/// What was made for operation `index`.
pub(crate) fn kept<T>(places: &Places<T>, index: u64) -> Option<&T> {
    usize::try_from(index).ok().and_then(|index| places.get(index)?.get())
}

/// An answer with an id.
#[derive(Deserialize)]
pub(crate) struct HasId<'a> {
    /// The id.
    pub(crate) id: &'a str,
}

/// `GET /healthz`: what the server does when there is nothing to do.
pub(crate) struct Healthz;

impl Job for Healthz {
    async fn one(&self, _index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let started = Instant::now();
        let answer = wire.get("/healthz").await?;
        let took = started.elapsed();
        answer.expect(200).map(|_| took)
    }
}

/// A user and a session.
pub(crate) struct Fill {
    pub(crate) fleet: Arc<Fleet>,
}

impl Job for Fill {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let name = self.fleet.name(index);
        let started = Instant::now();
        let user = wire.post("/v1/users", format!(r#"{{"external_id":"{name}"}}"#)).await?.expect(201)?;
        if let Some(place) = usize::try_from(index).ok().and_then(|index| self.fleet.users.get(index)) {
            let _ = place.set(user.json::<HasId<'_>>()?.id.to_owned());
        }
        let session = format!(r#"{{"external_id":"{name}","amr":["pwd"],"expires_in":{SESSION}}}"#);
        let answer = wire.post("/v1/sessions", session).await?;
        let took = started.elapsed();
        let answer = answer.expect(201)?;
        let member = usize::try_from(index).ok().and_then(|index| self.fleet.members.get(index));
        if let Some(member) = member {
            // Only this operation has this index.
            let _ = member.session.set(answer.json::<HasId<'_>>()?.id.to_owned());
        }
        Ok(took)
    }
}

/// The end of a user who was made.
pub(crate) struct Erase {
    pub(crate) fleet: Arc<Fleet>,
}

impl Job for Erase {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let user = usize::try_from(index).ok().and_then(|index| self.fleet.users.get(index)?.get());
        let started = Instant::now();
        if let Some(user) = user {
            wire.delete(&format!("/v1/users/{user}")).await?.expect(204)?;
        }
        Ok(started.elapsed())
    }
}

/// An enrollment with its one view and the QR code in it.
pub(crate) struct Enroll {
    pub(crate) fleet: Arc<Fleet>,
}

#[derive(Deserialize)]
struct Enrolled<'a> {
    #[serde(borrow)]
    enrollment: HasId<'a>,
    view: View,
}

#[derive(Deserialize)]
struct View {
    uri: String,
    qr_svg: String,
}

impl Job for Enroll {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (_, member) = self.fleet.member(index)?;
        let session = member.session.get().map_or("", String::as_str);
        let body = format!(r#"{{"session_id":"{session}","view":"inline","qr":"svg"}}"#);
        let started = Instant::now();
        let answer = wire.post("/v1/enrollments", body).await?;
        let took = started.elapsed();
        let answer = answer.expect(201)?;
        let enrolled: Enrolled<'_> = answer.json()?;
        if !enrolled.view.qr_svg.contains("<svg") {
            return Err("the view has no QR code".to_owned());
        }
        let key = Otpauth::parse(&enrolled.view.uri).map_err(|error| format!("the URI is not one: {error}"))?;
        // The first one is the one to be confirmed; a user who starts over leaves the others behind.
        let _ = member.key.set((enrolled.enrollment.id.to_owned(), key));
        Ok(took)
    }
}

/// The first code of an enrollment.
pub(crate) struct Confirm {
    pub(crate) fleet: Arc<Fleet>,
}

impl Job for Confirm {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let turn = self.fleet.turn(index, wire).await?;
        let (_, member) = self.fleet.member(index)?;
        let enrollment = member.key.get().map_or("", |(enrollment, _)| enrollment);
        let path = format!("/v1/enrollments/{enrollment}/confirm");
        right_code(&self.fleet, turn, &path, wire).await
    }
}

/// Gives the right code of this turn, which has to be accepted.
async fn right_code(fleet: &Fleet, turn: Turn, path: &str, wire: &mut Wire) -> Result<Duration, String> {
    let body = format!(r#"{{"code":"{}"}}"#, fleet.code(turn.member, turn.step));
    let started = Instant::now();
    let answer = wire.post(path, body).await;
    let took = started.elapsed();
    match answer.and_then(|answer| answer.expect(200)) {
        Ok(_) => {
            fleet.used(turn);
            Ok(took)
        }
        Err(reason) => {
            // Whether it was used is not known; it is not used again.
            fleet.used(turn);
            Err(format!("a right code was not accepted: {reason}"))
        }
    }
}

/// Gives a code that has to be refused.
async fn refused_code(what: &str, code: &str, path: &str, wire: &mut Wire) -> Result<Duration, String> {
    let started = Instant::now();
    let answer = wire.post(path, format!(r#"{{"code":"{code}"}}"#)).await?;
    let took = started.elapsed();
    if answer.status == 200 {
        return Err(format!("{what} code was accepted"));
    }
    let answer = answer.expect(422)?;
    let is_rejection = answer.body.windows(14).any(|window| window == b"proof-rejected");
    if is_rejection {
        Ok(took)
    } else {
        Err(format!("{what} code was answered with another problem than proof-rejected"))
    }
}

/// A challenge.
pub(crate) struct Challenge {
    pub(crate) fleet: Arc<Fleet>,
    /// The index that this run begins at, so that runs go on where the last one ended.
    pub(crate) base: u64,
    pub(crate) ids: Ids,
}

impl Job for Challenge {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (took, id) = challenge(&self.fleet, self.base + index, wire).await?;
        keep(&self.ids, index, id);
        Ok(took)
    }
}

/// Asks for proof by the member who has the turn: how long that took, and the challenge's id.
pub(crate) async fn challenge(fleet: &Fleet, index: u64, wire: &mut Wire) -> Result<(Duration, String), String> {
    let (_, member) = fleet.member(index)?;
    let session = member.session.get().map_or("", String::as_str);
    let body = format!(r#"{{"session_id":"{session}","expires_in":{CHALLENGE}}}"#);
    let started = Instant::now();
    let answer = wire.post("/v1/challenges", body).await?;
    let took = started.elapsed();
    let answer = answer.expect(201)?;
    Ok((took, answer.json::<HasId<'_>>()?.id.to_owned()))
}

fn verify_path(ids: &Ids, index: u64) -> Result<String, String> {
    kept(ids, index)
        .map(|id| format!("/v1/challenges/{id}/verify"))
        .ok_or_else(|| "its challenge was not created".to_owned())
}

/// A right code for a challenge that is there already.
pub(crate) struct Verify {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) base: u64,
    pub(crate) ids: Ids,
}

impl Job for Verify {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let path = verify_path(&self.ids, index)?;
        let turn = self.fleet.turn(self.base + index, wire).await?;
        right_code(&self.fleet, turn, &path, wire).await
    }
}

/// A login: challenge and right code, one after the other.
pub(crate) struct Login {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) base: u64,
}

impl Job for Login {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let turn = self.fleet.turn(self.base + index, wire).await?;
        let asked = match challenge(&self.fleet, self.base + index, wire).await {
            Ok(asked) => asked,
            Err(reason) => {
                self.fleet.not_used(turn);
                return Err(reason);
            }
        };
        let path = format!("/v1/challenges/{}/verify", asked.1);
        right_code(&self.fleet, turn, &path, wire).await.map(|took| took + asked.0)
    }
}

/// Wrong codes, of every member in turn, for the member's challenge.
pub(crate) struct Wrong {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) ids: Ids,
}

impl Job for Wrong {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (number, _) = self.fleet.member(index)?;
        let path = verify_path(&self.ids, u64::try_from(number).unwrap_or(0))?;
        refused_code("a wrong", &self.fleet.wrong_code(number, index), &path, wire).await
    }
}

/// Codes that were accepted already, of every member in turn, for the member's new challenge.
pub(crate) struct Replay {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) ids: Ids,
}

impl Job for Replay {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (number, _) = self.fleet.member(index)?;
        let path = verify_path(&self.ids, u64::try_from(number).unwrap_or(0))?;
        refused_code("a used", &self.fleet.used_code(number), &path, wire).await
    }
}

/// How a code is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// By text message.
    Sms,
    /// By mail.
    Email,
}

impl Channel {
    /// The kind of authenticator.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }

    /// Where the codes of a member go.
    fn address(self, member: usize) -> String {
        match self {
            Self::Sms => format!("+49151{:08}", member + 10_000_000),
            Self::Email => format!("member-{member}@bench.example"),
        }
    }
}

#[derive(Deserialize)]
struct Handed<'a> {
    #[serde(borrow)]
    enrollment: HasId<'a>,
    view: Viewed<'a>,
}

#[derive(Deserialize)]
struct Viewed<'a> {
    #[serde(borrow)]
    prompt: HasId<'a>,
}

/// An address for a member, proved with the first code that is sent there.
pub(crate) struct Bind {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) channel: Channel,
    pub(crate) carrier: Arc<Carrier>,
}

impl Job for Bind {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (number, member) = self.fleet.member(index)?;
        let session = member.session.get().map_or("", String::as_str);
        let (kind, address) = (self.channel.name(), self.channel.address(number));
        let wish = format!(r#"{{"session_id":"{session}","kind":"{kind}","address":"{address}","view":"inline"}}"#);
        let started = Instant::now();
        let answer = wire.post("/v1/enrollments", wish).await?.expect(201)?;
        let handed: Handed<'_> = answer.json()?;
        let path = format!("/v1/enrollments/{}/confirm", handed.enrollment.id);
        let proof = proof(&self.carrier, &address, handed.view.prompt.id)?;
        wire.post(&path, proof).await?.expect(200)?;
        Ok(started.elapsed())
    }
}

/// A code that is asked for, sent, and given back.
pub(crate) struct Sent {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) channel: Channel,
    pub(crate) carrier: Arc<Carrier>,
}

impl Job for Sent {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let number = self.fleet.hold(index).await?;
        let took = self.sent(index, number, wire).await;
        self.fleet.release(number);
        took
    }
}

impl Sent {
    async fn sent(&self, index: u64, number: usize, wire: &mut Wire) -> Result<Duration, String> {
        let (asking, id) = challenge(&self.fleet, index, wire).await?;
        let started = Instant::now();
        let wish = format!(r#"{{"kind":"{}"}}"#, self.channel.name());
        let answer = wire.post(&format!("/v1/challenges/{id}/prompts"), wish).await?.expect(201)?;
        let proof = proof(&self.carrier, &self.channel.address(number), answer.json::<HasId<'_>>()?.id)?;
        let answer = wire.post(&format!("/v1/challenges/{id}/verify"), proof).await?;
        let took = started.elapsed();
        answer.expect(200).map(|_| asking + took)
    }
}

/// What gives a code back that was sent to an address.
fn proof(carrier: &Carrier, address: &str, prompt: &str) -> Result<String, String> {
    let code = carrier.take(address).ok_or_else(|| "no code arrived".to_owned())?;
    Ok(format!(r#"{{"code":"{code}","prompt_id":"{prompt}"}}"#))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::bench::wire::Target;

    /// Asks somebody who gives this answer.
    async fn asked(status: &str, body: &'static str) -> Wire {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::new(&format!("http://{}", listener.local_addr().unwrap()), "csk_x").unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            while stream.read(&mut request).is_ok_and(|count| count > 0) {
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Wire::open(&target).await.unwrap()
    }

    const REJECTED: &str = r#"{"type":"/problems/proof-rejected","status":422}"#;

    #[tokio::test]
    async fn w13_a_wrong_or_used_code_that_is_accepted_is_found() {
        let mut wire = asked("200 OK", "{}").await;
        let accepted = refused_code("a wrong", "000000", "/x", &mut wire).await;
        assert_eq!(accepted, Err("a wrong code was accepted".to_owned()));
        assert!(refused_code("a used", "000000", "/x", &mut asked("422 U", REJECTED).await).await.is_ok());
    }

    #[tokio::test]
    async fn w13_another_refusal_than_that_of_the_code_is_found() {
        for (status, body) in
            [("503 Busy", "{}"), ("429 Slow", "{}"), ("422 U", r#"{"type":"/problems/invalid-request"}"#)]
        {
            assert!(refused_code("a wrong", "000000", "/x", &mut asked(status, body).await).await.is_err(), "{status}");
        }
    }

    #[tokio::test]
    async fn w13_a_right_code_that_is_refused_is_found() {
        let fleet = Fleet::new("bench".to_owned(), 1, 1, true);
        let mut wire = asked("422 U", REJECTED).await;
        let turn = fleet.turn(0, &mut wire).await.unwrap();
        let refused = right_code(&fleet, turn, "/x", &mut wire).await.unwrap_err();
        assert!(refused.starts_with("a right code was not accepted: 422 instead of 200"), "{refused}");
    }

    #[tokio::test]
    async fn a_member_never_uses_a_step_twice() {
        let fleet = Fleet::new("bench".to_owned(), 1, 1, true);
        let mut wire = asked("200 OK", "{}").await;
        let mut last = 0;
        for _ in 0..5 {
            let turn = fleet.turn(0, &mut wire).await.unwrap();
            assert!(turn.step > last && (turn.step - fleet.time.step()).abs() <= 1);
            last = turn.step;
            fleet.used(turn);
        }
    }
}
