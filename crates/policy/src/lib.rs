//! Step-up policy: files of YAML in, a compiled policy out; facts in, a verdict out.
//!
//! ```text
//! files ── Policy::read ──► Policy ── decide(&Facts) ──► Verdict
//! ```
//!
//! Nothing here does I/O, knows the time or waits. [`Policy::read`] tells every mistake it finds, with its place; [`Policy::decide`] is a pure
//! function. It goes by three rules: **the strictest rule wins**, **what is not known never leads to more access**, and **levels are
//! what fresh proofs amount to**, by [`domain::Aal::reached`], and nothing else. docs/guide/policy.md is the guide to the files.

mod administrators;
mod analysis;
mod cases;
mod condition;
mod decide;
mod enforcement;
mod explain;
mod facts;
mod preset;
mod reader;
mod record;
mod rule;
mod settings;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use administrators::Administrators;
use domain::{AuthenticatorKind, Timestamp};
use enforcement::Enforcement;
use rule::{FACTOR_ORDER, Rule, matches};
use serde_json::Value;

pub use ::condition::MAX_BYTES as MAX_CONDITION_BYTES;
pub use cases::CaseResult;
pub use document::MAX_FILE_BYTES;
pub use document::{Mistake, Place, Severity};
pub use enforcement::{AdminRecovery, Recovery};
pub use explain::{Explained, Explanation};
pub use facts::{
    ApplicationFacts, Facts, Finding, ProofFacts, ResourceFacts, SessionFacts, Signal, Usable, UserFacts, Wanted,
};
pub use preset::{PRESETS, Preset};
pub use reader::{MAX_FILES, MAX_RULES, Vocabulary};
pub use rule::{Effect, WANTED};
pub use settings::{
    ApplicationSettings, BrandingSettings, GATEWAY_KEYS, GatewayKey, GatewaySettings, Picture, Settings,
    application_files, channel_of, settings_files,
};
pub use verdict::{Need, Noticed, Outcome, OutcomeKind, Reason, Verdict};

/// A policy that was understood as a whole.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    enforcement: Option<Enforcement>,
    administrators: Vec<Administrators>,
    orders: Orders,
    fallback_factors: Vec<AuthenticatorKind>,
    cases: Vec<cases::Case>,
    settings: Settings,
    content: BTreeMap<String, Value>,
    warnings: Vec<Mistake>,
    version: String,
}

/// In which order factors are offered.
#[derive(Debug, Default)]
struct Orders {
    policy: Vec<AuthenticatorKind>,
    applications: Vec<(String, Vec<AuthenticatorKind>)>,
    groups: Vec<(String, Vec<AuthenticatorKind>)>,
}

impl Policy {
    /// Reads files, each a name and a text, to one policy.
    ///
    /// # Errors
    /// Every mistake that was found, warnings among them, in the order of the files.
    pub fn read(files: &[(&str, &str)], vocabulary: &Vocabulary) -> Result<Self, Vec<Mistake>> {
        reader::read(files, vocabulary)
    }

    /// What happens, given what is known.
    pub fn decide(&self, facts: &Facts) -> Verdict {
        let wanted = facts.wanted.map(Rule::wanted);
        decide::Decision::new(self, facts, wanted.as_ref()).verdict()
    }

    /// Whether `mfa_enforcement` is about this user: from when this is first so, the grace period runs, and whoever keeps users keeps that
    /// time as [`UserFacts::subject_since`].
    pub fn is_subject(&self, user: &UserFacts) -> bool {
        self.enforcement.as_ref().is_some_and(|enforcement| enforcement.is_about(user))
    }

    /// When the user's grace period ends, if the user has one.
    pub fn grace_ends(&self, user: &UserFacts) -> Option<Timestamp> {
        let enforcement = self.enforcement.as_ref().filter(|enforcement| enforcement.is_about(user))?;
        let ends = user.subject_since.map(|since| since.plus(enforcement.grace_period));
        ends.map(|ends| user.grace_until.map_or(ends, |until| until.max(ends)))
    }

    /// Whether there is an enforcement file, which has users have a second factor.
    pub fn enforces(&self) -> bool {
        self.enforcement.is_some()
    }

    /// Whether the files name this user as an administrator, who is not to be locked out.
    pub fn is_administrator(&self, user: &UserFacts) -> bool {
        self.administrators.iter().any(|administrators| administrators.has(user))
    }

    /// Whether the files name administrators at all.
    pub const fn names_administrators(&self) -> bool {
        !self.administrators.is_empty()
    }

    /// Whether the files name administrators by their groups.
    pub fn names_groups_of_administrators(&self) -> bool {
        self.administrators.iter().any(administrators::Administrators::name_groups)
    }

    /// Whether the files name somebody as an administrator whom the application calls so, and who is in these groups.
    pub fn names_administrator(&self, external_id: &str, groups: &BTreeSet<String>) -> bool {
        let groups = || groups.iter().map(String::as_str);
        self.administrators.iter().any(|administrators| administrators.have(external_id, groups()))
    }

    /// The users whom the files name as administrators, by their names: without those in groups that they name.
    pub fn administrator_names(&self) -> impl Iterator<Item = &str> {
        self.administrators.iter().flat_map(administrators::Administrators::names)
    }

    /// How whoever lost every authenticator comes back in, where an enforcement file says so.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.enforcement.as_ref().map(|enforcement| &enforcement.recovery)
    }

    /// SHA-256 over what the files say, in hexadecimal: the same however they are laid out, named, ordered or commented.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the files say beside policy.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was found that is no error.
    pub fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// Every rule, in the order in which they are evaluated: its id, effect, place and whether it is in shadow.
    pub fn rules(&self) -> impl Iterator<Item = (&str, Effect, &Place, bool)> {
        self.rules.iter().map(|rule| (rule.id.as_str(), rule.effect, &rule.place, rule.shadow))
    }

    /// What the files say, piece by piece, `rules.large-payments` or `levels.strong` say, presets included: what two policies differ in is what
    /// these differ in, wherever it stands.
    pub fn content(&self) -> &BTreeMap<String, Value> {
        &self.content
    }

    /// How many cases stand in the files.
    pub fn case_count(&self) -> usize {
        self.cases.len()
    }

    /// Decides each case that stands in the files, and compares.
    pub fn run_cases(&self) -> Vec<CaseResult> {
        self.cases.iter().map(|case| case.run(self)).collect()
    }

    /// The order that holds for these facts: the group's, or else the application's, or else the policy's, or else ours.
    fn factor_order(&self, facts: &Facts) -> &[AuthenticatorKind] {
        let groups =
            || self.orders.groups.iter().find(|(name, _)| facts.user.groups.iter().any(|group| matches(name, group)));
        let application = &facts.application;
        let applications = || {
            let mut orders = self.orders.applications.iter();
            orders.find(|(name, _)| matches(name, &application.name) || matches(name, &application.id))
        };
        let policy = if self.orders.policy.is_empty() { FACTOR_ORDER } else { &self.orders.policy };
        groups().or_else(applications).map_or(policy, |(_, order)| order)
    }
}
