//! Policies as the model has them: data, from which the files are written that the program reads.

use serde_json::{Map, Value, json};

use crate::harness::Noise;

/// A kind of authenticator, in the order in which kinds are offered where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Webauthn,
    Totp,
    BackupCodes,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Webauthn, Self::Totp, Self::BackupCodes];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Webauthn => "webauthn",
            Self::Totp => "totp",
            Self::BackupCodes => "backup_codes",
        }
    }
}

/// When a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// The amount is more; also where there is none, or it is no number.
    Over(i64),
    /// The same, but not where there is none.
    SaidOver(i64),
    /// The application noticed a mule account; also where it says nothing of that.
    Mule,
    Staff,
    Service,
    /// What all proofs of the session amount to is less.
    Below(u8),
    Has(Kind),
    Embargo,
    /// Nothing was done for so many seconds; also where the application does not say when something was.
    Idle(i64),
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Require,
    StepUp,
    Enroll,
    Deny,
    Notify,
}

/// What a rule asks for. Ages are in seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) aal: u8,
    pub(super) max_age: Option<i64>,
    pub(super) login_max_age: Option<i64>,
    pub(super) factors: Option<Vec<(Kind, Option<i64>)>>,
    pub(super) phishing_resistant: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    /// Names of actions, or beginnings; all where there is none.
    pub(super) actions: Vec<&'static str>,
    /// The type of the resource that it is about.
    pub(super) resource: Option<&'static str>,
    pub(super) when: When,
    pub(super) effect: Effect,
    pub(super) wanted: Wanted,
    /// What has to be in the context.
    pub(super) bind: Vec<&'static str>,
}

/// What is asked for unless a rule allows.
#[derive(Debug, Clone)]
pub(super) enum Otherwise {
    Allow,
    Level(Wanted),
}

/// The enforcement file.
#[derive(Debug, Clone)]
pub(super) struct Enforcement {
    /// In days.
    pub(super) grace: Option<i64>,
    pub(super) exclude_service_accounts: bool,
    /// Signals, and whether somebody in grace who has nothing goes on.
    pub(super) prompts: Vec<(&'static str, bool)>,
}

#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) enforcement: Option<Enforcement>,
    /// One that the program brings along, written here once more as rules.
    preset: Option<&'static str>,
    pub(super) rules: Vec<Rule>,
    pub(super) otherwise: Otherwise,
}

/// How old proofs may be, in seconds.
pub(super) const AGES: [i64; 6] = [0, 60, 300, 900, 3600, 12 * 3600];

impl Policy {
    /// One of many: the enforcement file or not, a preset or not, and some rules.
    pub(super) fn any(noise: &mut Noise) -> Self {
        // Every list of factors has this one, so that no two rules rule each other out.
        let pivot = if noise.below(3) == 0 { Kind::Totp } else { Kind::Webauthn };
        let preset = [None, None, None, Some("nist-aal2"), Some("psd2")][pick(noise, 5)];
        let mut rules: Vec<Rule> = (0..2 + noise.below(6)).map(|n| rule(noise, n, pivot)).collect();
        // Two rules about the same are refused where one allows what the other does not.
        let about = |rule: &Rule| (rule.actions.clone(), rule.resource, rule.when);
        let mut seen: Vec<_> = preset_rules(preset).iter().map(about).collect();
        rules.retain(|rule| {
            let about = about(rule);
            let is_new = !seen.contains(&about);
            seen.push(about);
            // A rule that denies everybody everything is refused.
            is_new && (rule.effect != Effect::Deny || rule.when != When::Always)
        });
        let enforcement = (noise.below(2) == 0).then(|| Enforcement {
            grace: [None, Some(1), Some(30)][pick(noise, 3)],
            exclude_service_accounts: noise.below(2) == 0,
            prompts: [("new_device", true), ("mule_account", noise.below(2) == 0), ("sensitive_action", false)]
                [..pick(noise, 4)]
                .to_vec(),
        });
        let otherwise = match noise.below(3) {
            0 => Otherwise::Level(level(noise, pivot)),
            1 => Otherwise::Level(Wanted { aal: 2, ..Wanted::default() }),
            _ => Otherwise::Allow,
        };
        Self { enforcement, preset, rules, otherwise }
    }

    /// Every rule, the preset's too.
    pub(super) fn rules(&self) -> Vec<Rule> {
        [self.rules.clone(), preset_rules(self.preset)].concat()
    }

