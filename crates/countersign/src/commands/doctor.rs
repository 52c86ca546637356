//! `countersign doctor`

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use domain::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::cli::DoctorArgs;
use crate::client::{Client, KEY_FILE, Refusal, at, text};
use crate::config::{Database, Environment, RootKey, Settings};
use crate::failure::{Failure, describe};
use crate::output::{Column, Look, Output, Table};
use crate::supervisor::vault_program;

/// One thing that was looked at.
#[derive(Debug)]
struct Check {
    name: String,
    level: Level,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Error,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "warning" => Self::Warning,
            // What is not known is not taken for good.
            _ => Self::Error,
        }
    }
}

/// Looks at this machine, and at the server if one runs; exit code 1 where something does not work.
pub(crate) async fn doctor(args: &DoctorArgs, environment: &Environment, output: Output) -> Result<ExitCode, Failure> {
    let mut here = Vec::new();
    match Settings::load(args.config.as_deref(), &args.flags, environment) {
        Ok(settings) => {
            let said = match &settings.file {
                Some(file) => format!("{} holds together", file.display()),
                None => "no file is read: another one is named with --config".to_owned(),
            };
            here.push(check("configuration", Level::Ok, said));
            here.extend(files(&settings));
        }
        Err(failure) => here.push(check("configuration", Level::Error, failure.message)),
    }
    here.extend(machine(SystemClock.now()));
    let client = Client::find(&args.connection, environment)?;
    let asked_for = args.connection.url.is_some();
    let server = ask(&client, asked_for).await;
    let worst_is_error = here.iter().chain(&server).any(|check| check.level == Level::Error);
    if output.is_json() {
        let checks = |checks: &[Check]| -> Vec<Value> {
            checks.iter().map(|c| json!({"name": c.name, "level": c.level.name(), "detail": c.detail})).collect()
        };
        output.json(&json!({"machine": checks(&here), "server": checks(&server), "good": !worst_is_error}));
    } else {
        print(output, &client, &here, &server);
    }
    Ok(ExitCode::from(u8::from(worst_is_error)))
}

fn print(output: Output, client: &Client, here: &[Check], server: &[Check]) {
    section(output, "This machine", here);
    section(output, &format!("The server at {}", client.url()), server);
    let count = |level| here.iter().chain(server).filter(|check| check.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let many = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => output.success("Everything is in good order."),
        (0, warnings) => output.line(format_args!(
            "{} It works; {} to look at.",
            output.paint(Look::Warning, "!"),
            many(warnings, "warning")
        )),
        (errors, warnings) => output.line(format_args!(
            "{} {} to mend, {}.",
            output.paint(Look::Bad, "✗"),
            many(errors, "error"),
            many(warnings, "warning")
        )),
    }
}

fn section(output: Output, title: &str, checks: &[Check]) {
    output.line(output.paint(Look::Strong, title));
    let widest = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let room = output.width().saturating_sub(widest + 6).max(30);
    let mut table = Table::new([Column::text(""), Column::text(""), Column::text("")]);
    for check in checks {
        let (look, sign) = match check.level {
            Level::Ok => (Look::Good, "✓"),
            Level::Warning => (Look::Warning, "!"),
            Level::Error => (Look::Bad, "✗"),
        };
        for (index, line) in wrap(&check.detail, room).into_iter().enumerate() {
            let (sign, name) = if index == 0 { (sign, check.name.replace('_', " ")) } else { ("", String::new()) };
            table.row([(look, sign.to_owned()), (Look::Plain, name), (Look::Faint, line)]);
        }
    }
    table.print(output, 0);
    output.line("");
}

/// The text in lines of at most `room` letters, broken between words.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full =
            lines.last().is_some_and(|line| !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn check(name: &str, level: Level, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), level, detail: detail.into() }
}

/// What the server says of itself.
async fn ask(client: &Client, asked_for: bool) -> Vec<Check> {
    match client.get(&["v1", "doctor"]).await {
        Ok(answer) => {
            let checks = at(&answer, "checks").as_array().into_iter().flatten();
            checks
                .map(|one| check(text(one, "/name"), Level::named(text(one, "/level")), text(one, "/detail")))
                .collect()
        }
        // Somebody who checks a machine before the first start has no server yet.
        Err(Refusal::Transport(_)) if !asked_for => {
            vec![check(
                "answers",
                Level::Warning,
                "no, so only this machine was looked at: start it with `countersign serve`",
            )]
        }
        Err(refusal) => vec![check("answers", Level::Error, Failure::from(refusal).message)],
    }
}

