//! How sending fails, in words that hold nothing of what was sent.

use std::fmt;

use crate::outside::OutsideError;

/// Why one gateway did not take something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Of which kind.
    pub kind: FailureKind,
    /// In plain words, for a log: never what was sent, nor to whom.
    pub words: String,
}

/// The kinds of failure, as far as it matters to what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// There is no connection to it.
    Unreachable,
    /// It took too long to answer. What was sent may arrive all the same.
    TimedOut,
    /// It says that it cannot now: too much to do, or broken.
    Unable,
    /// It does not want us: credentials, sender, account, money.
    Refused,
    /// What it answered cannot be understood.
    Unintelligible,
    /// It does not serve this recipient; another may.
    NotServed,
    /// The recipient cannot be reached by anybody.
    Recipient(Fault),
}

/// What is wrong with a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// There is no such number or mailbox.
    Unknown,
    /// The mailbox is full.
    Full,
    /// It does not take anything from us.
    Blocked,
    /// The subscription is no more: it is to be dropped.
    Gone,
    /// It cannot take what is this large.
    TooLarge,
}

impl FailureKind {
    /// Whether it tells against the gateway, so that its breaker counts it.
    pub const fn is_the_gateways(self) -> bool {
        !matches!(self, Self::NotServed | Self::Recipient(_))
    }

    /// Whether another gateway may do better.
    pub const fn is_worth_another(self) -> bool {
        !matches!(self, Self::Recipient(_))
    }

    /// Its name in events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Unable => "unable",
            Self::Refused => "refused",
            Self::Unintelligible => "unintelligible",
            Self::NotServed => "not_served",
            Self::Recipient(Fault::Unknown) => "recipient_unknown",
            Self::Recipient(Fault::Full) => "recipient_full",
            Self::Recipient(Fault::Blocked) => "recipient_blocked",
            Self::Recipient(Fault::Gone) => "recipient_gone",
            Self::Recipient(Fault::TooLarge) => "recipient_too_large",
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into() }
    }

    /// What a status code of HTTP says where nothing more is known.
    pub(crate) fn of_status(status: u16, who: &str) -> Self {
        let (kind, what) = match status {
            401 | 403 => (FailureKind::Refused, "does not accept our credentials"),
            402 => (FailureKind::Refused, "wants to be paid first"),
            408 | 425 | 429 => (FailureKind::Unable, "has too much to do"),
            404 | 405 => (FailureKind::Refused, "is not where it was asked"),
            // Most likely for what was sent to whom: a recipient must not be able to take a gateway from all others.
            400..=499 => (FailureKind::NotServed, "does not accept what it was asked"),
            _ => (FailureKind::Unable, "is out of order"),
        };
        Self::new(kind, format!("{who} {what} (HTTP {status})"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<OutsideError> for Failure {
    fn from(error: OutsideError) -> Self {
        let kind = match error {
            OutsideError::TimedOut { .. } => FailureKind::TimedOut,
            OutsideError::TooLarge { .. } | OutsideError::Redirected(_) => FailureKind::Unintelligible,
            OutsideError::Unreachable { .. } | OutsideError::Inside { .. } | OutsideError::Port { .. } => {
                FailureKind::Unreachable
            }
            OutsideError::Url(_) | OutsideError::Header(_) => FailureKind::Refused,
        };
        Self::new(kind, error.to_string())
    }
}
