//! Where values come from: the file, over it the environment, over that the flags.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, distance, nearest};
use super::tables::{TABLES, Tables, is_name};
use crate::failure::{Failure, describe};

/// The values that were given, by the names of their keys.
#[derive(Debug, Default)]
pub(crate) struct Layers(BTreeMap<&'static str, Given>, BTreeMap<&'static str, BTreeMap<String, Table>>);

/// What was given in one of several tables of a kind.
pub(crate) type Table = BTreeMap<&'static str, Given>;

/// One value and who gave it.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// The value; of a list, one item each.
    pub(crate) items: Vec<String>,
    /// Who gave it.
    pub(crate) origin: Origin,
}

/// Who gave a value. In text, the beginning of an error message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of the file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

impl Given {
    pub(super) fn is_in_a_file(&self) -> bool {
        matches!(self.origin, Origin::File(..))
    }
}

impl Layers {
    /// The value of a key, if any layer has one.
    pub(crate) fn given(&self, name: &str) -> Option<&Given> {
        self.0.get(name)
    }

    /// What was given in each table of a section, by its name.
    pub(crate) fn tables(&self, section: &str) -> impl Iterator<Item = (&String, &Table)> {
        self.1.get(section).into_iter().flatten()
    }

    fn put(&mut self, tables: &'static Tables, name: &str, key: &'static str, given: Given) {
        self.1.entry(tables.section).or_default().entry(name.to_owned()).or_default().insert(key, given);
    }

    /// Lays the flags over what is there.
    pub(crate) fn add_flags(&mut self, flags: &[(&'static Key, Vec<String>)]) {
        for (key, items) in flags {
            self.0.insert(key.name, Given { items: items.clone(), origin: Origin::Flag(key.flag()) });
        }
    }

    /// Lays the environment over what is there.
    ///
    /// A variable that is one slip away from a key is an error. Others that begin like ours are left alone:
    /// Kubernetes sets `COUNTERSIGN_PORT` and its like in every container beside a service of our name.
    pub(crate) fn add_environment<'a>(
        &mut self,
        variables: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), Failure> {
        for (name, value) in variables.filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
            let given = |list| Given {
                items: if list { split(value) } else { vec![value.to_owned()] },
                origin: Origin::Variable(name.to_owned()),
            };
            if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
                self.0.insert(key.name, given(key.list));
            } else if let Some((tables, table, key)) = Tables::of_variable(name) {
                self.put(tables, &table, key.name, given(key.list));
            } else if let Some(near) = KEYS.iter().map(Key::variable).find(|known| distance(name, known) <= 2) {
                return Err(Failure::configuration(format!("{name}: unknown variable; did you mean {near}?")));
            }
        }
        Ok(())
    }

    /// Lays a file over what is there.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::configuration(format!("{} cannot be read ({})", path.display(), describe(&error)))
        })?;
        let document = DeTable::parse(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            Failure::configuration(format!("{}:{line}: {}", path.display(), error.message()))
        })?;
        Reader { path, text: &text, layers: self }.table(document.get_ref(), None)
    }
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    layers: &'a mut Layers,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, section: Option<&str>) -> Result<(), Failure> {
        for (name, value) in table {
            let line = line_of(self.text, name.span().start);
            let full =
                section.map_or_else(|| name.get_ref().to_string(), |section| format!("{section}.{}", name.get_ref()));
            let tables = Tables::named(name.get_ref()).filter(|_| section.is_none());
            match (Key::named(&full), value.get_ref()) {
                (Some(key), value) => self.value(key, value, line)?,
                (None, DeValue::Table(inner)) if let Some(tables) = tables => self.tables(tables, inner)?,
                (None, DeValue::Table(inner)) if section.is_none() && is_section(name.get_ref()) => {
                    self.table(inner, Some(name.get_ref()))?;
                }
                (None, _) => return Err(self.unknown(&full, section, line)),
            }
        }
        Ok(())
    }

    /// Tables of one kind, `[gateway.NAME]` say.
    fn tables(&mut self, tables: &'static Tables, inner: &DeTable<'_>) -> Result<(), Failure> {
        let Tables { section, of, example, .. } = tables;
        for (name, table) in inner {
            let at = self.place(name.span().start);
            let DeValue::Table(table) = table.get_ref() else {
                return Err(Failure::configuration(format!("{at}: {of} has a name: [{section}.{example}]")));
            };
            let named = name.get_ref();
            if !is_name(named) {
                return Err(Failure::configuration(format!(
                    "{at}: `{named}` is no name of {of}: small letters, digits and - are, up to 32"
                )));
            }
            for (name, value) in table {
                let line = line_of(self.text, name.span().start);
                let Some(key) = tables.keys.iter().find(|key| key.name == name.get_ref().as_ref()) else {
                    return Err(self.unknown_in_table(tables, named, name.get_ref(), name.span().start));
                };
                let shown = format!("{section}.{named}.{}", key.name);
                let given = self.given(&shown, (key.list, false), value.get_ref(), line)?;
                self.layers.put(tables, named, key.name, given);
            }
        }
        Ok(())
    }

    fn unknown_in_table(&self, tables: &Tables, table: &str, name: &str, at: usize) -> Failure {
        let names = tables.keys.iter().map(|key| key.name);
        let near = nearest(name, names.clone());
        let hint = near.map_or_else(
            || format!("the keys are: {}", names.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let unknown = format!("unknown key `{}.{table}.{name}`; {hint}", tables.section);
        Failure::configuration(format!("{}: {unknown}", self.place(at)))
    }

    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.path.display(), line_of(self.text, offset))
    }

    fn value(&mut self, key: &'static Key, value: &DeValue<'_>, line: usize) -> Result<(), Failure> {
        let given = self.given(key.name, (key.list, key.value == "YES|NO"), value, line)?;
        self.layers.0.insert(key.name, given);
        Ok(())
    }

    /// `list` and `truth` say whether several values, and whether yes or no, can stand there.
    fn given(
        &self,
        name: &str,
        (list, truth): (bool, bool),
        value: &DeValue<'_>,
        line: usize,
    ) -> Result<Given, Failure> {
        let scalar = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            // A number stands for seconds where a time is wanted; anything else says for itself that it is wrong.
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Boolean(yes) if truth => Some(yes.to_string()),
            _ => None,
        };
        let items = match value {
            DeValue::Array(items) if list => items.iter().map(|item| scalar(item.get_ref())).collect(),
            value => scalar(value).map(|item| vec![item]),
        };
        let origin = Origin::File(self.path.to_owned(), line);
        let Some(items) = items else {
            let wanted = if list { "a list of strings" } else { "a string" };
            return Err(Failure::configuration(format!(
                "{origin}: `{name}` is {wanted}, and here stands {}",
                article(value.type_str())
            )));
        };
        Ok(Given { items, origin })
    }

    fn unknown(&self, full: &str, section: Option<&str>, line: usize) -> Failure {
        let place = format!("{}:{line}", self.path.display());
        let names = KEYS.iter().map(|key| key.name).chain(sections()).chain(TABLES.iter().map(|tables| tables.section));
        // Somebody who forgot the section meant the key of that name in whichever section has it.
        let elsewhere =
            KEYS.iter().find(|key| section.is_none() && key.name.split_once('.').is_some_and(|(_, k)| k == full));
        let meant = elsewhere.map(|key| key.name).or_else(|| nearest(full, names));
        let hint = meant.map_or_else(
            || format!("the keys are: {}", KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")),
            |near| match near.split_once('.') {
                Some((section, key)) => format!("did you mean `{key}` in [{section}]?"),
                None => format!("did you mean `{near}`?"),
            },
        );
        Failure::configuration(format!("{place}: unknown key `{full}`; {hint}"))
    }
}

