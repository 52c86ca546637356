//! Steps, and blocks of steps.

use std::time::Duration;

use condition::Type;
use document::{Fields, Node, Place, Yaml};
use domain::Aal;

use super::{MAX_DEPTH, MAX_STEPS, Reader};
use crate::definition::{
    ActionStep, Approval, Block, BlockId, Branch, Breaker, Call, Doing, Excluded, ForEach, InVain, Retry, Step, StepId,
    StepKind, Wait,
};
use crate::grammar::{self, KINDS};
use crate::vocabulary::{ACTIONS, Action, EVIDENCE, QUERIES, Query};

/// How long an attempt may take, if the step does not say.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long a workflow that is called may take, if the step does not say.
const CALL: Duration = Duration::from_hours(24);
/// What holds where a step says nothing of `retry`: what happens inside is one commit and is not tried again.
const ONCE: Retry =
    Retry { limit: 1, backoff: Duration::from_secs(10), longest: Duration::from_hours(1), jitter: 20, hold: false };

const THEN: &[(&str, bool)] = &[("fail", false), ("hold", true)];

impl Reader {
    /// The steps of a block. Those that it has are known to the ones behind them.
    pub(super) fn block(&mut self, node: &Node, parent: Option<StepId>, loops: usize) -> BlockId {
        let block = self.blocks.len();
        self.blocks.push(Block { steps: Vec::new(), parent });
        if self.depth(block) > MAX_DEPTH {
            self.mistakes.error(&node.place, format!("blocks stand at most {MAX_DEPTH} deep in one another"));
            return block;
        }
        for (index, item) in node.list(&mut self.mistakes).iter().enumerate() {
            if self.steps.len() >= MAX_STEPS {
                self.mistakes.error(&item.place, format!("a workflow has at most {MAX_STEPS} steps"));
                return block;
            }
            self.step(item, block, index, loops);
        }
        block
    }

    fn depth(&self, block: BlockId) -> usize {
        let parent = |block: BlockId| self.steps.get(self.blocks.get(block)?.parent?).map(|step| step.block);
        std::iter::successors(Some(block), |block| parent(*block)).take(MAX_DEPTH + 2).count()
    }

    fn step(&mut self, node: &Node, block: BlockId, index: usize, loops: usize) {
        let fields = self.record(node, grammar::STEP);
        let id = fields.find("id").and_then(|node| Some((self.id(node)?, node.place.clone())));
        let kinds: Vec<_> = KINDS.iter().filter(|(key, _)| fields.find(key).is_some()).collect();
        let names: Vec<&str> = KINDS.iter().map(|(key, _)| *key).collect();
        let [(key, others)] = kinds.as_slice() else {
            self.mistakes.error(&node.place, format!("a step is one of {}", document::listed(&names)));
            return;
        };
        for other in grammar::STEP.iter().map(|other| other.name).filter(|other| !names.contains(other)) {
            if let Some(node) = fields.find(other)
                && !["id", "description"].contains(&other)
                && !others.contains(&other)
            {
                self.mistakes.error(&node.place, format!("a step with `{key}` has no `{other}`"));
            }
        }
        let (id, place) = id.unwrap_or_else(|| (String::new(), node.place.clone()));
        if let Some(other) = self.ids.insert(id.clone(), place.clone()).filter(|_| !id.is_empty()) {
            self.mistakes.between(&place, &other, format!("there are two steps `{id}`"));
        }
        let this = self.steps.len();
        // What its blocks belong to has to be there before them.
        let kind = StepKind::Parallel(Vec::new());
        self.steps.push(Step { id: id.clone(), place, block, index, loops, kind });
        if let Some(block) = self.blocks.get_mut(block) {
            block.steps.push(this);
        }
        let Some(value) = fields.find(key) else { return };
        let Some(kind) = self.kind(key, value, &fields, this, loops) else { return };
        if let Some(step) = self.steps.get_mut(this) {
            step.kind = kind;
            let outputs = step.outputs();
            if !id.is_empty() {
                self.scope.steps.push((id.into(), outputs));
            }
        }
    }

