//! Decisions, by as many rules as a large organisation has.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::drive::Job;
use super::fleet::Fleet;
use super::wire::Wire;

/// How many rules look at each question.
const RULES: u32 = 500;

/// Writes the policy into a folder of its own, and answers which that is.
pub(crate) fn write_policy(folder: &Path) -> std::io::Result<PathBuf> {
    let mut policy = "policy:\n  otherwise: allow\n  rules:\n".to_owned();
    for number in 0..RULES {
        let limit = 1_000_000 + number;
        let _ = write!(
            policy,
            "    - id: limit-{number}\n      applies_to: {{actions: [payment.*]}}\n      \
             when: context.amount > {limit} && context.country in ['DE', 'FR', 'AT']\n      effect: deny\n"
        );
    }
    let folder = folder.join("policy");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("limits.yaml"), policy)?;
    Ok(folder)
}

/// Whether a session may pay, which it may.
pub(crate) struct Decide {
    pub(crate) fleet: Arc<Fleet>,
}

#[derive(Deserialize)]
struct Decided<'a> {
    outcome: &'a str,
    assertion: Option<&'a str>,
}

impl Job for Decide {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let (_, member) = self.fleet.member(index)?;
        let session = member.session.get().map_or("", String::as_str);
        let body = format!(r#"{{"action":"payment.send","context":{{"amount":{},"country":"DE"}}}}"#, index % 1000);
        let started = Instant::now();
        let answer = wire.post(&format!("/v1/sessions/{session}/decide"), body).await?;
        let took = started.elapsed();
        let answer = answer.expect(200)?;
        let decided: Decided<'_> = answer.json()?;
        match (decided.outcome, decided.assertion) {
            ("allow", Some(_)) => Ok(took),
            (other, _) => Err(format!("a payment that nothing speaks against came out as {other}")),
        }
    }
}
