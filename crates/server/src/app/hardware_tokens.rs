//! Hardware tokens: a sealed file of them is imported, they are listed, and removed. How one becomes somebody's is an enrollment.

use std::collections::BTreeSet;

use domain::event::About;
use domain::{
    AuthenticatorId, AuthenticatorKind, Event, EventKind, HardwareToken, HardwareTokenId, Page, PageRequest, Sealed,
    Timestamp, UserId,
};
use store::{Change, Effect};
use vault_proto::{ImportTokens, ImportedToken, RefusedToken, Reply, TokenFile, Verb};

use super::telling::With;
use super::vault::unexpected;
use super::{Actor, App, Error, Made, Once, UserRef};

/// A file of tokens, sealed for the vault.
#[derive(Debug)]
pub(crate) struct SealedFile {
    /// The vault's key that it was sealed to.
    pub(crate) key: [u8; 32],
    /// The encapsulated key.
    pub(crate) enc: [u8; 32],
    /// The file.
    pub(crate) ciphertext: Vec<u8>,
}

/// What came of a file.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Those that can be used from now on.
    pub(crate) tokens: Vec<HardwareToken>,
    /// Those that were not taken, and why.
    pub(crate) refused: Vec<RefusedToken>,
    /// Whether an earlier request with the same key did this.
    pub(crate) before: bool,
}

impl App {
    /// The vault's key that files are sealed to.
    pub(crate) async fn import_key(&self) -> Result<[u8; 32], Error> {
        match self.vault.ask(|| Verb::PublicKeys).await? {
            Reply::PublicKeys(keys) => Ok(keys.import),
            other => Err(unexpected(&other)),
        }
    }

