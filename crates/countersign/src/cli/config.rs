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
    /// Show what the files would change, and whom that would have stopped
    Plan {
        /// The folder with the files, *.yaml
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// How many days of decisions to make again; 0: none
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(0..=366))]
        days: u16,
        /// Also delete applications of which the files say nothing, where they speak of others
        #[arg(long)]
        prune: bool,
        /// Show each step of workflows that are new or gone, and all tests
        #[arg(long)]
        full: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Say whether the files and what is in force say the same
    Drift {
        /// The folder with the files, *.yaml
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        connection: Connection,
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
    /// Only what this file planned, which `config plan --json` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "after")]
    pub(crate) plan: Option<PathBuf>,
    /// Also delete applications of which the files say nothing, where they speak of others
    #[arg(long)]
    pub(crate) prune: bool,
    /// Also where something else changed since what the files say of applications
    #[arg(long)]
    pub(crate) force: bool,
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
    /// Also where that changes applications
    #[arg(long)]
    pub(crate) force: bool,
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
    /// Also where it would deny everybody everything that they did lately, or every administrator
    #[arg(long)]
    pub(crate) allow_lock_out: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Who: your application's name for the user, usr_…, or ses_… for a session as it is
    #[arg(value_name = "USER")]
    pub(crate) who: String,
    /// What would be done, in the application's words
    #[arg(value_name = "ACTION")]
    pub(crate) action: String,
    /// What it is about: a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) context: Option<String>,
    /// With what
    #[arg(long, value_name = "TYPE:ID")]
    pub(crate) resource: Option<String>,
    /// The groups that the user is in
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',')]
    pub(crate) groups: Vec<String>,
    /// What is supposed to be noticed
    #[arg(long, value_name = "SIGNAL,…", value_delimiter = ',')]
    pub(crate) signals: Vec<String>,
    /// By which application: its name or app_…; a session has its own
    #[arg(long, value_name = "APPLICATION")]
    pub(crate) application: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl ConfigCommand {
    /// How it reaches a server, if it asks one.
    pub(super) const fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Validate(_) | Self::Test { .. } => None,
            Self::Apply(args) => Some(&args.connection),
            Self::Revert(args) => Some(&args.connection),
            Self::Plan { connection, .. }
            | Self::Drift { connection, .. }
            | Self::History { connection, .. }
            | Self::Export { connection, .. } => Some(connection),
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
