//! The factors: a folder for each kind of authenticator, with the same file names in each, so that who knows one knows all.
//!
//! | file | what it says |
//! |---|---|
//! | `mod.rs` | what the factor is, and what of [`Factor`] it has |
//! | `enroll.rs` | what an enrollment hands over, and what is made of it |
//! | `prompt.rs` | what is sent or asked before there can be a proof |
//! | `prove.rs` | how a proof is judged |
//!
//! A file that would have nothing to say is not there. Factors read and ask; what they find is committed by the flows that call
//! them, [`super::enrollments`], [`super::prompts`] and [`super::verify`], so that a guard is forgotten by none.

mod backup_codes;
mod browser;
mod email;
mod hotp;
pub(crate) mod push;
mod sms;
mod totp;
mod webauthn;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, BackupCode, Challenge, Credential, Door, Enrollment, Prompt,
    PromptId, Quality, Sealed,
};
use domain::{Session, Timestamp, User};
use serde_json::Value;
use vault_proto::{Qr, Secret};

use super::enrollments::Wish;
use super::proof::Given;
use super::sending::NewCode;
use super::{Actor, App, Error};
pub(crate) use backup_codes::{NewSet, Wanted, new_set, set_of};
pub(crate) use browser::{Key as BrowserKey, lifetime as browser_lifetime, remembered};
pub(crate) use hotp::{assign, token_binding};
pub(crate) use totp::{binding, params};
pub(crate) use webauthn::{best_quality, reaches_aal3, whose_passkey};

/// What is being worked out.
pub(crate) type Working<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// One kind of authenticator: what is special about it.
pub(crate) trait Factor: Sync {
    /// Which kind it is.
    fn kind(&self) -> AuthenticatorKind;

    /// Whether it is set up here, as the server is configured.
    fn is_offered(&self, _app: &App) -> bool {
        true
    }

    /// Looks at a wish to enroll, before anything is kept: what the authenticator is known by, as far as that is said.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the wish lacks what the factor needs.
    fn wished(&self, _app: &App, _wish: &Wish) -> Result<Option<Credential>, Error> {
        Ok(None)
    }

    /// What an enrollment hands over.
    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver>;

    /// What is sent or asked so that a challenge can be proved. Kinds whose proofs are made without being asked have nothing here.
    fn prompt<'a>(&'a self, _app: &'a App, _asked: &'a Asked<'a>) -> Working<'a, Prompted> {
        Box::pin(async { Err(Error::Conflict("nothing needs to be sent or asked for this kind: give the code")) })
    }

    /// Delivers what was made by [`Factor::hand_over`] or [`Factor::prompt`], once that is committed: what leaves the machine.
    fn deliver<'a>(&'a self, _app: &'a App, _actor: &'a Actor, _prompted: &'a Prompted) -> Working<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Judges a proof. The door to it is [`App::judge`] alone.
    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement>;
}

/// Every factor that there is.
pub(crate) static ALL: &[&dyn Factor] = &[
    &webauthn::Webauthn,
    &push::Push,
    &totp::Totp,
    &hotp::Hotp,
    &sms::Sms,
    &email::Email,
    &backup_codes::BackupCodes,
    &browser::Browser,
];

/// The factor of a kind, if there is one.
pub(crate) fn of(kind: AuthenticatorKind) -> Option<&'static dyn Factor> {
    ALL.iter().copied().find(|factor| factor.kind() == kind)
}

impl App {
    /// The kinds that can be given as proof here, in the order in which they are offered (I-08). Backup codes are for when there is
    /// nothing else.
    pub(crate) fn offered(&self) -> impl Iterator<Item = AuthenticatorKind> + use<'_> {
        let kinds = self.settings.factors.iter().copied().chain([AuthenticatorKind::BackupCodes]);
        kinds.filter(|kind| of(*kind).is_some_and(|factor| factor.is_offered(self)))
    }

    /// Those of them that count for a challenge (T-16).
    pub(crate) fn offered_for(&self, challenge: &Challenge) -> impl Iterator<Item = AuthenticatorKind> + use<'_> {
        let required = challenge.required.clone().unwrap_or_default();
        self.offered().filter(move |kind| required.can_be_met_by(*kind))
    }

    /// The factor of a kind, if it is set up here: for what people have, whether or not it is still offered to others.
    pub(crate) fn factor_in_use(&self, kind: AuthenticatorKind) -> Result<&'static dyn Factor, Error> {
        of(kind)
            .filter(|factor| factor.is_offered(self))
            .ok_or_else(|| Error::invalid("/kind", format!("{} is not set up here", kind.name())))
    }

    /// The factor of a kind, if it is offered here.
    pub(crate) fn factor(&self, kind: AuthenticatorKind) -> Result<&'static dyn Factor, Error> {
        of(kind).filter(|_| self.offered().any(|offered| offered == kind)).ok_or_else(|| {
            let offered: Vec<&str> = self.offered().map(AuthenticatorKind::name).collect();
            Error::invalid("/kind", format!("is not offered here: {} are", offered.join(", ")))
        })
    }
}