fn sections() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().filter_map(|key| key.name.split_once('.')).map(|(section, _)| section)
}

fn is_section(name: &str) -> bool {
    sections().any(|section| section == name)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn article(kind: &str) -> String {
    if kind.starts_with(['a', 'i']) { format!("an {kind}") } else { format!("a {kind}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(file: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, file).unwrap();
        let failure = Layers::default().add_file(&path).unwrap_err();
        failure.message.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_name() {
        assert_eq!(message("\nlistne = 'x'"), "c.toml:2: unknown key `listne`; did you mean `listen`?");
        assert_eq!(
            message("[tls]\ncert = 'x'\nkye='y'"),
            "c.toml:2: unknown key `tls.cert`; did you mean `certificate` in [tls]?"
        );
        assert_eq!(message("[tlss]\n"), "c.toml:1: unknown key `tlss`; did you mean `tls`?");
    }

    #[test]
    fn a_key_outside_its_section_is_told_where_it_belongs() {
        assert_eq!(
            message("root_key = 'file:x'"),
            "c.toml:1: unknown key `root_key`; did you mean `root_key` in [vault]?"
        );
    }

    #[test]
    fn a_wrong_type_is_said() {
        assert_eq!(message("listen = true"), "c.toml:1: `listen` is a string, and here stands a boolean");
        assert_eq!(
            message("[proxy]\ntrusted = [1.5]"),
            "c.toml:2: `proxy.trusted` is a list of strings, and here stands an array"
        );
    }

    #[test]
    fn what_is_no_toml_names_the_line() {
        assert!(message("listen = 'a'\nissuer = ").starts_with("c.toml:2: "), "{}", message("listen = 'a'\nissuer = "));
    }

    #[test]
    fn a_misspelt_variable_is_an_error_and_a_foreign_one_is_not() {
        let add = |name: &str| Layers::default().add_environment(std::iter::once((name, "x"))).map_err(|e| e.message);
        assert_eq!(
            add("COUNTERSIGN_LISTNE"),
            Err("COUNTERSIGN_LISTNE: unknown variable; did you mean COUNTERSIGN_LISTEN?".to_owned())
        );
        assert_eq!(add("COUNTERSIGN_PORT"), Ok(()));
        assert_eq!(add("COUNTERSIGN_SERVICE_HOST"), Ok(()));
        assert_eq!(add("COUNTERSIGN_KEY"), Ok(()));
    }
}
