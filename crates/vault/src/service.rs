//! What each verb does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use vault_proto::{
    CheckBackupCode, CheckCode, CheckOtp, Hardening, Outcome, Refusal, Reply, Secret, Sign, Status, Verb,
};

use crate::check::{self, Decoy};
use crate::clock::{Clock, ClockGuard, Moment};
use crate::guard::{Counted, Guard};
use crate::keyring::Keyring;
use crate::memory::Resident;
use crate::provision::provision;
use crate::root_key::Origin;
use crate::{codes, log, seal, sign, tokens};

/// How often the guard forgets: with a million entries it takes some milliseconds, in which no code is checked.
const SWEEP_MILLIS: i64 = 30_000;

/// The vault, without its sockets.
pub(crate) struct Service {
    origin: Origin,
    /// What the keyring can be wrapped with instead.
    next: Option<Origin>,
    settings: Settings,
    hardening: OnceLock<Vec<Hardening>>,
    open: RwLock<Option<Open>>,
    guard: Mutex<Guard>,
    time: Mutex<Time>,
    /// When the guard last forgot, in `SWEEP_MILLIS`.
    swept: AtomicI64,
}

/// What is settled before the first question.
pub(crate) struct Settings {
    /// Where the root key came from.
    pub(crate) root_key_source: &'static str,
    /// Whether the store has a keyring already: then none is made.
    pub(crate) keyring_exists: bool,
    pub(crate) movable_clock: bool,
    pub(crate) resident: Resident,
}

/// What there is once the keyring is open.
struct Open {
    keyring: Keyring,
    decoy: Decoy,
}

struct Time {
    clock: Clock,
    guard: ClockGuard,
}

type Answer = Result<Reply, Refusal>;

impl Service {
    pub(crate) fn new(origin: Origin, next: Option<Origin>, settings: Settings) -> Self {
        let clock = Clock::default();
        let guard = ClockGuard::new(clock.now());
        Self {
            origin,
            next,
            settings,
            hardening: OnceLock::new(),
            open: RwLock::default(),
            guard: Mutex::default(),
            time: Mutex::new(Time { clock, guard }),
            swept: AtomicI64::new(0),
        }
    }

    /// What was given up, for `Status`; said once, before there is any caller.
    pub(crate) fn report(&self, hardening: Vec<Hardening>) {
        let _ = self.hardening.set(hardening);
    }

