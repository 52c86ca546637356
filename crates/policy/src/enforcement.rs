//! The enforcement file: who must, since when, and what is asked where something was noticed (I-06).

use std::time::Duration;

use domain::Aal;

use crate::facts::UserFacts;
use crate::reader::Vocabulary;
use crate::rule::{Effect, Requirement, Rule, Scope, Trigger, matches};
use document::{Mistakes, Place};
use document::{Node, Yaml, listed};

/// The enforcement file, beyond the rules that it makes.
#[derive(Debug)]
pub(crate) struct Enforcement {
    pub(crate) place: Place,
    all_users: bool,
    groups: Vec<String>,
    exclude_service_accounts: bool,
    pub(crate) grace_period: Duration,
    pub(crate) recovery: Recovery,
}

/// How whoever lost every authenticator comes back in (I-07).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many backup codes a user gets; 0 for none.
    pub backup_codes: u8,
    /// What an administrator does before.
    pub admin_recovery: AdminRecovery,
    /// How long a recovery may take.
    pub recovery_timeout: Duration,
}

/// What an administrator does before somebody is let back in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminRecovery {
    /// Verifies an identity document.
    VerifyWithId,
    /// Nothing: there is no such way.
    Off,
}

/// How old a proof may be that answers a signal, where nothing is said.
const PROMPT_MAX_AGE: Duration = Duration::from_mins(15);

const KEYS: &[&str] = &[
    "all_users",
    "groups",
    "grace_period",
    "exclude_service_accounts",
    "risk_based_prompting",
    "prompt_max_age",
    "recovery",
];

impl Default for Recovery {
    fn default() -> Self {
        Self {
            backup_codes: 10,
            admin_recovery: AdminRecovery::VerifyWithId,
            recovery_timeout: Duration::from_hours(24),
        }
    }
}

impl Enforcement {
    /// The file, and the rules that it makes.
    pub(crate) fn read(node: &Node, vocabulary: &Vocabulary, mistakes: &mut Mistakes) -> (Self, Vec<Rule>) {
        let fields = node.fields(KEYS, mistakes);
        let all_users = fields.find("all_users").and_then(|node| node.bool(mistakes));
        let groups: Vec<String> = fields
            .find("groups")
            .map(|node| node.texts(mistakes).into_iter().map(|(group, _)| group.to_owned()).collect())
            .unwrap_or_default();
        if all_users.is_none() && fields.find("all_users").is_none() && groups.is_empty() {
            mistakes.error(&node.place, "say who must: `all_users: true`, or `groups`");
        }
        let grace = fields.find("grace_period").and_then(|node| node.duration(mistakes));
        let age = fields.find("prompt_max_age").and_then(|node| node.duration(mistakes)).unwrap_or(PROMPT_MAX_AGE);
        let exclude = fields.find("exclude_service_accounts").and_then(|node| node.bool(mistakes));
        let recovery = fields.find("recovery").map(|node| Recovery::read(node, mistakes)).unwrap_or_default();
        let mut rules =
            vec![rule("mfa_enforcement".to_owned(), &node.place, Trigger::Subject, Requirement::of(Aal::Aal2))];
        for prompt in fields.find("risk_based_prompting").map(|node| node.list(mistakes)).unwrap_or_default() {
            prompt_rules(prompt, age, vocabulary, &mut rules, mistakes);
        }
        let enforcement = Self {
            place: node.place.clone(),
            all_users: all_users.unwrap_or(groups.is_empty()),
            groups,
            exclude_service_accounts: exclude.unwrap_or(false),
            grace_period: grace.unwrap_or_default(),
            recovery,
        };
        (enforcement, rules)
    }

    /// Whether the file is about this user.
    pub(crate) fn is_about(&self, user: &UserFacts) -> bool {
        let excluded = user.service_account && self.exclude_service_accounts;
        let named = || self.groups.iter().any(|pattern| user.groups.iter().any(|group| matches(pattern, group)));
        !excluded && (self.all_users || named())
    }
}

/// `- new_device: prompt_mfa`
fn prompt_rules(
    node: &Node,
    max_age: Duration,
    vocabulary: &Vocabulary,
    rules: &mut Vec<Rule>,
    mistakes: &mut Mistakes,
) {
    let Yaml::Map(entries) = &node.yaml else {
        mistakes.error(&node.place, "expected a signal and what it asks for, as in `new_device: prompt_mfa`");
        return;
    };
    for (key, value) in entries {
        let message = |known: &[&str]| format!("`{}` is no signal; there is {}", key.name, listed(known));
        vocabulary.check(&key.name, &key.place, mistakes, message);
        let id = format!("mfa_enforcement.{}", key.name);
        if let Some(other) = rules.iter().find(|rule| rule.id == id) {
            mistakes.between(&key.place, &other.place, format!("`{}` is prompted for twice", key.name));
            continue;
        }
        let words = [("prompt_mfa", true), ("require_mfa", false)];
        if let Some(lenient) = value.word("way to ask", &words, mistakes) {
            let requirement = Requirement { max_age: Some(max_age), presence: true, ..Requirement::of(Aal::Aal2) };
            let trigger = Trigger::Signal(key.name.clone());
            rules.push(Rule { lenient, ..rule(id, &key.place, trigger, requirement) });
        }
    }
}

fn rule(id: String, place: &Place, trigger: Trigger, requirement: Requirement) -> Rule {
    Rule {
        id,
        place: place.clone(),
        description: None,
        clause: None,
        scope: Scope::default(),
        trigger,
        effect: Effect::Require,
        requirement,
        lenient: true,
        show: Vec::new(),
        bind: Vec::new(),
        notify: Vec::new(),
        shadow: false,
    }
}

impl Recovery {
    fn read(node: &Node, mistakes: &mut Mistakes) -> Self {
        let fields = node.fields(&["backup_codes", "admin_recovery", "recovery_timeout"], mistakes);
        let default = Self::default();
        let codes = fields.find("backup_codes").and_then(|node| node.int(0..=20, mistakes));
        let ways = [("verify_with_id", AdminRecovery::VerifyWithId), ("off", AdminRecovery::Off)];
        let admin = fields.find("admin_recovery").and_then(|node| node.word("way of recovery", &ways, mistakes));
        let timeout = fields.find("recovery_timeout").and_then(|node| {
            let span = node.duration(mistakes)?;
            if span.is_zero() {
                mistakes.error(&node.place, "nobody recovers in no time");
            }
            Some(span)
        });
        Self {
            backup_codes: codes.and_then(|codes| u8::try_from(codes).ok()).unwrap_or(default.backup_codes),
            admin_recovery: admin.unwrap_or(default.admin_recovery),
            recovery_timeout: timeout.unwrap_or(default.recovery_timeout),
        }
    }
}
