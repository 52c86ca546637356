//! Making and checking codes: both are the vault's.

use domain::event::About;
use domain::{Aal, Authenticator, AuthenticatorKind, Door, Prompt, Timestamp};
use gateway::Refused;
use store::Used;
use vault_proto::{CheckCode, CodeOwner, Outcome, Reply, Secret, SentCode, Verb};

use super::NewCode;
use crate::app::factors::{Against, Asked, Enrolling, HandedOver, Judgement, Prompted, Right, Shown};
use crate::app::proof::Given;
use crate::app::vault::unexpected;
use crate::app::{Actor, App, Error};

/// Digits of a code (I-03).
const DIGITS: u8 = 6;

impl App {
    /// A code for a challenge, by the authenticator that was used last. Where there is none it is made for nobody, and goes nowhere.
    pub(in crate::app) async fn code_for_challenge(
        &self,
        kind: AuthenticatorKind,
        asked: &Asked<'_>,
    ) -> Result<Prompted, Error> {
        may_be_sent_again(asked.before, asked.now)?;
        let to = asked.authenticators.first().copied();
        let is_told = asked.session.is_some();
        let withheld = match to {
            Some(to) => {
                let about = About { challenge_id: Some(asked.challenge.id), ..of(to) };
                self.withheld(asked.actor, to, asked.door, about, is_told).await?
            }
            None => None,
        };
        let scope = asked.challenge.id.uuid().into_bytes();
        let (code, hash) = self.new_code(self.owner_of(to), scope).await?;
        let mut prompt = match asked.before {
            // Another phone than the one before is another prompt.
            Some(before) if before.authenticator_id == to.map(|to| to.id) => again(before, asked.now),
            _ => {
                let expires_at = asked.now.plus(Prompt::CODE_LIFETIME).min(asked.challenge.expires_at);
                let mut prompt = self.new_prompt(kind, asked.now, expires_at);
                prompt.challenge_id = Some(asked.challenge.id);
                prompt.user_id = asked.challenge.user_id;
                prompt.authenticator_id = to.map(|to| to.id);
                prompt
            }
        };
        // What came before goes on counting where nothing new is sent.
        if withheld.is_none() || prompt.hash.is_none() {
            prompt.hash = Some(hash);
        }
        let masked = to.and_then(|to| to.credential.as_ref()).and_then(domain::Credential::masked);
        // Whoever has a session of theirs knows whom it belongs to; nobody else is told that there is such a number.
        let shown = Shown { to: masked.filter(|_| is_told), ..Shown::default() };
        let code = Some(NewCode { code, is_told, withheld });
        Ok(Prompted { prompt, shown, to: to.cloned(), code, instead: None, others: Vec::new() })
    }

    /// A code that proves that what is enrolled can be read.
    pub(in crate::app) async fn code_for_enrollment(
        &self,
        kind: AuthenticatorKind,
        enrolling: &Enrolling<'_>,
    ) -> Result<HandedOver, Error> {
        let Enrolling { enrollment, authenticator, before, now, .. } = *enrolling;
        may_be_sent_again(before, now)?;
        let door = if enrolling.session.aal > Aal::Aal1 { Door::Trusted } else { Door::Open };
        let about = About { enrollment_id: Some(enrollment.id), ..of(authenticator) };
        self.withheld(enrolling.actor, authenticator, door, about, true).await?;
        let scope = enrollment.id.uuid().into_bytes();
        let (code, hash) = self.new_code(self.owner_of(Some(authenticator)), scope).await?;
        let mut prompt = if let Some(before) = before {
            again(before, now)
        } else {
            let mut prompt = self.new_prompt(kind, now, now.plus(Prompt::CODE_LIFETIME).min(enrollment.expires_at));
            prompt.enrollment_id = Some(enrollment.id);
            prompt.user_id = Some(enrollment.user_id);
            prompt.authenticator_id = Some(authenticator.id);
            prompt
        };
        prompt.hash = Some(hash);
        let masked = authenticator.credential.as_ref().and_then(domain::Credential::masked);
        let shown = Shown { to: masked, ..Shown::default() };
        let code = Some(NewCode { code, is_told: true, withheld: None });
        let to = Some(authenticator.clone());
        let prompted = Prompted { prompt, shown, to, code, instead: None, others: Vec::new() };
        Ok(HandedOver::Prompt(Box::new(prompted)))
    }