    /// The file. JSON is YAML.
    pub(super) fn file(&self) -> String {
        let mut levels = Map::new();
        let rules: Vec<Value> = self.rules.iter().map(|rule| rule.written(&mut levels)).collect();
        let otherwise = match &self.otherwise {
            Otherwise::Allow => "allow",
            Otherwise::Level(wanted) => {
                levels.insert("otherwise-level".to_owned(), wanted.written());
                "otherwise-level"
            }
        };
        let mut file = json!({ "policy": { "levels": levels, "otherwise": otherwise } });
        // An empty list is refused.
        if !rules.is_empty() {
            file["policy"]["rules"] = json!(rules);
        }
        if let Some(preset) = self.preset {
            file["policy"]["presets"] = json!([preset]);
        }
        if let Some(enforcement) = &self.enforcement {
            let way = |lenient: bool| if lenient { "prompt_mfa" } else { "require_mfa" };
            let mut written =
                json!({ "all_users": true, "exclude_service_accounts": enforcement.exclude_service_accounts });
            let prompts = enforcement.prompts.iter().map(|(signal, lenient)| json!({ *signal: way(*lenient) }));
            let prompts: Vec<Value> = prompts.collect();
            if !prompts.is_empty() {
                written["risk_based_prompting"] = json!(prompts);
            }
            if let Some(days) = enforcement.grace {
                written["grace_period"] = json!(format!("{days}_days"));
            }
            file["mfa_enforcement"] = written;
        }
        serde_json::to_string_pretty(&file).unwrap()
    }
}

fn preset_rules(preset: Option<&str>) -> Vec<Rule> {
    match preset {
        Some("nist-aal2") => nist_aal2().to_vec(),
        Some("psd2") => psd2().to_vec(),
        _ => Vec::new(),
    }
}

/// NIST SP 800-63B-4, as crates/policy/presets/nist-aal2.yaml has it.
fn nist_aal2() -> [Rule; 2] {
    let day = 24 * 3600;
    let session = Wanted { aal: 2, max_age: Some(day), login_max_age: Some(day), ..Wanted::default() };
    let active = Wanted { aal: 2, max_age: Some(3600), ..Wanted::default() };
    let rule = |id: &str, when, wanted| Rule {
        id: id.to_owned(),
        actions: Vec::new(),
        resource: None,
        when,
        effect: Effect::Require,
        wanted,
        bind: Vec::new(),
    };
    [rule("nist-aal2/session", When::Always, session), rule("nist-aal2/inactivity", When::Idle(3600), active)]
}

/// RTS to PSD2, as crates/policy/presets/psd2.yaml has it.
fn psd2() -> [Rule; 3] {
    let rule = |id: &str, actions: &[&'static str], when, effect, max_age| Rule {
        id: id.to_owned(),
        actions: actions.to_vec(),
        resource: None,
        when,
        effect,
        wanted: Wanted { aal: 2, max_age: Some(max_age), ..Wanted::default() },
        bind: if effect == Effect::StepUp { vec!["amount", "currency", "payee"] } else { Vec::new() },
    };
    let (payment, account) = (["payment.initiate", "payment.initiate.*"], ["account.read", "account.read.*"]);
    [
        rule("psd2/dynamic-linking", &payment, When::Always, Effect::StepUp, 0),
        rule("psd2/account", &account, When::Always, Effect::Require, 180 * 24 * 3600),
        rule("psd2/inactivity", &["payment.*", "account.*"], When::Idle(300), Effect::Require, 300),
    ]
}

fn rule(noise: &mut Noise, n: u64, pivot: Kind) -> Rule {
    let effect = match noise.below(12) {
        0 => Effect::Allow,
        1 => Effect::Enroll,
        2 => Effect::Deny,
        3 => Effect::Notify,
        4..=6 => Effect::StepUp,
        _ => Effect::Require,
    };
    let when = match noise.below(14) {
        0..=3 => When::Always,
        4 | 5 => When::Over(1000),
        6 => When::SaidOver(500),
        7 => When::Mule,
        8 => When::Staff,
        9 => When::Service,
        10 => When::Below(2),
        11 => When::Has(Kind::ALL[pick(noise, 3)]),
        12 => When::Idle(600),
        _ => When::Embargo,
    };
    let actions: &[&str] =
        [&[] as &[&str], &["payment.*"], &["payment.initiate"], &["report.read", "account.*"]][pick(noise, 4)];
    let mut wanted = level(noise, pivot);
    if effect == Effect::Enroll {
        wanted.factors.get_or_insert_with(|| vec![(pivot, None)]);
    }
    Rule {
        id: format!("rule-{n}"),
        actions: actions.to_vec(),
        resource: (noise.below(5) == 0).then_some("vault"),
        when,
        effect,
        wanted,
        bind: if effect == Effect::StepUp && noise.below(2) == 0 { vec!["amount", "payee"] } else { Vec::new() },
    }
}

