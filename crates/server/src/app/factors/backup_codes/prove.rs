//! One question to the vault, with the hash of every code that is left.

use store::Used;
use vault_proto::{CheckBackupCode, Outcome, Reply, Secret, Verb};

use super::super::{Against, Judgement, Right};
use super::owner;
use crate::app::proof::Given;
use crate::app::vault::unexpected;
use crate::app::{App, Error};

pub(super) async fn judge(app: &App, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
    let Given::BackupCode(code) = given else { return Ok(Judgement::Wrong("another_kind")) };
    let owner = against.authenticators.first().map(|set| owner(set));
    let hashes: Vec<[u8; 32]> =
        against.backup_codes.iter().filter_map(|code| code.hash.as_slice().try_into().ok()).collect();
    let question = || {
        Verb::CheckBackupCode(CheckBackupCode {
            owner,
            hashes: hashes.clone(),
            code: Secret(code.text().as_bytes().to_vec()),
            assertion: against.claims.clone(),
        })
    };
    let reply = app.vault.ask(question).await?;
    let Reply::Checked { outcome, assertion } = reply else { return Err(unexpected(&reply)) };
    Ok(match outcome {
        Outcome::Right { index, .. } => match against.backup_codes.get(usize::from(index)) {
            Some(code) if owner.is_some() => {
                Judgement::Right(Right::plain(0, Used::BackupCode(code.position), assertion))
            }
            _ => Judgement::Wrong("wrong"),
        },
        Outcome::Wrong => Judgement::Wrong("wrong"),
        Outcome::Replayed { .. } => Judgement::Wrong("replayed"),
        Outcome::Exhausted => Judgement::Wrong("exhausted"),
    })
}
