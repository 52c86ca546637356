//! What is written of alerts.

use domain::{Alert, AlertCursor, AlertGroup, AlertRuleInForce, AlertState, UserId};

/// See [`crate::Change::WriteAlerts`]. Guard, all of it or nothing: nobody else has counted events or changed anything of alerts since `seen`.
#[derive(Debug, Clone)]
pub struct WriteAlerts {
    /// How far it was when all that this goes by was read.
    pub seen: AlertCursor,
    /// How far it is.
    pub to: AlertCursor,
    /// The rules that are in force from now on; as they were if not said.
    pub rules: Option<Vec<AlertRuleInForce>>,
    /// What was counted of groups.
    pub groups: Vec<CountedGroup>,
    /// Alerts that are raised, none of whose groups has an open one once `changed` is written.
    pub raised: Vec<Alert>,
    /// Alerts of which something changed. One that is gone meanwhile, with the user whom it was about, stays gone.
    pub changed: Vec<Alert>,
}

impl WriteAlerts {
    /// Nothing but that something was seen.
    pub const fn after(seen: AlertCursor, to: AlertCursor) -> Self {
        Self { seen, to, rules: None, groups: Vec::new(), raised: Vec::new(), changed: Vec::new() }
    }

    /// As [`Self::after`], for what is not by an event.
    pub const fn beside(seen: AlertCursor) -> Self {
        Self::after(seen, AlertCursor { position: seen.position, turn: seen.turn + 1 })
    }
}

/// What was counted of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedGroup {
    /// The group.
    pub group: AlertGroup,
    /// Whose events it is of, where groups are users: what was counted of somebody who is gone meanwhile is not kept.
    pub user_id: Option<UserId>,
}

/// The rules that are in force from now on, together with a policy. Guard: those that were seen are those that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAlertRules {
    /// The digests of those that were in force, by name.
    pub seen: Vec<(String, String)>,
    /// Those that are from now on. Until when one is silent stays as it is for the one of its name.
    pub rules: Vec<AlertRuleInForce>,
    /// Events up to this position are looked at by no rule: where there was none, the log was not read.
    pub read_from: i64,
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Those of this rule.
    pub rule: Option<String>,
    /// Those in this state.
    pub state: Option<AlertState>,
    /// Those about this user.
    pub user_id: Option<UserId>,
}