fn level(noise: &mut Noise, pivot: Kind) -> Wanted {
    let factors = (noise.below(2) == 0).then(|| {
        let mut factors: Vec<_> = Kind::ALL.into_iter().filter(|kind| *kind == pivot || noise.below(2) == 0).collect();
        factors.truncate(3);
        let aged = |kind| (kind, (noise.below(4) == 0).then(|| AGES[pick(noise, 6)]));
        factors.into_iter().map(aged).collect()
    });
    let keys = pivot == Kind::Webauthn;
    Wanted {
        aal: match noise.below(6) {
            0 => 1,
            1 if keys => 3,
            _ => 2,
        },
        max_age: (noise.below(3) > 0).then(|| AGES[pick(noise, 6)]),
        login_max_age: (noise.below(4) == 0).then(|| [600, 8 * 3600][pick(noise, 2)]),
        factors,
        phishing_resistant: keys && noise.below(8) == 0,
    }
}

pub(super) fn pick(noise: &mut Noise, of: usize) -> usize {
    usize::try_from(noise.below(of as u64)).unwrap()
}

impl Wanted {
    /// As a level of a file.
    fn written(&self) -> Value {
        let mut level = json!({ "aal": self.aal });
        if let Some(age) = self.max_age {
            level["max_age"] = json!(format!("{age}s"));
        }
        if let Some(age) = self.login_max_age {
            level["login_max_age"] = json!(format!("{age}s"));
        }
        if let Some(factors) = &self.factors {
            let factor = |(kind, age): &(Kind, Option<i64>)| match age {
                None => json!(kind.name()),
                Some(age) => json!({ kind.name(): format!("{age}s") }),
            };
            level["factors"] = factors.iter().map(factor).collect();
        }
        if self.phishing_resistant {
            level["phishing_resistant"] = json!(true);
        }
        level
    }
}

impl Rule {
    fn written(&self, levels: &mut Map<String, Value>) -> Value {
        let mut rule = json!({ "id": self.id, "effect": self.effect.name() });
        if !self.actions.is_empty() {
            rule["applies_to"] = json!({ "actions": self.actions });
        }
        if let Some(resource) = self.resource {
            rule["applies_to"]["resource_types"] = json!([resource]);
        }
        if let Some(when) = self.when.written() {
            rule["when"] = json!(when);
        }
        if !self.bind.is_empty() {
            rule["bind"] = json!(self.bind);
            rule["show"] = json!(self.bind);
        }
        match self.effect {
            Effect::Require | Effect::StepUp => {
                let name = format!("level-of-{}", self.id);
                levels.insert(name.clone(), self.wanted.written());
                rule["level"] = json!(name);
            }
            // What would do is said by its factors alone.
            Effect::Enroll => {
                let written = self.wanted.written();
                for key in ["factors", "phishing_resistant"] {
                    if !written[key].is_null() {
                        rule[key] = written[key].clone();
                    }
                }
            }
            Effect::Notify => rule["notify"] = json!(["security"]),
            Effect::Allow | Effect::Deny => {}
        }
        rule
    }
}

impl Effect {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Require => "require",
            Self::StepUp => "step_up",
            Self::Enroll => "enroll",
            Self::Deny => "deny",
            Self::Notify => "notify",
        }
    }
}

impl When {
    fn written(self) -> Option<String> {
        Some(match self {
            Self::Always => return None,
            Self::Over(amount) => format!("context.amount > {amount}"),
            Self::SaidOver(amount) => format!("has(context.amount) && context.amount > {amount}"),
            Self::Mule => "signals.mule_account".to_owned(),
            Self::Staff => "\"staff\" in user.groups".to_owned(),
            Self::Service => "user.service_account".to_owned(),
            Self::Below(level) => format!("session.level < {level}"),
            Self::Has(kind) => format!("\"{}\" in user.factors", kind.name()),
            Self::Embargo => "context.country == \"XX\"".to_owned(),
            Self::Idle(seconds) => format!("session.idle > {seconds}"),
        })
    }
}
