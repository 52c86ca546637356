//! The command line, as data: parsing, help, completions and the man page are made from it.

mod alerts;
mod config;
mod gateways;
mod links;
mod runs;
mod tasks;
mod workflow;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bench::BenchArgs;
use crate::config::{Flags, StoreFlags};

pub(crate) use alerts::AlertsCommand;
pub(crate) use config::{ApplyArgs, Author, ConfigCommand, ExplainArgs, PolicyFolder, RevertArgs};
pub(crate) use gateways::GatewaysCommand;
pub(crate) use links::LinksCommand;
pub(crate) use runs::{OneStep, RunsCommand, WhyNotArgs};
pub(crate) use tasks::{Said, TasksCommand};
pub(crate) use workflow::{SimulateArgs, StartArgs, WorkflowCommand, WorkflowFiles};

/// Self-hosted multi-factor authentication.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    about = "Self-hosted multi-factor authentication",
    after_help = "Start with `countersign serve`, then `countersign enroll ana` beside it.",
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server and its vault
    Serve(Box<ServeArgs>),
    /// Check that this machine and the server are in good order
    Doctor(Box<DoctorArgs>),
    /// Give a user an authenticator: QR code, first code
    Enroll(EnrollArgs),
    /// Check a code of a user
    Verify(VerifyArgs),
    /// List, show, suspend, resume and erase users
    #[command(subcommand)]
    Users(UsersCommand),
    /// List, show, rename, suspend and revoke authenticators
    #[command(subcommand)]
    Authenticators(AuthenticatorsCommand),
    /// Import, list, assign, release and remove hardware tokens
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// List, create and delete API clients, their keys and certificates
    #[command(subcommand)]
    Applications(ApplicationsCommand),
    /// Give the administrator another key, where it was lost
    #[command(subcommand, alias = "admin")]
    Administrator(AdministratorCommand),
    /// Show what happened, and what happens
    Events(EventsArgs),
    /// Show, rotate and retire the keys for sealing and signing
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Seal a store's keys under another root key
    #[command(subcommand)]
    RootKey(RootKeyCommand),
    /// Check, try and apply the files of a policy
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check, try and apply the files of workflows; see those in force, and start a run
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// See the runs of workflows, cancel them, and say what becomes of steps that are held
    #[command(subcommand)]
    Runs(RunsCommand),
    /// See alerts, and say what becomes of them
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// See what runs of workflows ask people, approve it or reject it
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// See what runs of workflows let users do by links, and hand over in person what one gives
    #[command(subcommand)]
    Links(LinksCommand),
    /// See which gateways are switched away from, and use one as before
    #[command(subcommand)]
    Gateways(GatewaysCommand),
    /// Say what would happen if somebody did something now, and why
    Explain(Box<ExplainArgs>),
    /// Measure a server under load, every answer checked
    Bench(Box<BenchArgs>),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
    /// The process that the supervisor starts
    #[command(hide = true)]
    ServeProcess,
}

/// How to reach a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// Where the server is [default: the one started here, or 127.0.0.1:8420]
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_URL", hide_env = true, help_heading = "Connection")]
    pub(crate) url: Option<String>,
    /// API key: env:…, file:… or the key itself [default: data/administrator.key]
    #[arg(
        long,
        value_name = "KEY",
        env = "COUNTERSIGN_KEY",
        hide_env = true,
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) key: Option<String>,
    /// A CA to trust beside the system's, PEM
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CA", hide_env = true, help_heading = "Connection")]
    pub(crate) ca: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Every setting can stand in the configuration file (tls.key as `key` in [tls]) and in the \
