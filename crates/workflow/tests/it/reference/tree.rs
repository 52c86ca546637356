//! Random workflows.

use std::fmt::Write as _;

use super::Dice;

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) main: Vec<Step>,
    pub(super) on_error: Vec<Step>,
    pub(super) finally: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) id: String,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Act {
        limit: u32,
        hold: bool,
        body: Told,
        undo: Option<(u32, Told)>,
    },
    Switch(Vec<(Option<Asks>, Vec<Step>)>),
    Parallel(Vec<Vec<Step>>),
    Each {
        keep: Option<i64>,
        batch: u32,
        limit: usize,
        canary: Option<u64>,
        breaker: Option<(u64, u64)>,
        rate: bool,
        body: Vec<Step>,
    },
    WaitFor,
    WaitEvent {
        goes_on: bool,
    },
    Approve {
        goes_on: bool,
    },
    Call,
    Try(Vec<Step>, Vec<Step>),
    Fail,
}

/// What is told to an action.
#[derive(Debug, Clone)]
pub(super) enum Told {
    Number(i64),
    Status(String),
    Item,
}

/// What a switch asks.
#[derive(Debug, Clone)]
pub(super) enum Asks {
    Status(String, i64),
    IfTold(String, i64),
    Item(i64),
    Outcome(String, &'static str),
}

struct Making<'a> {
    dice: &'a mut Dice,
    next: usize,
    left: usize,
}

/// What can be asked about at a place.
#[derive(Clone, Default)]
struct Around {
    acts: Vec<String>,
    outcomes: Vec<String>,
    loops: usize,
    /// Nothing may be asked that could be unknown: which items have begun by then would hang on chance.
    sure: bool,
    last: bool,
}

impl Tree {
    pub(super) fn random(dice: &mut Dice) -> Self {
        let left = 4 + dice.below(22);
        let mut making = Making { dice, next: 0, left };
        let mut around = Around::default();
        let main = making.block(0, &mut around);
        making.left = 3;
        let on_error = if making.dice.one_in(2) { making.block(2, &mut around.clone()) } else { Vec::new() };
        making.left = 3;
        let mut last = Around { last: true, ..around };
        let finally = if making.dice.one_in(2) { making.block(2, &mut last) } else { Vec::new() };
        Self { main, on_error, finally }
    }

    pub(super) fn yaml(&self) -> String {
        let mut text = String::from(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {name: random}\ntriggers: [manual: {roles: [a]}]\nlimits: {duration: 365d}\nsteps:\n",
        );
        block(&self.main, 1, &mut text, &mut Vec::new());
        for (name, steps) in [("on_error", &self.on_error), ("finally", &self.finally)] {
            if !steps.is_empty() {
                let _ = writeln!(text, "{name}:");
                block(steps, 1, &mut text, &mut Vec::new());
            }
        }
        text
    }
}