    /// Has the vault open a file, and keeps its tokens: all that can be used, or none. A request that is sent again with its key is answered
    /// with the tokens that the first one brought.
    pub(crate) async fn import_hardware_tokens(
        &self,
        actor: &Actor,
        file: SealedFile,
        once: Option<&Once>,
    ) -> Result<Imported, Error> {
        let now = self.now();
        let ids: Vec<HardwareTokenId> =
            (0..TokenFile::MAX_TOKENS).map(|_| HardwareTokenId::generate(now, &*self.entropy)).collect();
        let first = ids.iter().min().copied();
        let (tokens, mut refused) = self.opened(file, &ids).await?;
        let serials: Vec<String> = tokens.iter().map(|token| token.token.serial.clone()).collect();
        let known = self.known_serials(&serials).await?;
        let (old, new): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|token| known.contains(&token.token.serial));
        let invalid = refused.clone();
        refused.extend(old.into_iter().map(|token| imported_before(token.token.serial)));
        let tokens: Vec<HardwareToken> = new.into_iter().map(|token| kept(token, now)).collect();
        if tokens.is_empty() && once.is_none() {
            return Ok(Imported { tokens, refused, before: false });
        }
        let events: Vec<_> = tokens.iter().map(|token| self.imported(actor, token)).collect();
        let record = first.and_then(|first| Once::record(once, actor, first, now));
        let change = if tokens.is_empty() { Change::Tell } else { Change::ImportHardwareTokens(tokens.clone()) };
        let effect = self.commit_once(change, events, record).await?;
        let at_once = Error::Conflict("some of these tokens were imported at the same time: try again");
        match Once::made(once, effect, tokens, at_once)? {
            Made::New(tokens) => Ok(Imported { tokens, refused, before: false }),
            Made::Before(first) => self.imported_by(&first, serials, invalid).await,
        }
    }

    async fn opened(
        &self,
        file: SealedFile,
        ids: &[HardwareTokenId],
    ) -> Result<(Vec<ImportedToken>, Vec<RefusedToken>), Error> {
        let ids: Vec<[u8; 16]> = ids.iter().map(|id| id.uuid().into_bytes()).collect();
        let SealedFile { key, enc, ciphertext } = file;
        let question =
            || Verb::ImportTokens(ImportTokens { key, enc, ciphertext: ciphertext.clone(), ids: ids.clone() });
        match self.vault.ask_patiently(question).await? {
            Reply::TokensImported { tokens, refused } => Ok((tokens, refused)),
            other => Err(unexpected(&other)),
        }
    }

    async fn known_serials(&self, serials: &[String]) -> Result<BTreeSet<String>, Error> {
        let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
        Ok(self.store.known_serials(&serials).await?.into_iter().collect())
    }

    fn imported(&self, actor: &Actor, token: &HardwareToken) -> Event {
        self.event(EventKind::HardwareTokenImported, Some(actor), About::default())
            .with("hardware_token_id", token.id.to_string())
            .with("serial", token.serial.as_str())
    }

    /// What an earlier request brought of a file with these serial numbers, as it is now. Its ids are from `first` on, and of one
    /// millisecond (RFC 9562 §5.7).
    async fn imported_by(
        &self,
        first: &str,
        serials: Vec<String>,
        mut refused: Vec<RefusedToken>,
    ) -> Result<Imported, Error> {
        let first: HardwareTokenId =
            first.parse().map_err(|_| Error::Internal("what an import left is no token's id".to_owned()))?;
        let at = |id: HardwareTokenId| id.uuid().as_u128() >> 80;
        let before = uuid::Uuid::from_u128(first.uuid().as_u128().saturating_sub(1));
        let mut after = Some(HardwareTokenId::from_uuid(before));
        let mut tokens: Vec<HardwareToken> = Vec::new();
        while let Some(from) = after {
            let page = self.hardware_tokens(PageRequest { after: Some(from), limit: PageRequest::<()>::MAX }).await?;
            after = page.next.filter(|next| at(*next) == at(first));
            tokens.extend(page.items.into_iter().filter(|token| at(token.id) == at(first)));
        }
        let theirs: BTreeSet<String> = serials.into_iter().collect();
        tokens.retain(|token| theirs.contains(&token.serial));
        let brought: BTreeSet<&str> = tokens.iter().map(|token| token.serial.as_str()).collect();
        let theirs: Vec<String> = theirs.into_iter().filter(|serial| !brought.contains(serial.as_str())).collect();
        refused.extend(self.known_serials(&theirs).await?.into_iter().map(imported_before));
        Ok(Imported { tokens, refused, before: true })
    }

    /// Hardware tokens, in the order in which they were imported.
    pub(crate) async fn hardware_tokens(
        &self,
        page: PageRequest<HardwareTokenId>,
    ) -> Result<Page<HardwareToken, HardwareTokenId>, Error> {
        Ok(self.store.hardware_tokens(self.now(), page).await?)
    }

    /// Removes a token that is nobody's.
    pub(crate) async fn remove_hardware_token(&self, actor: &Actor, id: HardwareTokenId) -> Result<(), Error> {
        let now = self.now();
        let token = self.store.hardware_token(id, now).await?.ok_or(Error::NotFound("hardware token"))?;
        let event = self
            .event(EventKind::HardwareTokenRemoved, Some(actor), About::default())
            .with("hardware_token_id", id.to_string())
            .with("serial", token.serial.as_str());
        match self.commit(Change::RemoveHardwareToken { id, at: now }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::Conflict("it is somebody's: revoke the authenticator first")),
        }
    }

    /// Says whom a token is meant for; for nobody, if nobody is named.
    pub(crate) async fn assign_hardware_token(
        &self,
        actor: &Actor,
        id: HardwareTokenId,
        to: Option<&UserRef>,
    ) -> Result<HardwareToken, Error> {
        let now = self.now();
        let token = self.store.hardware_token(id, now).await?.ok_or(Error::NotFound("hardware token"))?;
        let to = match to {
            Some(user) => Some(self.find_user(user).await?.ok_or(Error::NotFound("user"))?.id),
            None => None,
        };
        let event = self
            .event(EventKind::HardwareTokenAssigned, Some(actor), About { user_id: to, ..About::default() })
            .with("hardware_token_id", id.to_string())
            .with("serial", token.serial.as_str());
        match self.commit(Change::AssignHardwareToken { id, to, at: now }, event).await? {
            Effect::Applied => Ok(HardwareToken { assigned_to: to, ..token }),
            _ => Err(Error::Conflict("it is somebody's already, or the user is suspended")),
        }
    }

    /// Has a token enrolled again that too many wrong codes were given for. What the vault counts of its key's failures stays: whoever
    /// could set that back by asking could guess without end (T-28).
    pub(crate) async fn release_hardware_token(
        &self,
        actor: &Actor,
        id: HardwareTokenId,
    ) -> Result<HardwareToken, Error> {
        let token = self.store.hardware_token(id, self.now()).await?.ok_or(Error::NotFound("hardware token"))?;
        let event = self
            .event(EventKind::HardwareTokenReleased, Some(actor), About::default())
            .with("hardware_token_id", id.to_string())
            .with("serial", token.serial.as_str());
        self.commit(Change::ReleaseHardwareToken { id }, event).await?;
        Ok(HardwareToken { failures: 0, ..token })
    }

    /// Tells that the token which is being enrolled as this authenticator is held from now on, if it is.
    pub(crate) async fn tell_if_held(&self, authenticator: AuthenticatorId, user: UserId) -> Result<(), Error> {
        let token = self.store.hardware_token_of(authenticator, self.now()).await?.filter(HardwareToken::is_held);
        let Some(token) = token else { return Ok(()) };
        let about = About { user_id: Some(user), authenticator_id: Some(authenticator), ..About::default() };
        let event = self
            .event(EventKind::HardwareTokenHeld, None, about)
            .with("hardware_token_id", token.id.to_string())
            .with("serial", token.serial.as_str());
        self.commit(Change::Tell, event).await?;
        Ok(())
    }

    /// A token that this user can enroll as an authenticator of this kind: one that is meant for them, or for nobody, where whoever asks may
    /// say who gets it. Of one that there is not, one that is somebody's, meant for somebody else or held, the same is said.
    pub(crate) async fn free_token(
        &self,
        kind: AuthenticatorKind,
        serial: &str,
        user: UserId,
        assigned_only: bool,
        now: Timestamp,
    ) -> Result<HardwareToken, Error> {
        if !matches!(kind, AuthenticatorKind::Hotp | AuthenticatorKind::Totp) {
            return Err(Error::invalid("/serial", "is of hardware tokens, whose kind is hotp or totp"));
        }
        let may = |token: &HardwareToken| match token.assigned_to {
            Some(meant) => meant == user,
            None => !assigned_only,
        };
        let token = self.store.hardware_token_by_serial(serial.trim(), now).await?;
        let token = token.filter(|token| token.is_free && !token.is_held() && may(token));
        let token = token.ok_or_else(|| Error::invalid("/serial", "is no hardware token that this user can enroll"))?;
        let own = if token.sealed.period == 0 { AuthenticatorKind::Hotp } else { AuthenticatorKind::Totp };
        if own != kind {
            return Err(Error::invalid("/kind", format!("codes of this token are those of {}", own.name())));
        }
        Ok(token)
    }

    /// Refuses what would give a hardware token another key.
    pub(crate) async fn is_no_token(&self, id: domain::AuthenticatorId) -> Result<(), Error> {
        match self.store.hardware_token_of(id, self.now()).await? {
            Some(_) => Err(Error::Conflict("a hardware token keeps its key: enroll another one in its place")),
            None => Ok(()),
        }
    }
}

fn imported_before(serial: String) -> RefusedToken {
    let why = "a token with this serial number was imported before".to_owned();
    RefusedToken { line: 0, serial: Some(serial), why }
}

fn kept(token: ImportedToken, now: Timestamp) -> HardwareToken {
    let ImportedToken { token, params, last_step, blob } = token;
    HardwareToken {
        id: HardwareTokenId::from_uuid(uuid::Uuid::from_bytes(token.id)),
        serial: token.serial,
        sealed: Sealed {
            blob,
            algorithm: params.algorithm().name().to_owned(),
            digits: i16::from(params.digits()),
            period: i16::try_from(params.period()).unwrap_or(i16::MAX),
            generation: 0,
        },
        last_step,
        authenticator_id: None,
        is_free: true,
        assigned_to: None,
        failures: 0,
        imported_at: now,
    }
}