    /// Answers one question.
    pub(crate) fn answer(&self, verb: Verb) -> Answer {
        match verb {
            Verb::Unlock { keyring } => self.unlock(keyring),
            Verb::Provision(question) => self.with(|open| provision(&open.keyring, &question)),
            Verb::CheckOtp(question) => self.check_otp(&question),
            Verb::Resynchronize(question) => self.with(|open| {
                let turns = |turn: &mut dyn FnMut(&mut Guard)| turn(&mut self.guard());
                let outcome = check::resynchronize(&open.keyring, &open.decoy, &question, turns)?;
                Ok(Reply::Checked { outcome, assertion: None })
            }),
            Verb::IssueBackupCodes { owner, count } => {
                self.with(|open| codes::issue_backup_codes(&open.keyring, &owner, count))
            }
            Verb::CheckBackupCode(question) => self.check_backup_code(&question),
            Verb::IssueCode { owner, scope, digits } => {
                self.with(|open| codes::issue_code(&open.keyring, &owner, &scope, digits))
            }
            Verb::CheckCode(question) => self.check_code(&question),
            Verb::Sign(question) => self.sign(&question),
            Verb::PublicKeys => self.with(|open| Ok(Reply::PublicKeys(open.keyring.public_keys()))),
            Verb::Seal { purpose, context, plaintext } => {
                self.with(|open| seal::seal_secret(&open.keyring, &purpose, &context, &plaintext.0).map(Reply::Sealed))
            }
            Verb::Open { purpose, context, blob } => self.with(|open| {
                let secret = seal::open_secret(&open.keyring, &purpose, &context, &blob)?;
                Ok(Reply::Opened(Secret(secret.to_vec())))
            }),
            Verb::Rewrap { binding, params, blob } => self.with(|open| {
                let key = seal::open_key(&open.keyring, &binding, params, &blob)?;
                seal::seal_key(&open.keyring, &binding, params, &key).map(Reply::Sealed)
            }),
            Verb::ImportTokens(question) => {
                let now = self.trusted_time()?;
                self.with(|open| tokens::import(&open.keyring, &question, now))
            }
            Verb::AssignToken { token, params, blob, to } => self.with(|open| {
                let key = seal::open_token_key(&open.keyring, &token, params, &blob)?;
                seal::seal_key(&open.keyring, &to, params, &key).map(Reply::Sealed)
            }),
            Verb::RewrapToken { token, params, blob } => self.with(|open| {
                let key = seal::open_token_key(&open.keyring, &token, params, &blob)?;
                seal::seal_token_key(&open.keyring, &token, params, &key).map(Reply::Sealed)
            }),
            Verb::RotateKeys => self.with(|open| {
                let (keyring, version) = open.keyring.rotated(&self.origin)?;
                Ok(Reply::Rotated { keyring, version })
            }),
            Verb::RetireKeys { before } => self.with(|open| {
                let (keyring, version) = open.keyring.retired(&self.origin, before)?;
                Ok(Reply::Rotated { keyring, version })
            }),
            Verb::ChangeRootKey => self.with(|open| {
                let next = self.next.as_ref().ok_or(Refusal::Malformed("there is no next root key".to_owned()))?;
                let (keyring, root_key_id) = open.keyring.under(&self.origin, next)?;
                Ok(Reply::RootKeyChanged { keyring, root_key_id: root_key_id.to_string() })
            }),
            Verb::Status => Ok(Reply::Status(self.status())),
            Verb::MoveClock { by_millis, passed } => self.move_clock(by_millis, passed),
        }
    }

    /// To be done each second: looks at the clock, and forgets what no longer guards anything.
    pub(crate) fn tick(&self) {
        // A clock that jumped ahead must not make the guard forget steps that are still good.
        if let (now, Ok(())) = self.observe()
            && now.boot / SWEEP_MILLIS != self.swept.swap(now.boot / SWEEP_MILLIS, Ordering::Relaxed)
        {
            self.guard().sweep(now.unix_seconds());
        }
    }

    fn unlock(&self, keyring: Option<Vec<u8>>) -> Answer {
        let created = keyring.is_none();
        let keyring = match keyring {
            Some(wrapped) => Keyring::open(wrapped, &self.origin)?,
            None if self.settings.keyring_exists => {
                return Err(Refusal::Malformed("the vault was started for a store that has a keyring".to_owned()));
            }
            None => Keyring::create(&self.origin)?,
        };
        let root_key_id = keyring.root_key_id().to_string();
        let reply = Reply::Unlocked { created: created.then(|| keyring.wrapped().to_vec()), root_key_id };
        let extent = keyring.extent();
        let opened = Open { decoy: Decoy::new(&keyring)?, keyring };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let present = open.as_ref().map_or((0, 0), |open| open.keyring.extent());
        if present > extent {
            return Err(Refusal::Malformed("this keyring is older than the one that is open".to_owned()));
        }
        *open = Some(opened);
        log::info(&format!("keyring open, data keys of version {}", extent.0));
        Ok(reply)
    }

    fn check_otp(&self, question: &CheckOtp) -> Answer {
        let now = self.trusted_time()?;
        self.with(|open| {
            check_assertion(question.assertion.as_deref())?;
            let outcome = check::check(&open.keyring, &open.decoy, question, now, |turn| turn(&mut self.guard()))?;
            checked(open, outcome, question.assertion.as_deref())
        })
    }

    fn check_backup_code(&self, question: &CheckBackupCode) -> Answer {
        let CheckBackupCode { owner, hashes, code, assertion } = question;
        self.with(|open| {
            check_assertion(assertion.as_deref())?;
            let found = codes::check_backup_code(&open.keyring, owner.as_ref(), hashes, code)?;
            let outcome = found.map_or(Outcome::Wrong, |index| Outcome::Right { index, step: 0 });
            checked(open, outcome, assertion.as_deref())
        })
    }

