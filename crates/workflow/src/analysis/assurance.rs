//! No recovery hands out a higher level than it proves (T-31).
//!
//! What is proved of the subject is followed through the document: an approval with evidence proves what the evidence does, and the event
//! of a proof what that proof amounts to. Where ways meet, the least of them is what is proved. A level that is not known when the file is
//! read, or that is handed to anybody but the subject, is refused.

use document::Mistakes;
use domain::{Aal, AuthenticatorKind, EventKind};
use serde_json::Value;

use crate::definition::{
    Approval, Argument, BlockId, Definition, Doing, Excluded, ExpressionId, InVain, Step, StepKind, TriggerKind, Wait,
};
use crate::vocabulary::{EVIDENCE, HandsOut};

/// The actions of proofs that everybody gives who signs in, asks a site behind a proxy, or sees to their own authenticators.
const EVERYDAY: [&str; 5] = ["login", "sign_in", "http.request", "enroll", "resynchronize"];

pub(super) fn check(definition: &Definition, mistakes: &mut Mistakes) {
    let mut checker = Checker { definition, mistakes };
    let start = checker.by_triggers();
    checker.block(definition.main, start);
    // Nothing is proved where something failed, or whatever happened.
    for block in [definition.on_error, definition.finally].into_iter().flatten() {
        checker.block(block, None);
    }
}

struct Checker<'a> {
    definition: &'a Definition,
    mistakes: &'a mut Mistakes,
}

