//! `countersign workflow`: workflows as files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Author, Connection};

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// Tell every mistake in the files, with its line
    Validate(WorkflowFiles),
    /// Play the tests that stand in the files, and compare
    Test(WorkflowFiles),
    /// Show what a workflow would have done: for what happened lately, or for one event
    Simulate(Box<SimulateArgs>),
    /// List the workflows that are in force
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Print what stands in the file of a workflow in force
    Show {
        /// The workflow
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the versions of a workflow that were in force, the newest first
    Versions {
        /// The workflow
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Start a run of a workflow that people may start
    Start(StartArgs),
    /// Show what a file would change of the workflow in force by its name
    Diff {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Show each step of a workflow that is new, and all tests
        #[arg(long)]
        full: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Put a file into force in the place of the workflow by its name, and leave all else as it is
    Apply {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        author: Author,
        #[command(flatten)]
        connection: Connection,
    },
    /// Put a workflow into force again as it was before, and leave all else as it is
    Rollback {
        /// The workflow
        #[arg(value_name = "NAME")]
        name: String,
        /// Which version: the beginning of its digest [default: the one before the one in force]
        #[arg(value_name = "VERSION")]
        version: Option<String>,
        #[command(flatten)]
        author: Author,
        #[command(flatten)]
        connection: Connection,
    },
}

impl WorkflowCommand {
    /// How it reaches a server, if it asks one.
    pub(super) const fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Validate(_) | Self::Test(_) => None,
            Self::Simulate(args) => Some(&args.connection),
            Self::Start(args) => Some(&args.connection),
            Self::List { connection }
            | Self::Show { connection, .. }
            | Self::Versions { connection, .. }
            | Self::Diff { connection, .. }
            | Self::Apply { connection, .. }
            | Self::Rollback { connection, .. } => Some(connection),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The workflow
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Who starts it, by the name that your application uses
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// A role that they have; several times for several
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// What they fill in; several times for several, and for each text of a list. `-` for the value reads it from standard input
    #[arg(long = "input", value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// A file, or the name of a workflow in force
    #[arg(value_name = "FILE|NAME")]
    pub(crate) workflow: String,
    /// How many days of what happened
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) days: u16,
    /// One event instead: a file of JSON, as `countersign events --json` prints one
    #[arg(long, value_name = "FILE", conflicts_with = "days")]
    pub(crate) event: Option<PathBuf>,
    /// A start by hand instead: a file of JSON with what is filled in
    #[arg(long, value_name = "FILE", conflicts_with_all = ["days", "event"])]
    pub(crate) inputs: Option<PathBuf>,
    /// A file of JSON with what steps give, by their ids, where it is not what is made up
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// Have people approve; otherwise nobody answers, and approvals time out
    #[arg(long)]
    pub(crate) approve: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct WorkflowFiles {
    /// Files, or folders with files, *.yaml
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}
