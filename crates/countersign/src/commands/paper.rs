//! `countersign completions` and `countersign man`

use std::process::ExitCode;

use crate::cli::{CompletionsArgs, ManArgs};
use crate::failure::Failure;
use crate::output::Output;

/// Prints completions.
pub(crate) fn completions(args: &CompletionsArgs, mut command: clap::Command, output: Output) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "countersign", &mut script);
    output.text(String::from_utf8_lossy(&script));
}

/// Prints the manual page, or writes all of them.
pub(crate) fn man(args: &ManArgs, command: &clap::Command, output: Output) -> Result<ExitCode, Failure> {
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command.clone(), folder))
            .map_err(|error| Failure::cannot_write(folder, &error))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::defect(format!("the manual page cannot be made ({error})")))?;
    output.text(String::from_utf8_lossy(&page));
    Ok(ExitCode::SUCCESS)
}
