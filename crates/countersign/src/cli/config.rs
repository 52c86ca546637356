//! `countersign config`: policy that lives in files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Connection;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tell every mistake in the files, with its line
    Validate(PolicyFolder),
    /// Decide the cases that stand in the files, and compare
    Test {
        #[command(flatten)]
        folder: PolicyFolder,
        /// Write the results to a file as well, in JUnit's XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Put the files into force, on every server at once
    Apply(ApplyArgs),
    /// List what is and was in force, and who put it there
    History {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// Put back into force what was there before
    Revert(RevertArgs),
    /// Write what is in force into a folder
    Export {
        /// The folder; made if it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// What was in force earlier: its number or pol_… [default: what is in force]
        #[arg(long, value_name = "POLICY")]
        policy: Option<String>,
        /// Write over files that say something else
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PolicyFolder {
    /// The folder with the files, *.yaml
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The folder with the files, *.yaml
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Only after this policy, as a plan named it: pol_… [default: after the one in force]
    #[arg(long, value_name = "POLICY")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) author: Author,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct RevertArgs {
    /// Which: its number or pol_…, as `config history` shows them
    #[arg(value_name = "POLICY")]
    pub(crate) policy: String,
    #[command(flatten)]
    pub(crate) author: Author,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct Author {
    /// Who applies it; kept with the policy
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// What for, a commit say; kept with the policy
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: Option<String>,
}

impl ConfigCommand {
    /// How it reaches a server, if it asks one.
    pub(super) const fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Validate(_) | Self::Test { .. } => None,
            Self::Apply(args) => Some(&args.connection),
            Self::Revert(args) => Some(&args.connection),
            Self::History { connection, .. } | Self::Export { connection, .. } => Some(connection),
        }
    }

    /// Whether it answers in JSON.
    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::Validate(folder) | Self::Test { folder, .. } => folder.json,
            other => other.connection().is_some_and(|connection| connection.json),
        }
    }
}