/// The files that the configuration names.
fn files(settings: &Settings) -> Vec<Check> {
    let mut checks = vec![data_folder(&settings.data)];
    match &settings.root_key {
        RootKey::File(path) => checks.push(private_file("root_key", path, "made at the first start", Level::Error)),
        RootKey::Environment(name) => {
            checks.push(check("root_key", Level::Ok, format!("from the environment variable {name}")));
        }
        RootKey::Passphrase(name) => {
            checks.push(check(
                "root_key",
                Level::Ok,
                format!("from the passphrase in the environment variable {name}"),
            ));
        }
    }
    let administrator = settings.data.join(KEY_FILE);
    if administrator.exists() {
        checks.push(private_file("administrator_key", &administrator, "", Level::Error));
    }
    if let Database::Sqlite(path) = &settings.database
        && path.exists()
    {
        checks.push(private_file("database", path, "", Level::Warning));
    }
    match &settings.tls {
        Some(tls) => {
            checks.push(readable("tls_certificate", &tls.certificate));
            checks.push(private_file("tls_key", &tls.key, "missing", Level::Error));
            checks.extend(tls.client_ca.iter().map(|path| readable("tls_client_ca", path)));
        }
        None if settings.listen.ip().is_loopback() => {
            checks.push(check(
                "tls",
                Level::Ok,
                format!("not needed: {} is reached from this machine only", settings.listen),
            ));
        }
        None => checks.push(check(
            "tls",
            Level::Warning,
            "left to the proxy in front; the way from it to here is not encrypted",
        )),
    }
    let vault = vault_program(None);
    checks.push(if vault.is_file() {
        check("vault_program", Level::Ok, vault.display().to_string())
    } else {
        check("vault_program", Level::Error, format!("{} is missing: it belongs beside countersign", vault.display()))
    });
    checks
}

fn data_folder(data: &Path) -> Check {
    let Ok(folder) = std::fs::metadata(data) else {
        return check("data_folder", Level::Ok, format!("{} is made at the first start", data.display()));
    };
    let probe = data.join(format!(".probe-{}", std::process::id()));
    if let Err(error) = std::fs::write(&probe, []).and_then(|()| std::fs::remove_file(&probe)) {
        return check(
            "data_folder",
            Level::Error,
            format!("{} cannot be written ({})", data.display(), describe(&error)),
        );
    }
    let mode = folder.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        return check(
            "data_folder",
            Level::Error,
            format!("{0} can be written by others: chmod 700 {0}", data.display()),
        );
    }
    check("data_folder", Level::Ok, format!("{} can be written", data.display()))
}

/// A file that nobody but its owner may read.
fn private_file(name: &str, path: &Path, when_missing: &str, when_open: Level) -> Check {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let level = if when_missing == "missing" { Level::Error } else { Level::Ok };
            check(name, level, format!("{} is {when_missing}", path.display()))
        }
        Err(error) => check(name, Level::Error, format!("{} cannot be read ({})", path.display(), describe(&error))),
        Ok(file) if file.permissions().mode() & 0o077 != 0 => {
            let mode = file.permissions().mode() & 0o777;
            check(
                name,
                when_open,
                format!("{0} has mode {mode:03o}, so others can read it: chmod 600 {0}", path.display()),
            )
        }
        Ok(_) => check(name, Level::Ok, format!("{} is readable by its owner only", path.display())),
    }
}

fn readable(name: &str, path: &Path) -> Check {
    match std::fs::read(path) {
        Ok(content) if content.windows(11).any(|window| window == b"-----BEGIN ") => {
            check(name, Level::Ok, path.display().to_string())
        }
        Ok(_) => check(name, Level::Error, format!("{} is no PEM file", path.display())),
        Err(error) => check(name, Level::Error, format!("{} cannot be read ({})", path.display(), describe(&error))),
    }
}

/// What the kernel and the machine offer.
fn machine(now: Timestamp) -> Vec<Check> {
    vec![sandbox("landlock", has_landlock()), sandbox("seccomp", has_seccomp()), locked_memory(), swap(), clock(now)]
}

fn sandbox(name: &str, is_there: bool) -> Check {
    if is_there {
        check(name, Level::Ok, "the kernel has it")
    } else {
        let detail =
            format!("the kernel does not offer {name}: the vault runs with one wall less; use a kernel that has it");
        check(name, Level::Warning, detail)
    }
}

/// `/sys/kernel/security/lsm` is not mounted in containers; there the vault's own report counts.
fn has_landlock() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lsm").map_or_else(
        |_| kernel_symbols_name("landlock_create_ruleset"),
        |modules| modules.split(',').any(|module| module.trim() == "landlock"),
    )
}

fn kernel_symbols_name(symbol: &str) -> bool {
    std::fs::read_to_string("/proc/kallsyms").is_ok_and(|symbols| symbols.contains(symbol))
}

fn has_seccomp() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail")
        .is_ok_and(|actions| actions.contains("kill_process"))
}

fn locked_memory() -> Check {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
    match limit {
        None => check("locked_memory", Level::Ok, "no limit"),
        Some(bytes) if bytes >= 8 << 20 => {
            check("locked_memory", Level::Ok, format!("{} MiB may be locked", bytes >> 20))
        }
        Some(bytes) => check(
            "locked_memory",
            Level::Warning,
            format!(
                "only {} KiB may be locked, so keys could be swapped to disk: raise it with `ulimit -l` or LimitMEMLOCK=",
                bytes >> 10
            ),
        ),
    }
}

fn swap() -> Check {
    let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
    if swaps.lines().count() > 1 {
        check("swap", Level::Ok, "is on; the vault locks its memory, so keys stay out of it")
    } else {
        check("swap", Level::Ok, "is off")
    }
}

/// Codes follow the clock, so one that is far off refuses everybody. That it is before the day on which this program was
/// written is all that can be told from here.
fn clock(now: Timestamp) -> Check {
    const WRITTEN: Timestamp = Timestamp::from_unix_millis(1_772_323_200_000);
    if now < WRITTEN {
        check("clock", Level::Error, format!("shows {now}: set it, codes depend on it"))
    } else {
        check("clock", Level::Ok, format!("shows {now}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_details_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
    }
}