impl Making<'_> {
    fn block(&mut self, depth: usize, around: &mut Around) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let step = self.step(depth, around);
            let over = never_goes_on(&step);
            steps.push(step);
            if over || self.left == 0 {
                break;
            }
        }
        steps
    }

    fn step(&mut self, depth: usize, around: &mut Around) -> Step {
        self.left = self.left.saturating_sub(1);
        self.next += 1;
        let id = format!("s{}", self.next);
        let inner = if depth < 4 && self.left > 0 { 20 } else { 12 };
        let kind = match self.dice.below(inner) {
            7 if !around.last => Kind::WaitFor,
            8 if !around.last && around.loops < 2 => Kind::WaitEvent { goes_on: self.dice.one_in(2) },
            9 if !around.last => Kind::Approve { goes_on: self.dice.one_in(2) },
            10 if !around.last => Kind::Call,
            11 if self.dice.one_in(3) => Kind::Fail,
            12 | 13 => self.switch(depth, around),
            14 | 15 => {
                let before = around.clone();
                let branches = (0..2 + self.dice.below(2)).map(|_| {
                    let mut inside = before.clone();
                    let block = self.block(depth + 1, &mut inside);
                    around.acts.extend(inside.acts.drain(before.acts.len()..));
                    around.outcomes.extend(inside.outcomes.drain(before.outcomes.len()..));
                    block
                });
                Kind::Parallel(branches.collect())
            }
            16 | 17 if !around.last && around.loops < 2 => self.each(depth, around),
            18 | 19 => {
                let body = self.block(depth + 1, around);
                let catch = self.block(depth + 1, around);
                Kind::Try(body, catch)
            }
            _ => self.act(&id, around),
        };
        match &kind {
            Kind::Act { .. } => around.acts.push(id.clone()),
            Kind::WaitEvent { .. } | Kind::Approve { .. } => around.outcomes.push(id.clone()),
            _ => {}
        }
        Step { id, kind }
    }

    fn act(&mut self, id: &str, around: &Around) -> Kind {
        let told = |making: &mut Self, own: Option<&str>| match making.dice.below(4) {
            0 if !around.sure && !around.acts.is_empty() => {
                let at = making.dice.below(around.acts.len());
                Told::Status(around.acts[at].clone())
            }
            1 if around.loops > 0 => Told::Item,
            2 if own.is_some() && !around.sure => Told::Status(own.unwrap_or_default().to_owned()),
            n => Told::Number(i64::try_from(n).unwrap()),
        };
        let body = told(self, None);
        let undo = self.dice.one_in(2).then(|| (1 + u32::try_from(self.dice.below(2)).unwrap(), told(self, Some(id))));
        let limit = 1 + u32::try_from(self.dice.below(3)).unwrap();
        Kind::Act { limit, hold: !around.last && self.dice.one_in(6), body, undo }
    }

    fn asks(&mut self, around: &Around) -> Option<Asks> {
        let n = i64::try_from(self.dice.below(3)).unwrap();
        match self.dice.below(4) {
            0 if around.loops > 0 => Some(Asks::Item(n)),
            1 if !around.outcomes.is_empty() && !around.sure => {
                let at = self.dice.below(around.outcomes.len());
                let outcome = ["event", "timeout", "approved", "rejected"][self.dice.below(4)];
                Some(Asks::Outcome(around.outcomes[at].clone(), outcome))
            }
            2 if !around.acts.is_empty() && !around.sure => {
                let at = self.dice.below(around.acts.len());
                Some(Asks::Status(around.acts[at].clone(), n))
            }
            _ if !around.acts.is_empty() => {
                let at = self.dice.below(around.acts.len());
                Some(Asks::IfTold(around.acts[at].clone(), n))
            }
            _ => None,
        }
    }

    fn switch(&mut self, depth: usize, around: &mut Around) -> Kind {
        let before = around.clone();
        let mut ways = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let Some(asks) = self.asks(&before) else { break };
            let mut inside = before.clone();
            ways.push((Some(asks), self.block(depth + 1, &mut inside)));
            around.acts.extend(inside.acts.drain(before.acts.len()..));
            around.outcomes.extend(inside.outcomes.drain(before.outcomes.len()..));
        }
        if ways.is_empty() || self.dice.one_in(2) {
            let mut inside = before.clone();
            ways.push((None, self.block(depth + 1, &mut inside)));
            around.acts.extend(inside.acts.drain(before.acts.len()..));
            around.outcomes.extend(inside.outcomes.drain(before.outcomes.len()..));
        }
        Kind::Switch(ways)
    }

    fn each(&mut self, depth: usize, around: &Around) -> Kind {
        let batch = [1, 1, 2, 5][self.dice.below(4)];
        let one = batch == 1;
        // What was unknown outside is unknown to each item: only what is around it is sure.
        let mut inside = Around { loops: around.loops + 1, sure: around.sure || !one, ..around.clone() };
        if inside.sure {
            inside.acts.clear();
            inside.outcomes.clear();
        }
        let body = self.block(depth + 1, &mut inside);
        Kind::Each {
            keep: self.dice.one_in(3).then(|| i64::try_from(self.dice.below(3)).unwrap()),
            batch,
            limit: if self.dice.one_in(8) { 3 } else { 1000 },
            canary: (one && self.dice.one_in(4)).then_some(30),
            breaker: (one && self.dice.one_in(3))
                .then(|| ([0, 30, 50][self.dice.below(3)], 1 + self.dice.below(4) as u64)),
            rate: self.dice.one_in(3),
            body,
        }
    }
}

/// What stands behind it would be refused.
fn never_goes_on(step: &Step) -> bool {
    let over = |steps: &[Step]| steps.iter().any(never_goes_on);
    match &step.kind {
        Kind::Fail => true,
        Kind::Switch(ways) => ways.iter().any(|(asks, _)| asks.is_none()) && ways.iter().all(|(_, steps)| over(steps)),
        Kind::Parallel(blocks) => blocks.iter().any(|steps| over(steps)),
        Kind::Try(body, catch) => over(body) && over(catch),
        _ => false,
    }
}