environment (COUNTERSIGN_TLS_KEY); the environment goes over the file, flags go over both.")]
pub(crate) struct ServeArgs {
    /// Configuration file [default: countersign.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// When ready, print one JSON object on the first line instead of the welcome
    #[arg(long)]
    pub(crate) json: bool,
    /// The vault's program
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) vault_program: Option<PathBuf>,
    /// Start on a clock that can be moved, for tests
    #[arg(long, hide = true)]
    pub(crate) movable_clock: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Configuration file [default: countersign.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct EnrollArgs {
    /// The user, by the name that your application uses; made if unknown
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// What the authenticator is called
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// What the user is called in the authenticator app, where the user is new
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The user, by the name that your application uses
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// The code from the authenticator app, or a backup code; `-` reads it from standard input
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// List users, oldest first
    List {
        /// Only those whose name contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those in this state
        #[arg(long, value_name = "STATE", value_parser = ["active", "suspended"])]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a user with authenticators and sessions
    Show(OneUser),
    /// Let a user prove nothing until resumed
    Suspend(OneUser),
    /// Let a suspended user prove again
    Resume(OneUser),
    /// Erase a user and everything about the user
    Erase {
        /// Don't ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        user: OneUser,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OneUser {
    /// The user: your application's name for it, or usr_…
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthenticatorsCommand {
    /// List a user's authenticators
    List(OneUser),
    /// Show an authenticator
    Show(OneAuthenticator),
    /// Give an authenticator another label
    Rename {
        #[command(flatten)]
        authenticator: OneAuthenticator,
        /// The new label
        #[arg(value_name = "LABEL")]
        label: String,
    },
    /// Stop an authenticator until it is resumed
    Suspend(OneAuthenticator),
    /// Let a suspended authenticator be used again
    Resume(OneAuthenticator),
    /// Stop an authenticator for good
    Revoke(OneAuthenticator),
    /// Stop an authenticator for good because it is lost
    ReportLost(OneAuthenticator),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Import tokens from their maker's file, which is sealed here for the vault
    Import(ImportTokensArgs),
    /// List tokens, and whose they are
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Say whom a token is meant for: that user enrolls it by its serial number, and nobody else does
    Assign {
        /// The token, tok_…
        #[arg(value_name = "ID")]
        id: String,
        /// The user, by your own id; for nobody in particular if not said
        #[arg(value_name = "USER")]
        user: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Let a token be enrolled again that too many wrong codes were given for
    Release {
        /// The token, tok_…
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Remove a token that is nobody's
    Remove {
        /// The token, tok_…
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ImportTokensArgs {
    /// The file: PSKC (RFC 6030), or lines of values
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A file with the pre-shared key of a PSKC file, in hexadecimal
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase")]
    pub(crate) pre_shared_key: Option<PathBuf>,
    /// A file with the passphrase of a PSKC file
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase: Option<PathBuf>,
    /// Take the file for lines of values, whatever it looks like
    #[arg(long)]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct OneAuthenticator {
    /// The authenticator, ath_…
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApplicationsCommand {
    /// List applications
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Make an application and its first key
    Create {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do; by default what a login page needs
        #[arg(long, value_name = "SCOPE,…", value_delimiter = ',')]
        scopes: Vec<String>,
        /// Client certificates that stand for it: a file in PEM or DER, or its SHA-256
        #[arg(long, value_name = "CERTIFICATE,…", value_delimiter = ',')]
        certificates: Vec<String>,
        /// Where hosted pages may lead back to: origins, as <https://shop.example>
        #[arg(long, value_name = "ORIGIN,…", value_delimiter = ',')]
        return_origins: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Delete an application and its keys
    Delete {
        /// The application: its name or app_…
        #[arg(value_name = "APPLICATION")]
        application: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Make a new key and end the others after a while
    RotateKey {
        /// The application: its name or app_…
        #[arg(value_name = "APPLICATION")]
        application: String,
        /// How long the other keys are still good, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        overlap: u64,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show where hosted pages may lead back to, or say where
    ReturnOrigins {
        /// The application: its name or app_…
        #[arg(value_name = "APPLICATION")]
        application: String,
        /// Origins from now on, as <https://shop.example>; without any, those of now are shown
        #[arg(value_name = "ORIGIN")]
        origins: Vec<String>,
        /// Nowhere from now on
        #[arg(long, conflicts_with = "origins")]
        none: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the client certificates that stand for an application
    Certificates {
        /// The application: its name or app_…
        #[arg(value_name = "APPLICATION")]
        application: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Let a client certificate stand for an application
    AddCertificate(OneCertificate),
    /// Let a client certificate stand for nobody any more
    RemoveCertificate(OneCertificate),
}

#[derive(Debug, Args)]
#[command(after_help = "The server asks for client certificates where tls.client_ca names the CA that signs them.")]
pub(crate) struct OneCertificate {
    /// The application: its name or app_…
    #[arg(value_name = "APPLICATION")]
    pub(crate) application: String,
    /// The certificate: a file in PEM or DER, or its SHA-256, 64 hex digits
    #[arg(value_name = "CERTIFICATE")]
    pub(crate) certificate: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdministratorCommand {
    /// Make a new administrator's key, by right of having the store; the server is stopped meanwhile
    #[command(
        after_help = "For who lost the key of the first start. It works on the store itself and asks no server, so it \
needs the account that the server runs as. An SQLite database is free only while its server is stopped; with PostgreSQL \
servers may run. The event administrator.recovered tells of it."
    )]
    Recover {
        /// End the administrator's other keys at once
        #[arg(long)]
        end_others: bool,
        #[command(flatten)]
        store: StoreArgs<false>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RootKeyCommand {
    /// Seal the store's keys under another root key; the server is stopped meanwhile
    #[command(
        after_help = "Of several servers on one PostgreSQL database all have to be stopped. Nothing is changed unless a \
vault that has the new root key alone opens what is to be stored. If it is cut off, the store opens with one of the two, \
a start says which, and the same command again ends it. The event root_key.changed tells of it."
    )]
    Change {
        /// Where the new one is, as in --root-key; a file is made [default: in place of the present file]
        #[arg(long, value_name = "SOURCE")]
        to: Option<String>,
        #[command(flatten)]
        store: StoreArgs<true>,
        /// The vault's program
        #[arg(long, value_name = "FILE", hide = true)]
        vault_program: Option<PathBuf>,
    },
}

/// Where the store is that a command works on.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs<const ROOT_KEY: bool> {
    /// Configuration file [default: countersign.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CONFIG", hide_env = true)]
    pub(crate) config: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: StoreFlags<ROOT_KEY>,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Stay, and show events as they happen
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only these kinds, such as authenticator.rejected
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// Only about this user
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// How many of the latest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show which keys are in use
    Status {
        #[command(flatten)]
        connection: Connection,
    },
    /// Make new data keys and seal everything anew under them
    Rotate {
        #[command(flatten)]
        connection: Connection,
    },
    /// Drop old data keys, once nothing is sealed under them any more
    Retire {
        /// The oldest version that stays [default: the present one]
        #[arg(long, value_name = "VERSION")]
        before: Option<u32>,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
    /// Answer in JSON
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command into this folder instead
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

impl Command {
    /// Whether answers are wanted as JSON.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Serve(args) => args.json,
            Self::Bench(args) => args.json,
            Self::Completions(args) => args.json,
            Self::Man(args) => args.json,
            Self::Administrator(AdministratorCommand::Recover { store, .. }) => store.json,
            Self::RootKey(RootKeyCommand::Change { store, .. }) => store.json,
            Self::Config(command) => command.wants_json(),
            Self::Workflow(WorkflowCommand::Validate(files) | WorkflowCommand::Test(files))
            | Self::Alerts(AlertsCommand::Validate(files)) => files.json,
            Self::ServeProcess => false,
            other => other.connection().is_some_and(|connection| connection.json),
        }
    }

    /// How the command reaches a server, for those that do.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Doctor(args) => Some(&args.connection),
            Self::Enroll(args) => Some(&args.connection),
            Self::Verify(args) => Some(&args.connection),
            Self::Users(command) => Some(command.connection()),
            Self::Authenticators(command) => Some(command.connection()),
            Self::Tokens(
                TokensCommand::Import(ImportTokensArgs { connection, .. })
                | TokensCommand::List { connection }
                | TokensCommand::Assign { connection, .. }
                | TokensCommand::Release { connection, .. }
                | TokensCommand::Remove { connection, .. },
            )
            | Self::Keys(
                KeysCommand::Status { connection }
                | KeysCommand::Rotate { connection }
                | KeysCommand::Retire { connection, .. },
            ) => Some(connection),
            Self::Applications(command) => Some(command.connection()),
            Self::Events(args) => Some(&args.connection),
            Self::Config(command) => command.connection(),
            Self::Workflow(command) => command.connection(),
            Self::Runs(command) => Some(command.connection()),
            Self::Alerts(command) => command.connection(),
            Self::Tasks(command) => Some(command.connection()),
            Self::Links(command) => Some(command.connection()),
            Self::Gateways(command) => Some(command.connection()),
            Self::Explain(args) => Some(&args.connection),
            Self::Serve(_)
            | Self::Administrator(_)
            | Self::RootKey(_)
            | Self::Bench(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::ServeProcess => None,
        }
    }
}

impl UsersCommand {
    const fn connection(&self) -> &Connection {
        match self {
            Self::List { connection, .. } => connection,
            Self::Show(user) | Self::Suspend(user) | Self::Resume(user) | Self::Erase { user, .. } => &user.connection,
        }
    }
}

impl AuthenticatorsCommand {
    const fn connection(&self) -> &Connection {
        match self {
            Self::List(user) => &user.connection,
            Self::Rename { authenticator: one, .. }
            | Self::Show(one)
            | Self::Suspend(one)
            | Self::Resume(one)
            | Self::Revoke(one)
            | Self::ReportLost(one) => &one.connection,
        }
    }
}

impl ApplicationsCommand {
    const fn connection(&self) -> &Connection {
        match self {
            Self::List { connection }
            | Self::Create { connection, .. }
            | Self::Delete { connection, .. }
            | Self::RotateKey { connection, .. }
            | Self::ReturnOrigins { connection, .. }
            | Self::Certificates { connection, .. } => connection,
            Self::AddCertificate(one) | Self::RemoveCertificate(one) => &one.connection,
        }
    }
}