    fn kind(&mut self, key: &str, value: &Node, fields: &Fields<'_>, this: StepId, loops: usize) -> Option<StepKind> {
        match key {
            "action" => {
                let does = self.doing(fields, value)?;
                let undo = fields.find("compensate").and_then(|node| {
                    let fields = self.record(node, grammar::COMPENSATE);
                    // What undoes a step can ask what the step gave.
                    let id = self.steps.get(this).map(|step| step.id.clone()).unwrap_or_default();
                    self.scope.steps.push((id.into(), does.action.gives.to_vec()));
                    let undo = self.doing(&fields, fields.find("action")?);
                    self.scope.steps.pop();
                    undo
                });
                Some(StepKind::Action(ActionStep { does, undo }))
            }
            "switch" => self.switch(value, this, loops).map(StepKind::Switch),
            "parallel" => {
                let before = self.scope.steps.clone();
                let mut after = before.clone();
                let mut blocks = Vec::new();
                for item in value.list(&mut self.mistakes) {
                    let fields = self.record(item, grammar::BRANCH);
                    self.scope.steps.clone_from(&before);
                    blocks.extend(fields.find("steps").map(|node| self.block(node, Some(this), loops)));
                    after.extend(self.scope.steps.drain(..).skip(before.len()));
                }
                self.scope.steps = after;
                Some(StepKind::Parallel(blocks))
            }
            "for_each" => self.for_each(value, this, loops).map(StepKind::ForEach),
            "wait" => self.wait(value).map(StepKind::Wait),
            "approval" => self.approval(value).map(StepKind::Approval),
            "call" => {
                let workflow = self.id(value)?;
                let with = fields.find("with").map(|node| {
                    let entries = node.entries(&mut self.mistakes);
                    entries.iter().filter_map(|(key, node)| Some((key.name.clone(), self.anything(node)?))).collect()
                });
                let timeout = fields.find("timeout").and_then(|node| self.span(node)).unwrap_or(CALL);
                Some(StepKind::Call(Call { workflow, with: with.unwrap_or_default(), timeout }))
            }
            "try" => {
                let body = self.block(value, Some(this), loops);
                let Some(catch) = fields.find("catch") else {
                    self.mistakes.error(&value.place, "`catch` is missing: say what is done where this fails");
                    return None;
                };
                let error = std::mem::replace(&mut self.scope.error, true);
                let catch = self.block(catch, Some(this), loops);
                self.scope.error = error;
                Some(StepKind::Try { body, catch })
            }
            _ => self.message(value).map(StepKind::Fail),
        }
    }

    fn doing(&mut self, fields: &Fields<'_>, action: &Node) -> Option<Doing> {
        let name = action.text(&mut self.mistakes)?;
        let Some(found) = Action::named(name) else {
            let names = ACTIONS.iter().map(|action| action.name);
            self.mistakes.unknown(&action.place, format!("there is no action `{name}`"), name, names);
            return None;
        };
        let with = self.arguments(fields.find("with"), found.takes, name, &action.place);
        let retry = fields.find("retry").map_or(ONCE, |node| self.retry(node));
        let timeout = fields.find("timeout").and_then(|node| self.span(node)).unwrap_or(ATTEMPT);
        Some(Doing { action: found, with, retry, timeout })
    }

    fn retry(&mut self, node: &Node) -> Retry {
        let fields = self.record(node, grammar::RETRY);
        let mut span = |key, otherwise| fields.find(key).and_then(|node| self.span(node)).unwrap_or(otherwise);
        let (backoff, longest) = (span("backoff", ONCE.backoff), span("longest", ONCE.longest));
        let limit = fields.find("limit").and_then(|node| self.small(node, 100)).unwrap_or(ONCE.limit);
        let jitter = fields.find("jitter").and_then(|node| self.percent(node)).unwrap_or(ONCE.jitter);
        let hold = fields.find("then").and_then(|node| node.word("way on", THEN, &mut self.mistakes));
        Retry { limit, backoff, longest: longest.max(backoff), jitter, hold: hold.unwrap_or(false) }
    }

