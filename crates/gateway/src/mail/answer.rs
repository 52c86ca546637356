//! What a relay's refusal says, by its codes (RFC 5321 §4.2.3, RFC 3463). Its words may quote anything, and are not repeated.

use std::error::Error as _;

use lettre::transport::smtp;

use crate::{Failure, FailureKind, Fault};

/// Why a mail was not taken.
pub(super) fn failure(error: &smtp::Error) -> Failure {
    if let Some(code) = error.status() {
        let code = u16::from(code);
        let words = error.source().map(ToString::to_string).unwrap_or_default();
        return of_code(code, enhanced(&words));
    }
    if error.is_timeout() {
        return Failure::new(FailureKind::TimedOut, "the relay did not answer in time");
    }
    if error.is_tls() {
        return Failure::new(FailureKind::Unreachable, "the relay's certificate or TLS is not accepted");
    }
    if error.is_response() {
        return Failure::new(FailureKind::Unintelligible, "what the relay answered is no SMTP");
    }
    if error.is_client() {
        // Such as STARTTLS, or a way to log in, that it does not offer.
        return Failure::new(FailureKind::Refused, "the relay does not offer what is needed to send mail");
    }
    Failure::new(FailureKind::Unreachable, "the relay cannot be reached")
}

/// Class, subject and detail of an enhanced status code with which a reply's text begins.
type Enhanced = (u8, u16, u16);

fn enhanced(words: &str) -> Option<Enhanced> {
    let mut numbers = words.split_whitespace().next()?.split('.');
    let code = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some(code)
}

fn of_code(code: u16, enhanced: Option<Enhanced>) -> Failure {
    let (kind, what) = match (code, enhanced) {
        (_, Some((_, 2, 2))) | (452 | 552, None) => {
            (FailureKind::Recipient(Fault::Full), "says that the mailbox is full")
        }
        (_, Some((_, 3, 1))) => (FailureKind::Unable, "has no room left"),
        (_, Some((_, 3, 4))) | (552, Some((_, 2, 3))) => {
            (FailureKind::Recipient(Fault::TooLarge), "says that the mail is too large")
        }
        (_, Some((5, 1, 7 | 8))) => (FailureKind::Refused, "does not accept the sender"),
        (_, Some((5, 1, _))) | (550 | 551 | 553, None) => {
            (FailureKind::Recipient(Fault::Unknown), "says that there is no such mailbox")
        }
        (_, Some((5, 2, 1))) => (FailureKind::Recipient(Fault::Blocked), "says that the mailbox takes no mail"),
        (530 | 534 | 535 | 538, _) => (FailureKind::Refused, "does not accept our credentials"),
        (_, Some((5, 7, _))) => (FailureKind::Refused, "does not let us send this"),
        // A mailbox that is busy, or a relay that wants to be asked again later because it does not know us yet.
        (450, _) => (FailureKind::NotServed, "does not take mail for this mailbox now"),
        (400..=499, _) => (FailureKind::Unable, "is out of order"),
        _ => (FailureKind::Refused, "does not accept the mail"),
    };
    let shown = enhanced.map(|(class, subject, detail)| format!(" {class}.{subject}.{detail}")).unwrap_or_default();
    Failure::new(kind, format!("the relay {what} ({code}{shown})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u16, words: &str) -> FailureKind {
        of_code(code, enhanced(words)).kind
    }

    #[test]
    fn full_is_told_from_unknown_and_from_broken() {
        assert_eq!(kind(552, "5.2.2 Mailbox full"), FailureKind::Recipient(Fault::Full));
        assert_eq!(kind(452, "4.2.2 Over quota"), FailureKind::Recipient(Fault::Full));
        assert_eq!(kind(552, "Exceeded storage allocation"), FailureKind::Recipient(Fault::Full));
        assert_eq!(kind(452, "Insufficient storage"), FailureKind::Recipient(Fault::Full));
        assert_eq!(kind(452, "4.3.1 Insufficient system storage"), FailureKind::Unable);
        assert_eq!(kind(550, "5.1.1 User unknown"), FailureKind::Recipient(Fault::Unknown));
        assert_eq!(kind(550, "No such user here"), FailureKind::Recipient(Fault::Unknown));
        assert_eq!(kind(550, "5.7.1 Relaying denied"), FailureKind::Refused);
        assert_eq!(kind(535, "5.7.8 Authentication failed"), FailureKind::Refused);
        assert_eq!(kind(450, "4.7.1 Greylisted"), FailureKind::NotServed);
        assert_eq!(kind(421, "4.3.2 Shutting down"), FailureKind::Unable);
        assert_eq!(kind(451, "Local error"), FailureKind::Unable);
        assert_eq!(kind(554, "Transaction failed"), FailureKind::Refused);
    }

    #[test]
    fn what_a_relay_says_in_words_is_not_repeated() {
        let failure = of_code(550, enhanced("5.1.1 ana@example.org: unknown, your code 804319"));
        assert!(!failure.words.contains("ana") && !failure.words.contains("804319"), "{}", failure.words);
    }
}