impl Checker<'_> {
    /// What every trigger proves of the subject.
    fn by_triggers(&self) -> Option<Aal> {
        let about_user = self.definition.subject.is_some_and(|id| self.text(id) == Some("event.user"));
        let proved = self.definition.triggers.iter().map(|trigger| match trigger.kind {
            TriggerKind::Event(EventKind::AuthenticatorVerified) if about_user => self.by_proof(trigger.when, "event"),
            _ => None,
        });
        proved.min().flatten()
    }

    /// What is proved by the event of a proof, of which a condition holds that asks about it as `name`: as much as the proof was worth then, given
    /// for something of its own. Whoever signs in anyway proves nothing to a recovery.
    fn by_proof(&self, condition: Option<ExpressionId>, name: &str) -> Option<Aal> {
        let condition = &self.definition.expression(condition?)?.condition;
        let fact = |field: &str| {
            let fact: crate::expression::Fact = [name, "data", field].into_iter().map(Box::from).collect();
            format!("{fact:?}")
        };
        let kinds = condition.demands(&fact("kind"))?;
        let by_kind = kinds.into_iter().map(|kind| AuthenticatorKind::from_name(kind).map(Aal::highest_by)).min()??;
        condition.demands(&fact("action")).filter(|actions| actions.iter().all(|action| !EVERYDAY.contains(action)))?;
        let at_least = condition.at_least(&fact("aal"))?;
        let worth =
            [Aal::Aal3, Aal::Aal2, Aal::Aal1].into_iter().find(|level| i64::from(level.number()) <= at_least)?;
        // A key may be one that cannot leave its hardware, or not: that is not seen from here.
        Some(by_kind.min(worth).min(Aal::Aal2))
    }

    fn text(&self, id: ExpressionId) -> Option<&str> {
        self.definition.expression(id).map(|expression| expression.text.as_str())
    }

    /// What is proved behind a block, if `proved` is before it.
    fn block(&mut self, block: BlockId, mut proved: Option<Aal>) -> Option<Aal> {
        let definition = self.definition;
        for step in definition.block(block).iter().filter_map(|id| definition.step(*id)) {
            proved = self.step(step, proved);
        }
        proved
    }

    fn step(&mut self, step: &Step, proved: Option<Aal>) -> Option<Aal> {
        match &step.kind {
            StepKind::Action(action) => {
                for doing in [Some(&action.does), action.undo.as_ref()].into_iter().flatten() {
                    self.hands_out(step, doing, proved);
                }
                proved
            }
            StepKind::Approval(approval) => {
                let surely = approval.on_timeout == InVain::Fail && approval.on_reject == InVain::Fail;
                proved.max(if surely { by_approval(approval) } else { None })
            }
            StepKind::Wait(Wait::Event {
                kind: EventKind::AuthenticatorVerified, keep, in_vain: InVain::Fail, ..
            }) => {
                let of_subject = keep.and_then(|id| self.text(id)).is_some_and(|text| {
                    condition::clauses(text).contains(&"arrived.user == subject") && !text.contains("||")
                });
                proved.max(if of_subject { self.by_proof(*keep, "arrived") } else { None })
            }
            StepKind::Switch(branches) => {
                let mut least = if branches.iter().any(|branch| branch.when.is_none()) { None } else { Some(proved) };
                for branch in branches {
                    let before = proved.max(branch.when.and_then(|id| self.approved(id)));
                    let after = self.block(branch.block, before);
                    least = Some(least.map_or(after, |least| least.min(after)));
                }
                least.unwrap_or(proved)
            }
            StepKind::Parallel(blocks) => {
                let after: Vec<_> = blocks.iter().map(|block| self.block(*block, proved)).collect();
                after.into_iter().max().flatten().max(proved)
            }
            StepKind::ForEach(each) => {
                // What was proved of the subject is nothing about those whom a loop goes through.
                self.block(each.body, None);
                proved
            }
            StepKind::Try { body, catch } => {
                let after = self.block(*body, proved);
                after.min(self.block(*catch, proved))
            }
            StepKind::Wait(_) | StepKind::Call(_) | StepKind::Fail(_) => proved,
        }
    }

    /// What is proved where a way is gone because `steps.ID.outcome == "approved"`.
    fn approved(&self, when: ExpressionId) -> Option<Aal> {
        let condition = &self.definition.expression(when)?.condition;
        self.definition.steps.iter().find_map(|step| {
            let StepKind::Approval(approval) = &step.kind else { return None };
            let fact: crate::expression::Fact = ["steps", &step.id, "outcome"].into_iter().map(Box::from).collect();
            let demanded = condition.demands(&format!("{fact:?}"))?;
            if demanded != ["approved"] {
                return None;
            }
            by_approval(approval)
        })
    }

    fn hands_out(&mut self, step: &Step, doing: &Doing, proved: Option<Aal>) {
        let told = |name: &str| doing.with.iter().find(|(told, _)| told == name).map(|(_, argument)| argument);
        let HandsOut::Level(level) = doing.action.hands_out else { return };
        let as_said = match told("level") {
            None => true,
            Some(Argument::Literal(Value::String(text))) => *text == level.to_string(),
            Some(_) => false,
        };
        if !as_said {
            let message =
                format!("`{}` hands out {level}, no more and no less: what it proves is no other level", step.id);
            self.mistakes.error(&step.place, message);
        }
        let to_subject = match told("user") {
            Some(Argument::Expression(id)) => match self.text(*id) {
                Some("subject") => self.definition.subject.is_some(),
                Some(text) => self.definition.subject.and_then(|id| self.text(id)) == Some(text),
                None => false,
            },
            _ => false,
        };
        if !to_subject {
            let message = format!(
                "`{}` hands something out to somebody of whom nothing is proved: its `user` has to be `${{subject}}`",
                step.id
            );
            self.mistakes.error(&step.place, message);
        } else if proved.is_none_or(|proved| level > proved) {
            let proof = proved.map_or_else(|| "nothing".to_owned(), |proved| proved.to_string());
            let message = format!(
                "`{}` hands out {level}, and {proof} is proved before it: have an approval with `evidence` before, or wait for a proof of the subject, `where: arrived.user == subject && arrived.data.kind == \"totp\" && arrived.data.aal >= 2 && arrived.data.action == \"recover\"`, with an action of its own and not a `login`",
                step.id
            );
            self.mistakes.error(&step.place, message);
        }
    }
}

/// What an approver has to have seen proves as much as the best of it, no more than the approver proves, and nothing if it is the subject who
/// may approve.
fn by_approval(approval: &Approval) -> Option<Aal> {
    let levels = EVIDENCE.iter().filter(|(name, _)| approval.evidence.iter().any(|seen| seen == name));
    let best = levels.map(|(_, level)| *level).max().filter(|_| approval.excludes.contains(&Excluded::Subject));
    best.map(|level| level.min(approval.level))
}