    fn switch(&mut self, node: &Node, this: StepId, loops: usize) -> Option<Vec<Branch>> {
        let before = self.scope.steps.clone();
        let mut after = before.clone();
        let mut branches = Vec::new();
        let items = node.list(&mut self.mistakes);
        for (i, item) in items.iter().enumerate() {
            let fields = self.record(item, grammar::CASE);
            self.scope.steps.clone_from(&before);
            let (when, block) = match (fields.find("when"), fields.find("otherwise"), fields.find("steps")) {
                (Some(when), None, Some(steps)) => (Some(self.condition(when)?), steps),
                (None, Some(steps), None) => (None, steps),
                _ => {
                    self.mistakes.error(&item.place, "a way is `when` with `steps`, or `otherwise`");
                    continue;
                }
            };
            if when.is_none() && i + 1 < items.len() {
                self.mistakes.error(&item.place, "`otherwise` is the last: what stands behind it is never reached");
            }
            let block = self.block(block, Some(this), loops);
            branches.push(Branch { when, block });
            after.extend(self.scope.steps.drain(..).skip(before.len()));
        }
        self.scope.steps = after;
        Some(branches)
    }

    fn for_each(&mut self, node: &Node, this: StepId, loops: usize) -> Option<ForEach> {
        let fields = self.record(node, grammar::FOR_EACH);
        let query = fields.find("query")?;
        let name = query.text(&mut self.mistakes)?;
        let Some(found) = Query::named(name) else {
            let names = QUERIES.iter().map(|query| query.name);
            self.mistakes.unknown(&query.place, format!("there is no query `{name}`"), name, names);
            return None;
        };
        let with = self.arguments(fields.find("with"), found.takes, name, &query.place);
        let item = fields.find("as").and_then(|node| self.id(node)).unwrap_or_else(|| "item".to_owned());
        if TAKEN.contains(&item.as_str()) || self.scope.items.iter().any(|(other, _)| *other == item) {
            self.mistakes.error(&node.place, format!("`{item}` has a meaning already: say `as: …` for another name"));
        }
        let before = self.scope.steps.len();
        self.scope.items.push((item.clone(), found.gives));
        let keep = fields.find("where").and_then(|node| self.condition(node));
        let body = fields.find("steps").map(|node| self.block(node, Some(this), loops + 1));
        self.scope.items.pop();
        self.scope.steps.truncate(before);
        Some(ForEach {
            query: found,
            with,
            keep,
            name: item,
            batch: fields.find("batch").and_then(|node| self.small(node, 100)).unwrap_or(1),
            rate: fields.find("rate").and_then(|node| self.rate(node)),
            limit: fields.find("limit").and_then(|node| self.count(node, 10_000_000)),
            canary: fields.find("canary").and_then(|node| self.percent(node)).filter(|share| *share > 0),
            breaker: fields.find("breaker").and_then(|node| self.breaker(node)),
            body: body?,
        })
    }

    fn breaker(&mut self, node: &Node) -> Option<Breaker> {
        let fields = self.record(node, grammar::BREAKER);
        let failures = fields.find("failures").and_then(|node| self.percent(node))?;
        let after = fields.find("after").and_then(|node| self.count(node, 1_000_000)).unwrap_or(1);
        let hold = fields.find("then").and_then(|node| node.word("way on", THEN, &mut self.mistakes));
        Some(Breaker { failures, after, hold: hold.unwrap_or(false) })
    }

