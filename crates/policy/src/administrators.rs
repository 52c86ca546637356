//! Who is not to be locked out: those who could take a policy back.

use domain::ExternalId;

use crate::facts::UserFacts;
use crate::rule::matches;
use document::{Mistakes, Node};

/// The users that a file names as administrators.
#[derive(Debug, Default)]
pub(crate) struct Administrators {
    /// As they are compared.
    users: Vec<String>,
    groups: Vec<String>,
}

impl Administrators {
    pub(crate) fn read(node: &Node, mistakes: &mut Mistakes) -> Self {
        let fields = node.fields(&["users", "groups"], mistakes);
        let mut texts = |key| fields.find(key).map(|node| node.texts(mistakes)).unwrap_or_default();
        let (users, groups) = (texts("users"), texts("groups"));
        if users.is_empty() && groups.is_empty() {
            mistakes.error(&node.place, "say who they are: `users`, `groups` or both");
        }
        let users = users.into_iter().filter_map(|(name, place)| match ExternalId::parse(name) {
            Ok(id) => Some(id.key().to_owned()),
            Err(error) => {
                mistakes.error(place, format!("this is no user's name: {error}"));
                None
            }
        });
        Self { users: users.collect(), groups: groups.into_iter().map(|(group, _)| group.to_owned()).collect() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(String::as_str)
    }

    /// Whether some are named by their groups.
    pub(crate) const fn name_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    pub(crate) fn has(&self, user: &UserFacts) -> bool {
        self.have(&user.external_id, user.groups.iter().map(String::as_str))
    }

    /// Whether somebody of this name and these groups is among them.
    pub(crate) fn have<'a>(&self, external_id: &str, mut groups: impl Iterator<Item = &'a str>) -> bool {
        let key = ExternalId::parse(external_id).map(|id| id.key().to_owned()).unwrap_or_default();
        self.users.contains(&key) || groups.any(|group| self.groups.iter().any(|pattern| matches(pattern, group)))
    }
}
