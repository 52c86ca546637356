//! `countersign gateways`: which ones are switched away from.

use clap::Subcommand;

use super::Connection;

#[derive(Debug, Subcommand)]
pub(crate) enum GatewaysCommand {
    /// List gateways that workflows switched away from, and until when
    Switches {
        #[command(flatten)]
        connection: Connection,
    },
    /// End a switch before its time is over
    SwitchBack {
        /// The gateway, by its name in the configuration
        #[arg(value_name = "GATEWAY")]
        gateway: String,
        #[command(flatten)]
        connection: Connection,
    },
}

impl GatewaysCommand {
    /// How it reaches a server.
    pub(super) const fn connection(&self) -> &Connection {
        match self {
            Self::Switches { connection } | Self::SwitchBack { connection, .. } => connection,
        }
    }
}
