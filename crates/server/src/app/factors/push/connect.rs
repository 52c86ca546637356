//! An app comes by the link of an enrollment, and shows that it has the key that it brings. It counts once its owner has typed the
//! number that the page shows: the link may have been photographed (T-13).

use std::net::IpAddr;

use data_encoding::BASE64URL_NOPAD;
use domain::event::About;
use domain::push::signed::Enroll;
use domain::push::text::{AskedFrom, Subject};
use domain::push::{Digits, Number, PromptText};
use domain::{
    ActionHash, Application, AuthenticatorId, AuthenticatorKind, Door, Enrollment, EnrollmentState, EventKind, Prompt,
    PromptId, PromptState, Timestamp, User, UserState,
};
use store::{Change, Effect};
use zeroize::Zeroizing;

use super::enroll::TOKEN;
use super::kept::{Kept, NewApp, Question, is_link};
use super::key::AppKey;
use super::sha256;
use crate::app::telling::With;
use crate::app::{App, Error};

/// What an app is asked first, as it is told.
const ACTION: &str = "enroll";

/// An app that comes by a link.
pub(crate) struct Connecting {
    /// The link's token, as it stands there.
    pub(crate) token: Zeroizing<String>,
    /// Its key, base64url.
    pub(crate) public_key: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// Its signature over these.
    pub(crate) signature: String,
    /// Where it is.
    pub(crate) address: Option<IpAddr>,
}

/// What an app learns that came by a link.
#[derive(Debug)]
pub(crate) struct Connected {
    /// What it is from now on.
    pub(crate) authenticator_id: AuthenticatorId,
    /// The application whose user it is for.
    pub(crate) application: String,
    /// Whose account it is.
    pub(crate) account: String,
    /// What people know this server by.
    pub(crate) issuer: String,
    /// What browsers subscribe to, base64url, where they can be woken up.
    pub(crate) vapid: Option<String>,
}

impl App {
    /// Connects an app, once for each link, and asks it for the number.
    pub(crate) async fn connect_app(&self, app: &Connecting) -> Result<Connected, Error> {
        let now = self.now();
        // First of all: where the vault is away, the link is still good afterwards.
        let vapid = self.vapid_public_key().await?;
        let link = self.link(&app.token, now).await?;
        let (key, authenticator_id) = self.introduced(app, &link)?;
        let enrollment = self.open_enrollment(&link, now).await?;
        let user = self.store.user(enrollment.user_id).await?.filter(|user| user.state == UserState::Active);
        let application = self.store.application(enrollment.application_id).await?;
        let (Some(user), Some(application)) = (user, application) else { return Err(NO_LINK) };
        let about = About {
            user_id: Some(user.id),
            authenticator_id: Some(authenticator_id),
            session_id: Some(enrollment.session_id),
            enrollment_id: Some(enrollment.id),
            ..About::default()
        };
        let event = self
            .event(EventKind::AuthenticatorLinked, None, about)
            .detailed(self.details([("name", app.name.clone())].into_iter().chain(address(app.address))));
        // Of several that come by one link this has one winner.
        let taken = Change::EndPrompt { id: link.id, to: PromptState::Used };
        if self.commit(taken, event).await? != Effect::Applied {
            return Err(NO_LINK);
        }
        let question = self.first_question(&key, &enrollment, &user, &application, now)?;
        let event = self.event(EventKind::PromptCreated, None, about).with("kind", AuthenticatorKind::Push.name());
        let event = event.with("prompt", question.id.to_string());
        if self.commit(Change::CreatePrompt(Box::new(question)), event).await? != Effect::Applied {
            return Err(NO_LINK);
        }
        let renamed = self.event(EventKind::AuthenticatorRenamed, None, about);
        let change = Change::RenameAuthenticator { id: authenticator_id, label: app.name.clone(), by: None, at: now };
        self.commit(change, renamed).await?;
        let issuer = self.settings.issuer_name.clone().unwrap_or_else(|| application.name.clone());
        Ok(Connected { authenticator_id, application: application.name, account: account(&user), issuer, vapid })
    }

    /// What browsers subscribe to, base64url; `None` where they cannot be woken up.
    pub(crate) async fn vapid_public_key(&self) -> Result<Option<String>, Error> {
        let Some(key) = self.post.as_ref().and_then(|post| post.vapid()) else { return Ok(None) };
        Ok(Some(BASE64URL_NOPAD.encode(&key.public().await?)))
    }

