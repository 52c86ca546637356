//! Rows as the words of `domain`: which columns, in which order, and how each is read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use domain::event::About;
use domain::{
    Aal, ActionHash, Amr, ApiKey, ApiKeyId, Application, ApplicationId, Authenticator, AuthenticatorId,
    AuthenticatorKind, AuthenticatorState, BackupCode, CertificateFingerprint, Challenge, ChallengeId, ChallengeState,
    Credential, Details, Device, DeviceId, DeviceKind, Enrollment, EnrollmentId, EnrollmentState, Event, EventId,
    EventKind, ExternalId, HardwareToken, HardwareTokenId, HostedPage, KeyHash, PageId, PagePurpose, PageState,
    PolicyAuthor, PolicyId, PolicyInForce, PolicyOrigin, Prompt, PromptId, PromptState, Proof, Quality, ReturnOrigin,
    ReturnUrl, Satisfaction, Scope, Sealed, Session, SessionId, SignIn, SignInId, Timestamp, TokenHash, User, UserId,
    UserKind, UserState, Wait, Wanted,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::engine::{Cell, Fault, Row};

/// Reads a row from left to right.
pub(crate) struct Reader<'a, 'r> {
    row: &'a Row<'r>,
    column: usize,
}

impl<'a, 'r> Reader<'a, 'r> {
    pub(crate) fn new(row: &'a Row<'r>) -> Self {
        Self { row, column: 0 }
    }

    pub(crate) fn next<T: Cell>(&mut self) -> Result<T, Fault> {
        let value = self.row.get(self.column)?;
        self.column += 1;
        Ok(value)
    }

    fn skip(&mut self, columns: usize) {
        self.column += columns;
    }

    pub(crate) fn small<T: TryFrom<i64>>(&mut self) -> Result<T, Fault> {
        let column = self.column;
        let value: i64 = self.next()?;
        T::try_from(value).map_err(|_| Fault::Damaged(format!("{value} is out of range in column {column}")))
    }

    fn text(&mut self) -> Result<Option<&str>, Fault> {
        let column = self.column;
        self.column += 1;
        self.row.text(column)
    }

    pub(crate) fn named<T>(&mut self, named: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
        self.maybe_named(named)?.ok_or_else(|| Fault::Damaged("a name is missing".to_owned()))
    }

    pub(crate) fn maybe_named<T>(&mut self, named: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Fault> {
        let name = self.text()?;
        name.map(|name| named(name).ok_or_else(|| unknown(name))).transpose()
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, Fault> {
        Ok(Timestamp::from_unix_millis(self.next()?))
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp::from_unix_millis))
    }

    pub(crate) fn id<T>(&mut self, id: fn(Uuid) -> T) -> Result<T, Fault> {
        Ok(id(self.next()?))
    }

    pub(crate) fn maybe_id<T>(&mut self, id: fn(Uuid) -> T) -> Result<Option<T>, Fault> {
        Ok(self.next::<Option<Uuid>>()?.map(id))
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.maybe_bytes()?.ok_or_else(|| Fault::Damaged("bytes are missing".to_owned()))
    }

    fn maybe_bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Fault> {
        let Some(bytes) = self.next::<Option<Vec<u8>>>()? else { return Ok(None) };
        bytes
            .try_into()
            .map(Some)
            .map_err(|bytes: Vec<u8>| Fault::Damaged(format!("{} bytes where {N} belong", bytes.len())))
    }
}

fn unknown(name: &str) -> Fault {
    Fault::Damaged(format!("no such name is known: {name:?}"))
}

pub(crate) const USER: &str = "u.id, u.external_id, u.display_name, u.kind, u.state, u.created_at";

pub(crate) fn user(row: &mut Reader<'_, '_>) -> Result<User, Fault> {
    Ok(User {
        id: row.id(UserId::from_uuid)?,
        external_id: row.named(|given| ExternalId::parse(given).ok())?,
        display_name: row.next()?,
        kind: row.named(UserKind::from_name)?,
        state: row.named(UserState::from_name)?,
        created_at: row.time()?,
    })
}

pub(crate) const DEVICE: &str = "d.id, d.user_id, d.name, d.kind, d.created_at";

pub(crate) fn device(row: &mut Reader<'_, '_>) -> Result<Device, Fault> {
    Ok(Device {
        id: row.id(DeviceId::from_uuid)?,
        user_id: row.id(UserId::from_uuid)?,
        name: row.next()?,
        kind: row.named(DeviceKind::from_name)?,
        created_at: row.time()?,
    })
}

/// Of a token `h` at the time that `$1` is; its authenticator, if it is still there, is `a`.
pub(crate) const HARDWARE_TOKEN: &str = "h.id, h.serial, h.blob, h.algorithm, h.digits, h.period, \
    CASE WHEN a.last_step > h.last_step THEN a.last_step ELSE h.last_step END, h.authenticator_id, h.assigned_to, \
    h.failures, h.imported_at, \
    CAST(CASE WHEN a.state IN ('active', 'suspended', 'lost') OR (a.state = 'pending' AND EXISTS (SELECT 1 FROM enrollments e \
        WHERE e.id = h.enrollment_id AND e.state IN ('started', 'viewed') AND e.expires_at > $1)) THEN 0 ELSE 1 END AS BIGINT)";

pub(crate) fn hardware_token(row: &mut Reader<'_, '_>) -> Result<HardwareToken, Fault> {
    Ok(HardwareToken {
        id: row.id(HardwareTokenId::from_uuid)?,
        serial: row.next()?,
        sealed: Sealed {
            blob: row.next()?,
            algorithm: row.next()?,
            digits: row.small()?,
            period: row.small()?,
            generation: 0,
        },
        last_step: row.next()?,
        authenticator_id: row.maybe_id(AuthenticatorId::from_uuid)?,
        assigned_to: row.maybe_id(UserId::from_uuid)?,
        failures: row.small()?,
        imported_at: row.time()?,
        is_free: row.next::<i64>()? == 1,
    })
}

pub(crate) const AUTHENTICATOR: &str = "a.id, a.user_id, a.device_id, a.kind, a.state, a.label, a.blob, a.algorithm, a.digits, a.period, \
    a.generation, a.last_step, a.failures, a.open_failures, a.open_retry_at, a.trusted_failures, a.trusted_retry_at, \
    a.created_at, a.activated_at, a.last_used_at, a.credential";

pub(crate) fn authenticator(row: &mut Reader<'_, '_>) -> Result<Authenticator, Fault> {
    let (id, user_id) = (row.id(AuthenticatorId::from_uuid)?, row.id(UserId::from_uuid)?);
    let device_id = row.maybe_id(DeviceId::from_uuid)?;
    let kind = row.named(AuthenticatorKind::from_name)?;
    let state = row.named(AuthenticatorState::from_name)?;
    let label = row.next()?;
    let sealed = match row.next::<Option<Vec<u8>>>()? {
        None => {
            row.skip(4);
            None
        }
        Some(blob) => Some(Sealed {
            blob,
            algorithm: row.next()?,
            digits: row.small()?,
            period: row.small()?,
            generation: row.small()?,
        }),
    };
    Ok(Authenticator {
        id,
        user_id,
        device_id,
        kind,
        state,
        label,
        sealed,
        last_step: row.next()?,
        failures: row.small()?,
        open: wait(row)?,
        trusted: wait(row)?,
        created_at: row.time()?,
        activated_at: row.maybe_time()?,
        last_used_at: row.maybe_time()?,
        credential: row.maybe_named(credential)?,
    })
}

fn credential(json: &str) -> Option<Credential> {
    serde_json::from_str(json).ok()
}

pub(crate) fn credential_text(credential: &Credential) -> String {
    // Names, texts and JSON values alone: nothing that cannot be written.
    serde_json::to_string(credential).unwrap_or_default()
}

fn wait(row: &mut Reader<'_, '_>) -> Result<Wait, Fault> {
    Ok(Wait { failures: row.small()?, retry_at: row.maybe_time()? })
}

/// Codes as a list: `position:hash in hex`, separated by commas.
pub(crate) const BACKUP_CODES: &str = "{list<}b.position || ':' || {hex<}b.hash{hex>}{list>}";

pub(crate) fn backup_codes(list: &str) -> Result<Vec<BackupCode>, Fault> {
    let damaged = || Fault::Damaged("a backup code cannot be read".to_owned());
    let mut codes = list
        .split(',')
        .map(|code| {
            let (position, hash) = code.split_once(':').ok_or_else(damaged)?;
            let position = position.parse().map_err(|_| damaged())?;
            Ok(BackupCode { position, hash: bytes_of(hash).ok_or_else(damaged)? })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    codes.sort_by_key(|code| code.position);
    Ok(codes)
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

pub(crate) const SESSION: &str = "s.id, s.application_id, s.user_id, s.device_id, s.amr, s.aal, s.proofs, s.authenticated_at, s.created_at, \
    s.expires_at, s.ended_at, s.cnf";

/// The session of a row that may have none.
pub(crate) fn maybe_session(row: &mut Reader<'_, '_>) -> Result<Option<Session>, Fault> {
    match row.maybe_id(SessionId::from_uuid)? {
        None => {
            row.skip(11);
            Ok(None)
        }
        Some(id) => session_of(id, row).map(Some),
    }
}

pub(crate) fn session(row: &mut Reader<'_, '_>) -> Result<Session, Fault> {
    let id = row.id(SessionId::from_uuid)?;
    session_of(id, row)
}

fn session_of(id: SessionId, row: &mut Reader<'_, '_>) -> Result<Session, Fault> {
    Ok(Session {
        id,
        application_id: row.id(ApplicationId::from_uuid)?,
        user_id: row.id(UserId::from_uuid)?,
        device_id: row.maybe_id(DeviceId::from_uuid)?,
        amr: row.named(methods)?,
        aal: Aal::from_number(row.small()?).ok_or_else(|| unknown("aal"))?,
        proofs: row.named(proofs)?,
        authenticated_at: row.time()?,
        created_at: row.time()?,
        expires_at: row.time()?,
        ended_at: row.maybe_time()?,
        cnf: row.maybe_named(|json| serde_json::from_str(json).ok())?,
    })
}

fn methods(names: &str) -> Option<BTreeSet<Amr>> {
    names.split_ascii_whitespace().map(Amr::parse).collect()
}

pub(crate) fn amr_text(methods: &BTreeSet<Amr>) -> String {
    methods.iter().map(Amr::name).collect::<Vec<_>>().join(" ")
}

/// Proofs as a session's row has them: `{"<authenticator's UUID>": [kind, milliseconds, quality]}`, so that one more merges
/// by itself.
pub(crate) fn proofs_text(proofs: &[Proof]) -> String {
    let mut text = "{".to_owned();
    for (place, proof) in proofs.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let (id, kind) = (proof_name(proof.authenticator_id), proof.kind.name());
        // None of these has a character that JSON would want escaped.
        let _ = write!(text, "{comma}\"{id}\":[\"{kind}\",{}", proof.verified_at.unix_millis());
        let quality = proof.quality.bits();
        let _ = if quality == 0 { write!(text, "]") } else { write!(text, ",{quality}]") };
    }
    text.push('}');
    text
}

/// By what a proof with this authenticator is known among a session's.
pub(crate) fn proof_name(authenticator: AuthenticatorId) -> String {
    authenticator.uuid().simple().to_string()
}

/// Kind, milliseconds, and the quality's bits, if there are any.
#[derive(serde::Deserialize)]
struct Proved<'a>(#[serde(borrow)] &'a str, i64, #[serde(default)] u8);

fn proofs(text: &str) -> Option<Vec<Proof>> {
    if text == "{}" {
        return Some(Vec::new());
    }
    let by_id: std::collections::BTreeMap<&str, Proved<'_>> = serde_json::from_str(text).ok()?;
    let mut proofs = by_id
        .into_iter()
        .map(|(id, Proved(kind, at, quality))| {
            Some(Proof {
                authenticator_id: AuthenticatorId::from_uuid(Uuid::try_parse(id).ok()?),
                kind: AuthenticatorKind::from_name(kind)?,
                verified_at: Timestamp::from_unix_millis(at),
                quality: Quality::from_bits(quality),
            })
        })
        .collect::<Option<Vec<_>>>()?;
    proofs.sort_by_key(|proof| proof.verified_at);
    Some(proofs)
}

pub(crate) const ENROLLMENT: &str = "e.id, e.application_id, e.user_id, e.session_id, e.authenticator_id, e.replaces, e.state, e.algorithm, \
    e.digits, e.period, e.recipient_key, e.failures, e.created_at, e.view_expires_at, e.expires_at, e.kind";

pub(crate) fn enrollment(row: &mut Reader<'_, '_>) -> Result<Enrollment, Fault> {
    Ok(Enrollment {
        id: row.id(EnrollmentId::from_uuid)?,
        application_id: row.id(ApplicationId::from_uuid)?,
        user_id: row.id(UserId::from_uuid)?,
        session_id: row.id(SessionId::from_uuid)?,
        authenticator_id: row.id(AuthenticatorId::from_uuid)?,
        replaces: row.maybe_id(AuthenticatorId::from_uuid)?,
        state: row.named(EnrollmentState::from_name)?,
        algorithm: row.next()?,
        digits: row.small()?,
        period: row.small()?,
        recipient_key: row.next()?,
        failures: row.small()?,
        created_at: row.time()?,
        view_expires_at: row.time()?,
        expires_at: row.time()?,
        kind: row.named(AuthenticatorKind::from_name)?,
    })
}

pub(crate) const CHALLENGE: &str = "c.id, c.application_id, c.user_id, c.session_id, c.action, c.action_hash, c.state, c.failures, \
    c.created_at, c.expires_at, c.shown, c.satisfied, c.required";

pub(crate) fn challenge(row: &mut Reader<'_, '_>) -> Result<Challenge, Fault> {
    Ok(Challenge {
        id: row.id(ChallengeId::from_uuid)?,
        application_id: row.id(ApplicationId::from_uuid)?,
        user_id: row.maybe_id(UserId::from_uuid)?,
        session_id: row.maybe_id(SessionId::from_uuid)?,
        action: row.next()?,
        action_hash: ActionHash(row.bytes()?),
        state: row.named(ChallengeState::from_name)?,
        failures: row.small()?,
        created_at: row.time()?,
        expires_at: row.time()?,
        shown: row.maybe_named(|json| serde_json::from_str(json).ok())?.unwrap_or_default(),
        satisfied: row.maybe_named(|json| serde_json::from_str(json).ok())?,
        required: row.maybe_named(|json| serde_json::from_str(json).ok())?,
    })
}

/// Without the files, which may be large.
pub(crate) const POLICY_HEAD: &str = "p.id, p.number, p.version, '{}', p.enforced_since, p.at, p.origin, p.application_id, p.certificate, \
    p.author, p.reference, p.signature";

pub(crate) const POLICY: &str = "p.id, p.number, p.version, p.files, p.enforced_since, p.at, p.origin, p.application_id, p.certificate, \
    p.author, p.reference, p.signature";

pub(crate) fn policy(row: &mut Reader<'_, '_>) -> Result<PolicyInForce, Fault> {
    Ok(PolicyInForce {
        id: row.id(PolicyId::from_uuid)?,
        number: row.next()?,
        version: row.next()?,
        files: row.named(|json| serde_json::from_str(json).ok())?,
        enforced_since: row.maybe_time()?,
        at: row.time()?,
        origin: row.named(PolicyOrigin::from_name)?,
        by: PolicyAuthor {
            application_id: row.maybe_id(ApplicationId::from_uuid)?,
            certificate: row.maybe_named(CertificateFingerprint::parse)?,
            name: row.next()?,
            reference: row.next()?,
        },
        signature: row.next()?,
    })
}

pub(crate) fn shown_text(shown: &Map<String, Value>) -> Option<String> {
    (!shown.is_empty()).then(|| serde_json::to_string(shown).unwrap_or_default())
}

pub(crate) fn satisfaction_text(satisfied: &Satisfaction) -> String {
    // Names, numbers and texts alone: nothing that cannot be written.
    serde_json::to_string(satisfied).unwrap_or_default()
}

pub(crate) const PROMPT: &str = "m.id, m.challenge_id, m.enrollment_id, m.user_id, m.authenticator_id, m.kind, m.state, m.hash, m.data, \
    m.sends, m.created_at, m.sent_at, m.expires_at";

pub(crate) fn prompt(row: &mut Reader<'_, '_>) -> Result<Prompt, Fault> {
    Ok(Prompt {
        id: row.id(PromptId::from_uuid)?,
        challenge_id: row.maybe_id(ChallengeId::from_uuid)?,
        enrollment_id: row.maybe_id(EnrollmentId::from_uuid)?,
        user_id: row.maybe_id(UserId::from_uuid)?,
        authenticator_id: row.maybe_id(AuthenticatorId::from_uuid)?,
        kind: row.named(AuthenticatorKind::from_name)?,
        state: row.named(PromptState::from_name)?,
        hash: row.maybe_bytes()?,
        data: row.next()?,
        sends: row.small()?,
        created_at: row.time()?,
        sent_at: row.time()?,
        expires_at: row.time()?,
    })
}

pub(crate) fn wanted_text(wanted: &Wanted) -> String {
    // Names and texts alone: nothing that cannot be written.
    serde_json::to_string(wanted).unwrap_or_default()
}

pub(crate) const PAGE: &str = "g.id, g.application_id, g.purpose, g.state, g.token, g.browser, g.code_challenge, g.redeemed_at, \
    g.user_id, g.session_id, g.challenge_id, g.enrollment_id, g.wanted, g.return_url, g.carried, g.refused, g.created_at, g.expires_at";

pub(crate) fn page(row: &mut Reader<'_, '_>) -> Result<HostedPage, Fault> {
    Ok(HostedPage {
        id: row.id(PageId::from_uuid)?,
        application_id: row.id(ApplicationId::from_uuid)?,
        purpose: row.named(PagePurpose::from_name)?,
        state: row.named(PageState::from_name)?,
        token: TokenHash(row.bytes()?),
        browser: row.maybe_bytes()?.map(TokenHash),
        code_challenge: row.maybe_bytes()?.map(TokenHash),
        redeemed_at: row.maybe_time()?,
        user_id: row.maybe_id(UserId::from_uuid)?,
        session_id: row.maybe_id(SessionId::from_uuid)?,
        challenge_id: row.maybe_id(ChallengeId::from_uuid)?,
        enrollment_id: row.maybe_id(EnrollmentId::from_uuid)?,
        wanted: row.maybe_named(|json| serde_json::from_str(json).ok())?,
        return_url: row.named(|text| ReturnUrl::parse(text).ok())?,
        carried: row.next()?,
        refused: row.small()?,
        created_at: row.time()?,
        expires_at: row.time()?,
    })
}

pub(crate) const SIGN_IN: &str = "n.id, n.application_id, n.user_id, n.session_id, n.site, n.groups, n.return_url, n.code, n.state, \
    n.browser, n.seen_at, n.created_at, n.expires_at";

pub(crate) fn sign_in(row: &mut Reader<'_, '_>) -> Result<SignIn, Fault> {
    Ok(SignIn {
        id: row.id(SignInId::from_uuid)?,
        application_id: row.id(ApplicationId::from_uuid)?,
        user_id: row.id(UserId::from_uuid)?,
        session_id: row.id(SessionId::from_uuid)?,
        site: row.next()?,
        groups: row.named(|text| serde_json::from_str(text).ok())?,
        return_url: row.named(|text| ReturnUrl::parse(text).ok())?,
        code: TokenHash(row.bytes()?),
        state: TokenHash(row.bytes()?),
        browser: row.maybe_bytes()?.map(TokenHash),
        seen_at: row.time()?,
        created_at: row.time()?,
        expires_at: row.time()?,
    })
}

/// With the application that it is of.
pub(crate) fn signed_in(row: &mut Reader<'_, '_>) -> Result<(SignIn, Application), Fault> {
    Ok((sign_in(row)?, application(row)?))
}

/// With its certificates as a list in hex.
pub(crate) const APPLICATION: &str = "p.id, p.name, p.scopes, p.return_origins, p.version, p.created_at, \
    (SELECT {list<}{hex<}t.fingerprint{hex>}{list>} FROM application_certificates t WHERE t.application_id = p.id)";

pub(crate) fn application(row: &mut Reader<'_, '_>) -> Result<Application, Fault> {
    Ok(Application {
        id: row.id(ApplicationId::from_uuid)?,
        name: row.next()?,
        scopes: row.named(scopes)?,
        return_origins: row.named(return_origins)?,
        version: row.next()?,
        created_at: row.time()?,
        certificates: match row.next::<Option<String>>()? {
            None => BTreeSet::new(),
            Some(list) => list
                .split(',')
                .map(|hex| CertificateFingerprint::parse(hex).ok_or_else(|| unknown(hex)))
                .collect::<Result<_, _>>()?,
        },
    })
}

fn scopes(names: &str) -> Option<BTreeSet<Scope>> {
    names.split_ascii_whitespace().map(Scope::from_name).collect()
}

pub(crate) fn scopes_text(scopes: &BTreeSet<Scope>) -> String {
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
}

fn return_origins(texts: &str) -> Option<BTreeSet<ReturnOrigin>> {
    texts.split_ascii_whitespace().map(|text| ReturnOrigin::parse(text).ok()).collect()
}

pub(crate) fn return_origins_text(origins: &BTreeSet<ReturnOrigin>) -> String {
    origins.iter().map(ReturnOrigin::as_str).collect::<Vec<_>>().join(" ")
}

pub(crate) const API_KEY: &str = "k.id, k.application_id, k.hash, k.created_at, k.expires_at";

pub(crate) fn api_key(row: &mut Reader<'_, '_>) -> Result<ApiKey, Fault> {
    Ok(ApiKey {
        id: row.id(ApiKeyId::from_uuid)?,
        application_id: row.id(ApplicationId::from_uuid)?,
        hash: KeyHash(row.bytes()?),
        created_at: row.time()?,
        expires_at: row.maybe_time()?,
    })
}

/// The key's id and end, for a caller.
pub(crate) fn key_of_caller(row: &mut Reader<'_, '_>) -> Result<(KeyHash, ApiKeyId, Option<Timestamp>), Fault> {
    Ok((KeyHash(row.bytes()?), row.id(ApiKeyId::from_uuid)?, row.maybe_time()?))
}

/// An event and its details, which may have been erased.
pub(crate) const EVENT: &str = "v.position, v.id, v.at, v.kind, v.application_id, v.user_id, v.device_id, v.authenticator_id, v.session_id, \
    v.enrollment_id, v.challenge_id, v.data, v.commitment, t.fields, t.salt";

pub(crate) fn event(row: &mut Reader<'_, '_>) -> Result<Event, Fault> {
    Ok(Event {
        position: row.next()?,
        id: row.id(EventId::from_uuid)?,
        at: row.time()?,
        kind: row.named(EventKind::from_name)?,
        application_id: row.maybe_id(ApplicationId::from_uuid)?,
        about: About {
            user_id: row.maybe_id(UserId::from_uuid)?,
            device_id: row.maybe_id(DeviceId::from_uuid)?,
            authenticator_id: row.maybe_id(AuthenticatorId::from_uuid)?,
            session_id: row.maybe_id(SessionId::from_uuid)?,
            enrollment_id: row.maybe_id(EnrollmentId::from_uuid)?,
            challenge_id: row.maybe_id(ChallengeId::from_uuid)?,
        },
        data: object(&row.next::<String>()?)?,
        details: details(row)?,
    })
}

fn details(row: &mut Reader<'_, '_>) -> Result<Option<Details>, Fault> {
    let commitment: Option<Vec<u8>> = row.next()?;
    let (fields, salt): (Option<String>, Option<Vec<u8>>) = (row.next()?, row.next()?);
    let (Some(commitment), Some(fields), Some(salt)) = (commitment, fields, salt) else { return Ok(None) };
    let damaged = |_| Fault::Damaged("an event's details cannot be read".to_owned());
    Ok(Some(Details {
        fields: object(&fields)?,
        salt: salt.try_into().map_err(damaged)?,
        commitment: commitment.try_into().map_err(damaged)?,
    }))
}

fn object(text: &str) -> Result<Map<String, Value>, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::Damaged("an event's data cannot be read".to_owned()))
}
