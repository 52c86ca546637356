//! The command line. The supervisor writes it; a person hardly ever does.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the vault was started with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// Where the root key comes from.
    pub(crate) root_key: Source,
    /// Where the root key comes from that the keyring is to be wrapped with instead; a file that is missing is made.
    pub(crate) next_root_key: Option<Source>,
    /// Whether a root key that is missing may be made.
    pub(crate) create_root_key: bool,
    /// The id of the root key that the store was sealed with.
    pub(crate) expect_root_key: Option<String>,
    /// Whether tests may move the clock.
    pub(crate) movable_clock: bool,
}

/// Where the root key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// An environment variable of the supervisor's that holds the key: handed over as the first message.
    Environment(String),
    /// An environment variable of the supervisor's that holds a passphrase: handed over as the first message.
    Passphrase(String),
}

impl Source {
    /// As `Status` names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Environment(_) => "environment",
            Self::Passphrase(_) => "passphrase",
        }
    }
}

pub(crate) const USAGE: &str = "countersign-vault --root-key file:PATH|env:NAME|passphrase-env:NAME \
     [--create-root-key] [--expect-root-key rk_…] [--next-root-key …] [--movable-clock]";

/// Reads the arguments, without the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Args, String> {
    let (mut root_key, mut next_root_key, mut create_root_key, mut expect_root_key, mut movable_clock) =
        (None, None, false, None, false);
    let mut arguments =
        arguments.map(|argument| argument.into_string().map_err(|_| "an argument is not UTF-8".to_owned()));
    while let Some(argument) = arguments.next().transpose()? {
        let mut value = || arguments.next().transpose()?.ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--root-key" => root_key = Some(source(&value()?)?),
            "--next-root-key" => next_root_key = Some(source(&value()?)?),
            "--create-root-key" => create_root_key = true,
            "--expect-root-key" => expect_root_key = Some(value()?),
            "--movable-clock" => movable_clock = true,
            _ => return Err(format!("unknown argument {argument}; usage: {USAGE}")),
        }
    }
    let root_key = root_key.ok_or(format!("--root-key is missing; usage: {USAGE}"))?;
    if create_root_key && expect_root_key.is_some() {
        return Err("--create-root-key and --expect-root-key exclude each other".to_owned());
    }
    Ok(Args { root_key, next_root_key, create_root_key, expect_root_key, movable_clock })
}

fn source(text: &str) -> Result<Source, String> {
    match text.split_once(':') {
        Some(("file", path)) if !path.is_empty() => Ok(Source::File(path.into())),
        Some(("env", name)) if !name.is_empty() => Ok(Source::Environment(name.to_owned())),
        Some(("passphrase-env", name)) if !name.is_empty() => Ok(Source::Passphrase(name.to_owned())),
        _ => Err("a root key must be file:PATH, env:NAME or passphrase-env:NAME".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Args, String> {
        parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn arguments_are_read_and_mistakes_named() {
        let args = parsed("--root-key file:/data/root.key --expect-root-key rk_00 --movable-clock").unwrap();
        assert_eq!(args.root_key, Source::File("/data/root.key".into()));
        assert_eq!(args.expect_root_key.as_deref(), Some("rk_00"));
        assert!(args.movable_clock && !args.create_root_key);
        for (text, part) in [
            ("", "--root-key is missing"),
            ("--root-key", "needs a value"),
            ("--root-key vault:x", "must be file:PATH"),
            ("--root-key env:", "must be file:PATH"),
            ("--rootkey env:X", "unknown argument --rootkey"),
            ("--root-key env:X --create-root-key --expect-root-key rk_00", "exclude each other"),
        ] {
            assert!(parsed(text).unwrap_err().contains(part), "{text}");
        }
    }
}