/// What an enrollment that hands something over is about.
pub(crate) struct Enrolling<'a> {
    /// Who asked for it.
    pub(crate) actor: &'a Actor,
    /// The enrollment.
    pub(crate) enrollment: &'a Enrollment,
    /// Its pending authenticator.
    pub(crate) authenticator: &'a Authenticator,
    /// Whose it is.
    pub(crate) user: &'a User,
    /// The session that it was begun in.
    pub(crate) session: &'a Session,
    /// What the user has already, in all states.
    pub(crate) existing: &'a [Authenticator],
    /// What was asked for this enrollment before and still waits, the newest first.
    pub(crate) before: Option<&'a Prompt>,
    /// Which picture is wanted of a key.
    pub(crate) qr: Qr,
    /// When.
    pub(crate) now: Timestamp,
}

/// What an enrollment hands over.
pub(crate) enum HandedOver {
    /// A key that was made, with its one view.
    Key(Sealed, vault_proto::View),
    /// What is sent or asked.
    Prompt(Box<Prompted>),
}

/// What a prompt that is wanted is about.
pub(crate) struct Asked<'a> {
    /// Who wants it.
    pub(crate) actor: &'a Actor,
    /// What is to be proved.
    pub(crate) challenge: &'a Challenge,
    /// The session that is to be raised.
    pub(crate) session: Option<&'a Session>,
    /// Who is asked. `None` where there is nobody, or nobody who may prove anything: the same is to be done, so that it cannot be
    /// told (T-19), but nothing is sent.
    pub(crate) user: Option<&'a User>,
    /// The authenticators that may be asked now, the one used last first; one where one was named.
    pub(crate) authenticators: &'a [&'a Authenticator],
    /// What was asked for this challenge by this kind before and still waits.
    pub(crate) before: Option<&'a Prompt>,
    /// By which door the proof will come.
    pub(crate) door: Door,
    /// Where the person's browser is, where it is a page of ours that asks.
    pub(crate) seen_from: Option<IpAddr>,
    /// When.
    pub(crate) now: Timestamp,
}

/// A prompt that was made: what is kept, what is shown, and what is to be delivered.
pub(crate) struct Prompted {
    /// What is kept. With the id of the one before, it is that one, sent again.
    pub(crate) prompt: Prompt,
    /// What whoever asked is told.
    pub(crate) shown: Shown,
    /// To whom it goes, for [`Factor::deliver`].
    pub(crate) to: Option<Authenticator>,
    /// Who may be asked in its place should it be there no more, for [`Factor::deliver`].
    pub(crate) others: Vec<AuthenticatorId>,
    /// The code in the clear, for [`Factor::deliver`].
    pub(crate) code: Option<NewCode>,
    /// What it takes the place of, where that is another challenge's.
    pub(crate) instead: Option<PromptId>,
}

/// What a prompt tells the screen that asked for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Where a code went, with most of it hidden; only where that tells nobody who is known (T-19).
    pub(crate) to: Option<String>,
    /// What the browser's `navigator.credentials` is asked with: creation or request options (WebAuthn Level 3 §5.1.8, §5.1.9).
    pub(crate) webauthn: Option<Value>,
    /// The number that is typed on the phone.
    pub(crate) number: Option<String>,
    /// What a remembered browser signs, base64url.
    pub(crate) sign: Option<String>,
    /// What is opened on the phone.
    pub(crate) link: Option<Secret>,
}

/// What a proof is held against.
pub(crate) struct Against<'a> {
    /// The authenticators that it could be meant for. With none the same work is done, and the proof is wrong (T-19).
    pub(crate) authenticators: &'a [&'a Authenticator],
    /// The unused codes, for backup codes.
    pub(crate) backup_codes: &'a [BackupCode],
    /// What was asked, where the proof answers something.
    pub(crate) prompt: Option<&'a Prompt>,
    /// What to sign if the proof is right: the claims of an assertion.
    pub(crate) claims: Option<Vec<u8>>,
}

/// What is said of a proof. It counts only once it is committed.
pub(crate) enum Judgement {
    /// Right.
    Right(Right),
    /// Wrong, and why, in a word for the event. Only `wrong` counts as a guess.
    Wrong(&'static str),
}

/// A right proof.
pub(crate) struct Right {
    /// Which of the authenticators that it was held against.
    pub(crate) index: usize,
    /// What it uses up.
    pub(crate) used: store::Used,
    /// How well it was proved.
    pub(crate) quality: Quality,
    /// What the authenticator is known by from now on, where an enrollment learns that from the proof.
    pub(crate) credential: Option<Credential>,
    /// The signed assertion, where the vault itself found the proof right.
    pub(crate) assertion: Option<String>,
}

impl Right {
    /// A proof of possession, of which no more is known.
    pub(crate) fn plain(index: usize, used: store::Used, assertion: Option<String>) -> Self {
        Self { index, used, quality: Quality::default(), credential: None, assertion }
    }
}
