//! Countersign: the program. Server, supervisor, command line, doctor and load test.

mod bench;
mod cli;
mod client;
mod commands;
mod config;
mod failure;
mod log;
mod output;
mod policy_folder;
mod sending;
mod serve_process;
mod supervisor;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use cli::{AlertsCommand, Cli, Command, ConfigCommand, WorkflowCommand};
use client::Client;
use commands::Desk;
use config::Environment;
use failure::Failure;
use output::Output;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let environment = Environment::of_process();
    let output = Output::of_process(&environment, command.wants_json());
    match run(command, environment, output) {
        Ok(code) => code,
        Err(failure) => {
            output.failure(&failure);
            failure.reason.into()
        }
    }
}

fn run(command: Command, mut environment: Environment, output: Output) -> Result<ExitCode, Failure> {
    match command {
        // The supervisor is given the whole process: it has no runtime.
        Command::Serve(args) => commands::serve(&args, environment, output),
        Command::ServeProcess => serve_process::run().map(|()| ExitCode::SUCCESS),
        Command::Completions(args) => {
            commands::completions(&args, Cli::command(), output);
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Validate(folder)) => {
            commands::validate(&folder, output).map(|()| ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Test { folder, junit }) => {
            commands::test(&folder, junit.as_deref(), output).map(|()| ExitCode::SUCCESS)
        }
        Command::Workflow(WorkflowCommand::Validate(files)) => {
            commands::validate_workflows(&files, output).map(|()| ExitCode::SUCCESS)
        }
        Command::Workflow(WorkflowCommand::Test(files)) => {
            commands::test_workflows(&files, output).map(|()| ExitCode::SUCCESS)
        }
        Command::Alerts(AlertsCommand::Validate(files)) => {
            commands::validate_alerts(&files, output).map(|()| ExitCode::SUCCESS)
        }
        Command::Man(args) => commands::man(&args, &Cli::command(), output),
        command => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::defect(format!("no runtime can be started ({error})")))?
            .block_on(ask(command, &mut environment, output)),
    }
}

/// The commands that ask a server.
async fn ask(command: Command, environment: &mut Environment, output: Output) -> Result<ExitCode, Failure> {
    let command = match command {
        Command::Administrator(command) => return commands::administrator(command, environment, output).await,
        Command::RootKey(command) => return commands::root_key(command, environment, output).await,
        Command::Bench(args) => return bench::bench(&args, environment, output).await,
        Command::Doctor(args) => return commands::doctor(&args, environment, output).await,
        command => command,
    };
    let Some(connection) = command.connection() else { return Ok(ExitCode::SUCCESS) };
    let desk = Desk { client: Client::find(connection, environment)?, output };
    match command {
        Command::Enroll(args) => commands::enroll(&desk, &args).await,
        Command::Verify(args) => commands::verify(&desk, &args).await,
        Command::Users(command) => commands::users(&desk, command).await,
        Command::Authenticators(command) => commands::authenticators(&desk, command).await,
        Command::Tokens(command) => commands::tokens(&desk, command).await,
        Command::Applications(command) => commands::applications(&desk, command).await,
        Command::Events(args) => commands::events(&desk, &args).await,
        Command::Keys(command) => commands::keys(&desk, &command).await,
        Command::Config(command) => commands::config(&desk, command).await,
        Command::Workflow(command) => commands::change_workflow(&desk, command).await,
        Command::Runs(command) => commands::runs(&desk, command).await,
        Command::Alerts(command) => commands::alerts(&desk, command).await,
        Command::Tasks(command) => commands::tasks(&desk, command).await,
        Command::Links(command) => commands::links(&desk, command).await,
        Command::Gateways(command) => commands::gateways(&desk, command).await,
        Command::Explain(args) => commands::explain(&desk, &args).await,
        _ => Ok(()),
    }
    .map(|()| ExitCode::SUCCESS)
}
