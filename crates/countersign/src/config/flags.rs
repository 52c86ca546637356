//! The flags of `countersign serve` that set configuration keys: made from the table of keys.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::keys::{KEYS, Key};

/// The flags that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags(Vec<(&'static Key, Vec<String>)>);

impl Flags {
    /// Key and value of each.
    pub(crate) fn given(&self) -> &[(&'static Key, Vec<String>)] {
        &self.0
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        KEYS.iter().fold(command, |command, key| command.arg(argument(key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: &'static Key) -> Arg {
    let argument = Arg::new(key.name).long(key.flag()).value_name(key.value).help(key.help).help_heading("Settings");
    if key.list { argument.action(ArgAction::Append).value_delimiter(',') } else { argument }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given =
            |key: &&'static Key| matches.get_many::<String>(key.name).map(|values| (*key, values.cloned().collect()));
        self.0 = KEYS.iter().filter_map(|key| given(&key)).collect();
        Ok(())
    }
}
