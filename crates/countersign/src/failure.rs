//! Why the program ends without having done what it was asked: one line for people, one exit code for scripts.

use std::fmt;
use std::process::ExitCode;

/// A reason in one line, which says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Which sort.
    pub(crate) reason: Reason,
    /// What happened and what to do, in one line.
    pub(crate) message: String,
}

/// The sort of a failure, by which scripts tell them apart. The numbers beyond 2 are those of `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The answer is no: a wrong code, a check that failed, a thing that is not there. Exit code 1.
    No,
    /// The command line makes no sense. Exit code 2.
    Usage,
    /// Something that is needed is not there or not free: the server, the database, the port. Exit code 69.
    Unavailable,
    /// A defect. Exit code 70.
    Defect,
    /// A file or folder cannot be written. Exit code 73.
    CannotWrite,
    /// The key is missing, or may not do this. Exit code 77.
    NotPermitted,
    /// The configuration does not hold: a value, the root key, the schema. Exit code 78.
    Configuration,
}

impl Reason {
    /// The process's exit code.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::No => 1,
            Self::Usage => 2,
            Self::Unavailable => 69,
            Self::Defect => 70,
            Self::CannotWrite => 73,
            Self::NotPermitted => 77,
            Self::Configuration => 78,
        }
    }
}

impl Failure {
    /// A failure of some sort.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        // A message that came from elsewhere may span lines; here it is one.
        let message = message.into();
        let message = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
        Self { reason, message: message.join("; ") }
    }

    /// The answer is no.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self::new(Reason::No, message)
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Reason::Usage, message)
    }

    /// Something that is needed is not there.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Reason::Unavailable, message)
    }

    /// A defect, or the operating system refusing something that it should not.
    pub(crate) fn defect(message: impl Into<String>) -> Self {
        Self::new(Reason::Defect, message)
    }

    /// The configuration does not hold.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(Reason::Configuration, message)
    }

    /// A path cannot be written, because of `reason`.
    pub(crate) fn cannot_write(path: &std::path::Path, reason: &std::io::Error) -> Self {
        Self::new(
            Reason::CannotWrite,
            format!(
                "{} cannot be written ({}): give this user the right to write it, or choose another place with --data",
                path.display(),
                describe(reason)
            ),
        )
    }
}

/// An operating system error in words, without Rust's `(os error 13)`.
pub(crate) fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Reason> for ExitCode {
    fn from(reason: Reason) -> Self {
        Self::from(reason.exit_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(Failure::no("a\n  b\n").message, "a; b");
    }

    #[test]
    fn an_error_of_the_system_is_said_in_words() {
        assert_eq!(describe(&std::io::Error::from_raw_os_error(13)), "permission denied");
    }
}