    /// A short code could be guessed by whoever has its hash and the vault's ear: its tries are counted as well.
    fn check_code(&self, question: &CheckCode) -> Answer {
        let CheckCode { sent, code, assertion } = question;
        self.with(|open| {
            check_assertion(assertion.as_deref())?;
            let code = check::parse(code)?;
            let subject = sent.as_ref().map(|sent| self.guard().subject(&Counted::SentCodes(&sent.owner)));
            // As with the decoy: the tries at nothing are counted nowhere.
            if subject.is_some_and(|subject| self.guard().charge(subject).is_none()) {
                return checked(open, Outcome::Exhausted, None);
            }
            if !codes::check_code(&open.keyring, sent.as_ref(), &code)? {
                return checked(open, Outcome::Wrong, None);
            }
            if let Some(subject) = subject {
                self.guard().clear(subject);
            }
            checked(open, Outcome::Right { index: 0, step: 0 }, assertion.as_deref())
        })
    }

    fn sign(&self, question: &Sign) -> Answer {
        self.with(|open| {
            let token = match question {
                Sign::Assertion { claims } => open.keyring.present()?.assertion.sign(claims)?,
                Sign::Identity { claims } => open.keyring.present()?.assertion.sign_identity(claims)?,
                Sign::Vapid(claims) => {
                    let claims = sign::vapid_claims(claims, self.trusted_time()?)?;
                    open.keyring.vapid().sign(claims.as_bytes())?
                }
                Sign::Policy { statement } => open.keyring.policy().sign(statement)?,
            };
            Ok(Reply::Signed(token))
        })
    }

    fn status(&self) -> Status {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let keyring = open.as_ref().map(|open| &open.keyring);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            root_key_id: keyring.map(|keyring| keyring.root_key_id().to_string()),
            root_key_source: self.settings.root_key_source.to_owned(),
            key_version: keyring.map_or(0, Keyring::newest_version),
            oldest_key_version: keyring.map_or(0, Keyring::oldest_version),
            hardening: self.hardening.get().cloned().unwrap_or_default(),
            guarded: u64::try_from(self.guard().len()).unwrap_or(u64::MAX),
            now_millis: self.time().clock.now().wall,
            memory_bytes: self.settings.resident.bytes(),
        }
    }

    fn move_clock(&self, by_millis: i64, passed: bool) -> Answer {
        if !self.settings.movable_clock {
            return Err(Refusal::Malformed("this vault's clock cannot be moved".to_owned()));
        }
        self.time().clock.shift(by_millis, passed);
        // Whoever moves the clock has it noticed now rather than within a second.
        let _ = self.observe();
        Ok(Reply::Done)
    }

    /// The time, if it can be trusted.
    fn trusted_time(&self) -> Result<Moment, Refusal> {
        let (now, trusted) = self.observe();
        trusted.map(|()| now)
    }

    fn observe(&self) -> (Moment, Result<(), Refusal>) {
        let mut time = self.time();
        let now = time.clock.now();
        let trusted = time.guard.observe(now);
        (now, trusted)
    }

    fn with(&self, job: impl FnOnce(&Open) -> Answer) -> Answer {
        match self.open.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(open) => job(open),
            None => Err(Refusal::Locked),
        }
    }

    // A panic ends the process before anybody could find a lock poisoned.

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what could not be signed before the code is checked: a right code must not be used up for nothing.
fn check_assertion(assertion: Option<&[u8]>) -> Result<(), Refusal> {
    assertion.map_or(Ok(()), sign::check_payload)
}

fn checked(open: &Open, outcome: Outcome, assertion: Option<&[u8]>) -> Answer {
    let assertion = match (outcome, assertion) {
        (Outcome::Right { .. }, Some(claims)) => Some(open.keyring.present()?.assertion.sign(claims)?),
        _ => None,
    };
    Ok(Reply::Checked { outcome, assertion })
}