    /// Judges a code that was sent. Where none was, the vault does the same work.
    pub(in crate::app) async fn judge_sent_code(
        &self,
        given: &Given,
        against: &Against<'_>,
    ) -> Result<Judgement, Error> {
        let Given::SentCode(_, code) = given else { return Ok(Judgement::Wrong("another_kind")) };
        let authenticator = against.authenticators.first().copied();
        let sent = against.prompt.zip(authenticator).and_then(|(prompt, authenticator)| {
            let scope = match (prompt.challenge_id, prompt.enrollment_id) {
                (Some(challenge), _) => challenge.uuid().into_bytes(),
                (None, enrollment) => enrollment?.uuid().into_bytes(),
            };
            Some((prompt.id, SentCode { owner: self.owner_of(Some(authenticator)), scope, hash: prompt.hash? }))
        });
        let question = || {
            Verb::CheckCode(CheckCode {
                sent: sent.map(|(_, sent)| sent),
                code: Secret(code.as_str().as_bytes().to_vec()),
                assertion: against.claims.clone(),
            })
        };
        let reply = self.vault.ask(question).await?;
        let Reply::Checked { outcome, assertion } = reply else { return Err(unexpected(&reply)) };
        Ok(match (outcome, sent) {
            (Outcome::Right { .. }, Some((prompt, _))) => {
                Judgement::Right(Right::plain(0, Used::Prompt(prompt, None), assertion))
            }
            (Outcome::Right { .. } | Outcome::Wrong, _) => Judgement::Wrong("wrong"),
            (Outcome::Replayed { .. }, _) => Judgement::Wrong("replayed"),
            (Outcome::Exhausted, _) => Judgement::Wrong("exhausted"),
        })
    }

    /// Whether a budget stands against a code for this authenticator (T-24). Whoever may know is told so, before anything is made: what
    /// was sent before goes on counting, and another factor can be offered.
    async fn withheld(
        &self,
        actor: &Actor,
        to: &Authenticator,
        door: Door,
        about: About,
        is_told: bool,
    ) -> Result<Option<Refused>, Error> {
        let post = self.post.as_ref().ok_or(Error::GatewayUnavailable("messages"))?;
        let Some(refused) = post.withheld(to, door, self.now()) else { return Ok(None) };
        if !is_told {
            return Ok(Some(refused));
        }
        self.tell_withheld(actor, to.kind, about, refused).await?;
        let until = refused.until;
        Err(Error::SentAlready(format!(
            "too many messages were sent: use another factor, or have the next one sent after {until}"
        )))
    }

    /// A code and its keyed hash.
    async fn new_code(&self, owner: CodeOwner, scope: [u8; 16]) -> Result<(Secret, [u8; 32]), Error> {
        let reply = self.vault.ask(|| Verb::IssueCode { owner, scope, digits: DIGITS }).await?;
        let Reply::Issued { codes, hashes } = reply else { return Err(unexpected(&reply)) };
        let one = codes.into_iter().next().zip(hashes.into_iter().next());
        one.ok_or_else(|| Error::Internal("the vault issued no code".to_owned()))
    }

    /// Whose code it is; somebody who never was, where it is nobody's.
    fn owner_of(&self, authenticator: Option<&Authenticator>) -> CodeOwner {
        match authenticator {
            Some(authenticator) => CodeOwner {
                user: authenticator.user_id.uuid().into_bytes(),
                authenticator: authenticator.id.uuid().into_bytes(),
            },
            None => CodeOwner { user: self.random(), authenticator: self.random() },
        }
    }
}

/// What is told of a code that goes to an authenticator.
pub(super) fn of(to: &Authenticator) -> About {
    About { user_id: Some(to.user_id), device_id: to.device_id, authenticator_id: Some(to.id), ..About::default() }
}

/// The same prompt, sent once more.
fn again(before: &Prompt, now: Timestamp) -> Prompt {
    Prompt { sends: before.sends + 1, sent_at: now, ..before.clone() }
}

/// Whether what waits for an answer may be sent once more now.
fn may_be_sent_again(before: Option<&Prompt>, now: Timestamp) -> Result<(), Error> {
    let Some(before) = before else { return Ok(()) };
    match before.resend_at() {
        Some(at) if at <= now => Ok(()),
        Some(at) => Err(Error::SentAlready(format!("it was sent a moment ago, and can be sent again at {at}"))),
        None => Err(Error::SentAlready(format!(
            "it was sent often enough: look for the message, use another factor, or begin again after {}",
            before.expires_at
        ))),
    }
}
