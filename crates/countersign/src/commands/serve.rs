//! `countersign serve`

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::cli::ServeArgs;
use crate::client::{ADDRESS_FILE, KEY_FILE};
use crate::config::{DATA, Environment, RootKey, Settings};
use crate::failure::Failure;
use crate::log;
use crate::output::{Look, Output};
use crate::supervisor::{Plan, Ready, supervise, vault_program};

/// Serves until a signal.
pub(crate) fn serve(args: &ServeArgs, mut environment: Environment, output: Output) -> Result<ExitCode, Failure> {
    let settings = Settings::load(args.config.as_deref(), &args.flags, &environment)?;
    let root_key = settings.root_key.variable().and_then(|name| environment.take(name));
    drop(environment);
    prepare(&settings)?;
    log::start(&settings.log);
    let data = settings.data.clone();
    let plan = Plan {
        settings,
        vault_program: vault_program(args.vault_program.as_deref()),
        movable_clock: args.movable_clock,
        root_key,
    };
    let outcome = supervise(plan, |ready| {
        leave_behind(&data, ready)?;
        if output.is_json() {
            announce(ready, output);
        } else {
            welcome(ready, &data, output);
        }
        Ok(())
    });
    // Whoever finds no address asks the default one and is told that nothing answers.
    let _ = std::fs::remove_file(data.join(ADDRESS_FILE));
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Makes the data folder and in it the root key's, for their owner alone, and sees that they can be written.
fn prepare(settings: &Settings) -> Result<(), Failure> {
    let data = &settings.data;
    let failed = |error: std::io::Error| Failure::cannot_write(data, &error);
    let make = |folder: &Path| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    make(data).map_err(failed)?;
    if let RootKey::File(key) = &settings.root_key
        && let Some(folder) = key.parent().filter(|folder| folder.starts_with(data))
    {
        make(folder).map_err(|error| Failure::cannot_write(folder, &error))?;
    }
    let probe = data.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, []).and_then(|()| std::fs::remove_file(&probe)).map_err(failed)
}

/// Leaves address and first key where commands on this machine find them.
fn leave_behind(data: &Path, ready: &Ready) -> Result<(), Failure> {
    write_private(&data.join(ADDRESS_FILE), &ready.address)?;
    match &ready.administrator_key {
        Some(key) => write_private(&data.join(KEY_FILE), key),
        None => Ok(()),
    }
}

/// Writes a file that nobody but its owner may read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    // A new file in place of an old one: the old one's mode may be anything.
    let _ = std::fs::remove_file(path);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{text}"))
        .map_err(|error| Failure::cannot_write(path, &error))
}

fn announce(ready: &Ready, output: Output) {
    output.json_line(&json!({
        "address": ready.address,
        "administrator_key": ready.administrator_key,
        "pid": std::process::id(),
        "vault_pid": ready.vault_pid,
        "server_pid": ready.server_pid,
    }));
}

fn welcome(ready: &Ready, data: &Path, output: Output) {
    let faint = |text: &str| output.paint(Look::Faint, text);
    output.line("");
    output.line(format_args!(
        "  {} {} is ready.",
        output.paint(Look::Strong, "Countersign"),
        env!("CARGO_PKG_VERSION")
    ));
    output.line("");
    output.line(format_args!("  {}  {}", faint("Address      "), output.paint(Look::Strong, &ready.address)));
    output.line(format_args!("  {}  {}/docs", faint("API reference"), ready.address));
    output.line(format_args!("  {}  {}", faint("Data         "), data.display()));
    if let Some(key) = &ready.administrator_key {
        // On a line of its own it fits 80 columns, and is copied with three clicks.
        output.line("");
        output.line(format_args!("  {}", faint("Administrator key")));
        output.line(output.paint(Look::Warning, key));
        output.line("");
        output.line("  The key is shown this once. It opens everything, so keep it safe. It also stands in");
        output.line(format_args!("  {}, which only you can read, so that the commands", data.join(KEY_FILE).display()));
        output.line("  below work as they are; delete that file where nobody needs them.");
    }
    output.line("");
    output.line("  Try next, in another terminal:");
    output.line("");
    let (program, elsewhere) = (program_name(), (data != Path::new(DATA)).then_some(data));
    if let Some(data) = elsewhere {
        output.line(format_args!(
            "    {}",
            output.paint(Look::Copy, format_args!("export COUNTERSIGN_DATA={}", quoted(data)))
        ));
    }
    for (command, does) in [
        ("enroll ana", "give ana an authenticator"),
        ("verify ana 123456", "check a code of hers"),
        ("events --follow", "watch what happens"),
    ] {
        let command = format!("{program} {command}");
        let space = " ".repeat((program.len() + 20).saturating_sub(command.len()));
        output.line(format_args!("    {}{space}{}", output.paint(Look::Copy, &command), faint(&format!("# {does}"))));
    }
    output.line("");
    output.line(format_args!("  {}", faint("Ctrl-C stops it.")));
    output.line("");
}

/// The program as whoever started it called it.
fn program_name() -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let called = called.display().to_string();
    if called.is_empty() { "countersign".to_owned() } else { called }
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let harmless = text.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
    if harmless { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
