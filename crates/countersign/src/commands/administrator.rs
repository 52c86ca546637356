//! `countersign administrator`

use std::process::ExitCode;

use serde_json::json;

use super::opening::open_store;
use super::serve::write_private;
use crate::cli::AdministratorCommand;
use crate::client::KEY_FILE;
use crate::config::{Environment, Settings};
use crate::failure::Failure;
use crate::output::{Look, Output, one_line};

/// Gives the administrator a new key.
pub(crate) async fn administrator(
    command: AdministratorCommand,
    environment: &Environment,
    output: Output,
) -> Result<ExitCode, Failure> {
    let AdministratorCommand::Recover { end_others, store: args } = command;
    let settings = Settings::load_without_root_key(args.config.as_deref(), &args.flags, environment)?;
    let store = open_store(&settings).await?;
    let recovered = server::recover_administrator(&store, end_others).await;
    store.close().await;
    let recovered = recovered.map_err(|error| Failure::unavailable(error.to_string()))?;
    // Shown before it is written: what cannot be written is not lost again.
    if output.is_json() {
        output.json(&json!({
            "application": recovered.application,
            "administrator_key": recovered.key.as_str(),
            "others_ended": end_others,
        }));
    } else {
        let others = if end_others { "its other keys are ended" } else { "its other keys go on" };
        output.success(format_args!(
            "{} {} has a new key; {others}",
            output.paint(Look::Strong, one_line(&recovered.name)),
            output.paint(Look::Faint, &recovered.application)
        ));
        output.line(format_args!("  API key    {}", output.paint(Look::Faint, "shown this once:")));
        output.line(output.paint(Look::Warning, recovered.key.as_str()));
    }
    if !settings.data.is_dir() {
        // The server is elsewhere, and so are its commands.
        return Ok(ExitCode::SUCCESS);
    }
    let file = settings.data.join(KEY_FILE);
    write_private(&file, &recovered.key)?;
    if !output.is_json() {
        output
            .line(format_args!("  It also stands in {}, where the commands on this machine find it.", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}