fn told(told: &Told, items: &[String]) -> String {
    match told {
        Told::Number(n) => n.to_string(),
        Told::Status(step) => format!("\"${{steps.{step}.status}}\""),
        Told::Item => format!("\"${{{}.aal}}\"", items.last().unwrap()),
    }
}

#[allow(clippy::too_many_lines, reason = "one arm for each kind of step")]
fn block(steps: &[Step], depth: usize, text: &mut String, items: &mut Vec<String>) {
    for step in steps {
        let pad = "  ".repeat(depth);
        let _ = writeln!(text, "{pad}- id: {}", step.id);
        let mut line = |more: usize, said: &str| {
            let _ = writeln!(text, "{pad}  {}{said}", "  ".repeat(more));
        };
        match &step.kind {
            Kind::Act { limit, hold, body, undo } => {
                line(0, "action: http.call");
                line(0, &format!("with: {{url: \"https://a.example\", body: {}}}", told(body, items)));
                let then = if *hold { "hold" } else { "fail" };
                line(0, &format!("retry: {{limit: {limit}, backoff: 5s, then: {then}}}"));
                if let Some((limit, body)) = undo {
                    line(0, "compensate:");
                    line(1, "action: http.call");
                    line(1, &format!("with: {{url: \"https://b.example\", body: {}}}", told(body, items)));
                    line(1, &format!("retry: {{limit: {limit}, backoff: 5s}}"));
                }
            }
            Kind::WaitFor => line(0, "wait: {for: 1h}"),
            Kind::WaitEvent { goes_on } => {
                let way = if *goes_on { "continue" } else { "fail" };
                let of = items.last().map_or_else(|| "\"x\"".to_owned(), |item| format!("{item}.id"));
                line(0, "wait:");
                line(1, "event: authenticator.revoked");
                line(1, &format!("where: arrived.data.kind == \"{}\" && arrived.data.reason == {of}", step.id));
                line(1, &format!("timeout: 2h\n{pad}    on_timeout: {way}"));
            }
            Kind::Approve { goes_on } => {
                let way = if *goes_on { "continue" } else { "fail" };
                line(0, &format!("approval: {{roles: [a], timeout: 3h, on_timeout: {way}, on_reject: {way}}}"));
            }
            Kind::Call => line(0, "call: another"),
            Kind::Fail => line(0, "fail: so it is"),
            Kind::Switch(ways) => {
                line(0, "switch:");
                for (asks, steps) in ways {
                    let asks = asks.as_ref().map(|asks| match asks {
                        Asks::Status(step, n) => format!("steps.{step}.status == {n}"),
                        Asks::IfTold(step, n) => format!("has(steps.{step}.status) && steps.{step}.status == {n}"),
                        Asks::Item(n) => format!("{}.aal == {n}", items.last().unwrap()),
                        Asks::Outcome(step, outcome) => format!("steps.{step}.outcome == \"{outcome}\""),
                    });
                    match asks {
                        Some(asks) => {
                            let _ = writeln!(text, "{pad}    - when: {asks}\n{pad}      steps:");
                        }
                        None => {
                            let _ = writeln!(text, "{pad}    - otherwise:");
                        }
                    }
                    block(steps, depth + 4, text, items);
                }
            }
            Kind::Parallel(blocks) => {
                line(0, "parallel:");
                for steps in blocks {
                    let _ = writeln!(text, "{pad}    - steps:");
                    block(steps, depth + 4, text, items);
                }
            }
            Kind::Each { keep, batch, limit, canary, breaker, rate, body } => {
                let name = format!("item{}", items.len());
                line(0, "for_each:");
                line(1, &format!("query: sessions_of\n{pad}    with: {{user: usr_1}}\n{pad}    as: {name}"));
                line(1, &format!("batch: {batch}\n{pad}    limit: {limit}"));
                if let Some(n) = keep {
                    line(1, &format!("where: {name}.aal != {n}"));
                }
                if let Some(share) = canary {
                    line(1, &format!("canary: {share}%"));
                }
                if let Some((share, after)) = breaker {
                    line(1, &format!("breaker: {{failures: {share}%, after: {after}}}"));
                }
                if *rate {
                    line(1, "rate: 10/s");
                }
                line(1, "steps:");
                items.push(name);
                block(body, depth + 3, text, items);
                items.pop();
            }
            Kind::Try(body, catch) => {
                line(0, "try:");
                block(body, depth + 2, text, items);
                let _ = writeln!(text, "{pad}  catch:");
                block(catch, depth + 2, text, items);
            }
        }
    }
}