    /// The prompt that a link is of, if that still waits for an app.
    async fn link(&self, token: &str, now: Timestamp) -> Result<Prompt, Error> {
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok().map(Zeroizing::new);
        let id = bytes.filter(|bytes| bytes.len() == TOKEN).and_then(|bytes| bytes.first_chunk::<16>().copied());
        let Some(id) = id.map(uuid::Uuid::from_bytes).map(PromptId::from_uuid) else { return Err(NO_LINK) };
        let prompt = self.store.prompt(id).await?.ok_or(NO_LINK)?;
        let is_it = prompt.hash == Some(sha256(token.as_bytes())) && is_link(&prompt) && prompt.is_open(now);
        if is_it { Ok(prompt) } else { Err(NO_LINK) }
    }

    /// The app's key, once it has shown that it has it.
    fn introduced(&self, app: &Connecting, link: &Prompt) -> Result<(AppKey, AuthenticatorId), Error> {
        let key = AppKey::from_text(&app.public_key)
            .ok_or_else(|| Error::invalid("/public_key", "must be an uncompressed P-256 point, 65 bytes, base64url"))?;
        let token_hash = sha256(app.token.as_bytes());
        let message =
            Enroll { server: self.push_server(), token_hash: &token_hash, public_key: key.point(), name: &app.name };
        if !key.signed(&message.bytes(), &app.signature) {
            return Err(Error::invalid("/signature", "is not this key's over token, key and name"));
        }
        Ok((key, link.authenticator_id.ok_or(NO_LINK)?))
    }

    async fn open_enrollment(&self, link: &Prompt, now: Timestamp) -> Result<Enrollment, Error> {
        let id = link.enrollment_id.ok_or(NO_LINK)?;
        let enrollment = self.store.enrollment(id).await?;
        enrollment.filter(|enrollment| enrollment.state_at(now) == EnrollmentState::Viewed).ok_or(NO_LINK)
    }

    fn first_question(
        &self,
        key: &AppKey,
        enrollment: &Enrollment,
        user: &User,
        application: &Application,
        now: Timestamp,
    ) -> Result<Prompt, Error> {
        let expires_at = now.plus(Prompt::PUSH_LIFETIME).min(enrollment.expires_at);
        let mut prompt = self.new_prompt(AuthenticatorKind::Push, now, expires_at);
        prompt.enrollment_id = Some(enrollment.id);
        prompt.user_id = Some(user.id);
        prompt.authenticator_id = Some(enrollment.authenticator_id);
        let text = PromptText {
            v: PromptText::VERSION,
            id: prompt.id,
            authenticator_id: enrollment.authenticator_id,
            about: Subject::EnrollmentId(enrollment.id),
            application: &application.name,
            account: &account(user),
            action: ACTION,
            action_hash: &action_hash_text(&ActionHash(sha256(enrollment.id.to_string().as_bytes()))),
            shown: &[],
            asked_from: AskedFrom::default(),
            created_at: now,
            expires_at,
            digits: self.push_digits(),
        };
        let text = text.to_json().map_err(|error| Error::Internal(error.to_string()))?;
        let number = Number::generate(self.push_digits(), &*self.entropy);
        let mut question = Question::new(number, text, Door::Trusted);
        question.app = Some(NewApp { public_key: BASE64URL_NOPAD.encode(key.point()) });
        prompt.data = Kept::Question(Box::new(question)).to_json();
        Ok(prompt)
    }

    /// How many digits the number has that is typed.
    pub(super) fn push_digits(&self) -> Digits {
        self.settings.push_digits
    }
}

/// The link was used, is over, or never was one.
const NO_LINK: Error = Error::NotFound("link: it was used already, its time is over, or there never was one like it");

/// Whose account it is, as the user knows it.
pub(super) fn account(user: &User) -> String {
    user.display_name.clone().unwrap_or_else(|| user.external_id.as_given().to_owned())
}

pub(super) fn action_hash_text(hash: &ActionHash) -> String {
    BASE64URL_NOPAD.encode(&hash.0)
}

fn address(address: Option<IpAddr>) -> Option<(&'static str, String)> {
    address.map(|address| ("address", address.to_string()))
}