    fn wait(&mut self, node: &Node) -> Option<Wait> {
        const ONE_OF: &[&str] = &["for", "until", "event"];
        let fields = self.record(node, grammar::WAIT);
        let given: Vec<&str> = ONE_OF.iter().copied().filter(|key| fields.find(key).is_some()).collect();
        let [given] = given.as_slice() else {
            self.mistakes.error(&node.place, format!("a wait is one of {}", document::listed(ONE_OF)));
            return None;
        };
        let value = fields.find(given)?;
        if *given != "event" {
            for other in ["where", "timeout", "on_timeout"] {
                if let Some(node) = fields.find(other) {
                    self.mistakes.error(&node.place, format!("a wait with `{given}` has no `{other}`"));
                }
            }
        }
        match *given {
            "for" => self.span(value).map(Wait::For),
            "until" => self.expression(value, Type::Text).map(Wait::Until),
            _ => {
                let kind = self.event_kind(value);
                self.scope.arrived = kind;
                let keep = fields.find("where").and_then(|node| self.condition(node));
                self.scope.arrived = None;
                let in_vain = self.in_vain(&fields, "on_timeout");
                let timeout = self.timeout(&fields, &node.place);
                Some(Wait::Event { kind: kind?, keep, timeout: timeout?, in_vain })
            }
        }
    }

    fn timeout(&mut self, fields: &Fields<'_>, place: &Place) -> Option<Duration> {
        if let Some(node) = fields.find("timeout") {
            return self.span(node);
        }
        self.mistakes.error(place, "`timeout` is missing: without it, a run could wait for ever");
        None
    }

    fn in_vain(&mut self, fields: &Fields<'_>, key: &str) -> InVain {
        let word = fields.find(key).and_then(|node| node.word("way on", InVain::NAMES, &mut self.mistakes));
        word.unwrap_or(InVain::Fail)
    }

    fn approval(&mut self, node: &Node) -> Option<Approval> {
        let fields = self.record(node, grammar::APPROVAL);
        let roles = fields.find("roles").map(|node| node.texts(&mut self.mistakes)).unwrap_or_default();
        let evidence = fields.find("evidence").map(|node| node.texts(&mut self.mistakes)).unwrap_or_default();
        let known: Vec<(&str, &str)> = EVIDENCE.iter().map(|(name, _)| (*name, *name)).collect();
        let evidence: Vec<Option<&str>> = evidence
            .into_iter()
            .map(|(word, place)| document::one_of(word, place, "evidence", &known, &mut self.mistakes))
            .collect();
        let excludes = fields.find("exclude").map(|node| match &node.yaml {
            Yaml::List(items) if items.is_empty() => Vec::new(),
            _ => node.texts(&mut self.mistakes),
        });
        let excludes = excludes.map(|words| {
            let one = |(word, place): (&str, &Place)| {
                document::one_of(word, place, "one to leave out", Excluded::NAMES, &mut self.mistakes)
            };
            words.into_iter().filter_map(one).collect()
        });
        let levels = [("aal1", Aal::Aal1), ("aal2", Aal::Aal2), ("aal3", Aal::Aal3)];
        let level = fields.find("level").and_then(|node| node.word("level", &levels, &mut self.mistakes));
        let quorum = fields.find("quorum").and_then(|node| self.small(node, 20)).unwrap_or(1);
        Some(Approval {
            quorum: usize::try_from(quorum).unwrap_or(usize::MAX),
            roles: roles.into_iter().map(|(role, _)| role.to_owned()).collect(),
            says_excludes: excludes.is_some(),
            excludes: excludes.unwrap_or_else(|| vec![Excluded::Subject, Excluded::Requester]),
            evidence: evidence.into_iter().flatten().map(str::to_owned).collect(),
            level: level.unwrap_or(Aal::Aal2),
            on_timeout: self.in_vain(&fields, "on_timeout"),
            on_reject: self.in_vain(&fields, "on_reject"),
            message: fields.find("message").and_then(|node| self.message(node)),
            timeout: fields.find("timeout").and_then(|node| self.span(node))?,
        })
    }
}

/// What a loop's variable may not be called, because it is called that already.
const TAKEN: &[&str] = &["event", "webhook", "arrived", "inputs", "steps", "run", "subject", "requester", "error"];
