//! What an operator should know about this server's health and protection.

use serde::Serialize;
use utoipa::ToSchema;

use super::{App, Error};

/// How far the server's clock may be from the vault's.
const CLOCK_TOLERANCE_MILLIS: i64 = 5_000;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What was looked at: `vault`, `vault_landlock`, `server_landlock`, `store` …
    pub(crate) name: String,
    /// How it is.
    pub(crate) level: Level,
    /// What was seen, and what to do where it is not as it should be.
    pub(crate) detail: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It works, but a protection is missing.
    Warning,
    /// It does not work.
    Error,
}

impl App {
    /// Looks at everything.
    pub(crate) async fn doctor(&self) -> Vec<Check> {
        let mut checks = self.vault_checks().await;
        checks.extend(self.confinement_checks());
        checks.push(self.store_check().await);
        checks.push(Box::pin(self.policy_check()).await);
        checks.push(self.transport_check());
        checks.extend(self.gateway_checks());
        checks.extend(self.workflow_check());
        checks
    }

    /// Whether a login could be carried out now, or could a moment ago.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        // That the vault is gone is known without asking.
        if !self.vault.is_connected() {
            self.public.ready.forget().await;
        }
        let ask = async {
            self.vault_status().await?;
            Ok(self.store.ping().await?)
        };
        self.public.ready.ask(ask).await
    }

    async fn vault_checks(&self) -> Vec<Check> {
        let status = match self.vault_status().await {
            Ok(status) => status,
            Err(error) => return vec![check("vault", Level::Error, error.to_string())],
        };
        let root = status.root_key_id.unwrap_or_else(|| "none".to_owned());
        let mut checks = vec![check(
            "vault",
            Level::Ok,
            format!(
                "open with root key {root} from {}, data keys version {}",
                status.root_key_source, status.key_version
            ),
        )];
        for protection in status.hardening {
            let level = if protection.holds { Level::Ok } else { Level::Warning };
            checks.push(check(&format!("vault_{}", protection.name), level, protection.detail));
        }
        let apart = self.now().unix_millis() - status.now_millis;
        checks.push(if apart.abs() <= CLOCK_TOLERANCE_MILLIS {
            check("clock", Level::Ok, "server and vault agree on the time".to_owned())
        } else {
            check(
                "clock",
                Level::Error,
                format!("the server's clock is {} from the vault's", in_words(apart.unsigned_abs())),
            )
        });
        if self.settings.movable_clock.is_some() {
            checks.push(check(
                "movable_clock",
                Level::Error,
                "the clock can be moved through the API: this server is for tests and must not guard anything"
                    .to_owned(),
            ));
        }
        checks
    }

    fn confinement_checks(&self) -> impl Iterator<Item = Check> {
        self.settings.confinement.iter().map(|protection| match &protection.outcome {
            Ok(detail) => check(protection.name, Level::Ok, detail.clone()),
            Err(why) => check(protection.name, Level::Warning, why.clone()),
        })
    }

    async fn store_check(&self) -> Check {
        match self.store.ping().await {
            Ok(()) => check("store", Level::Ok, format!("{}, writes are durable", self.store.engine())),
            Err(error) => check("store", Level::Error, error.to_string()),
        }
    }

    fn workflow_check(&self) -> Option<Check> {
        let (carried, unread) = self.workflows.carried_and_not();
        if !unread.is_empty() {
            let detail = format!(
                "this server cannot carry {}, which is in force: it starts no runs by events until it can; run the version that put it into force",
                unread.join(", ")
            );
            return Some(check("workflows", Level::Error, detail));
        }
        (carried > 0).then(|| check("workflows", Level::Ok, format!("{carried} in force, and carried by this server")))
    }

    async fn policy_check(&self) -> Check {
        match self.policy_in_force().await {
            Ok(known) => {
                let (number, at) = (known.number, known.at);
                check("policy", Level::Ok, format!("policy {number} is in force since {at}, as it was signed"))
            }
            Err(error) => {
                let what = "nothing is decided until another one is applied or the database is restored";
                check("policy", Level::Error, format!("{error}: {what}"))
            }
        }
    }

    /// How each gateway is. One that is down is an error where nothing else of its channel is up; of push services none stands in for
    /// another.
    fn gateway_checks(&self) -> Vec<Check> {
        let Some(post) = &self.post else { return Vec::new() };
        let health = post.gateways().health();
        let is_alone = |one: &gateway::Health| {
            let stands_in = |other: &gateway::Health| other.channel == one.channel && other.down_until.is_none();
            one.channel == gateway::Channel::Push || !health.iter().any(stands_in)
        };
        let told = |one: &gateway::Health| {
            let name = format!("gateway_{}", one.gateway);
            let what = format!("{} for {}", one.kind, one.channel.name());
            let failure = one.last_failure.as_ref().map(|(at, failure)| format!("; last at {at}: {failure}"));
            let aside = one.aside_until.map(|until| format!("; switched away from until {until}"));
            let failure = failure.unwrap_or_default() + &aside.unwrap_or_default();
            match one.down_until {
                None => {
                    let counts = format!("{} messages taken, {} failed", one.sent, one.failed);
                    check(&name, Level::Ok, format!("{what}: {counts} since the server started{failure}"))
                }
                Some(until) => {
                    let level = if is_alone(one) { Level::Error } else { Level::Warning };
                    check(&name, level, format!("{what}: down, tried again after {until}{failure}"))
                }
            }
        };
        let trouble = post.lines().trouble().map(|unusable| {
            let (place, why) = (unusable.place, unusable.why);
            check(
                "gateways",
                Level::Error,
                format!("those in force cannot be used here, and messages go by those that they leave as they were: {place}: {why}"),
            )
        });
        health.iter().map(told).chain(trouble).collect()
    }

    fn transport_check(&self) -> Check {
        let (level, detail) = match (self.settings.tls, self.settings.loopback) {
            (true, _) => (Level::Ok, "TLS 1.3"),
            (false, true) => (Level::Ok, "plain HTTP, on loopback only"),
            (false, false) => {
                (Level::Warning, "plain HTTP behind the trusted proxies: the way from them to here is not encrypted")
            }
        };
        check("transport", level, detail.to_owned())
    }
}

fn check(name: &str, level: Level, detail: String) -> Check {
    Check { name: name.to_owned(), level, detail }
}

/// `1500 ms`, `90 s`, `45 min`, `3 h`.
fn in_words(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{millis} ms"),
        10_000..120_000 => format!("{} s", millis / 1000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / 3_600_000),
    }
}
