//! Policies that come into force.

use domain::{CertificateFingerprint, PolicyInForce};
use serde_json::json;

use super::clients;
use super::rest::one;
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Id, Int, Text};
use crate::set::Set;
use crate::{ApplicationChange, Effect};

/// Of two that were to come after the same one, whichever server they come from, one does: no two have one number.
static PUT_POLICY: Set = Set::new(
    &[
        ("number", Int),
        ("id", Id),
        ("version", Text),
        ("files", Text),
        ("enforced_since", Int),
        ("at", Int),
        ("origin", Text),
        ("application_id", Id),
        ("certificate", Text),
        ("author", Text),
        ("reference", Text),
        ("signature", Text),
    ],
    "INSERT INTO policies
        (number, id, version, files, enforced_since, at, origin, application_id, certificate, author, reference, signature)
     SELECT i.number, i.id, i.version, i.files, i.enforced_since, i.at, i.origin, i.application_id, i.certificate, i.author,
        i.reference, i.signature
     FROM input i WHERE i.number = (SELECT COALESCE(MAX(p.number), 0) + 1 FROM policies p)
     ON CONFLICT DO NOTHING",
);

pub(super) async fn put(
    connection: &mut Connection,
    policy: &PolicyInForce,
    applications: &[ApplicationChange],
) -> Result<Effect, Fault> {
    // First, as whoever changes applications alone does: so no two wait for one another.
    clients::change(connection, applications, policy.at).await?;
    let files = json!(policy.files).to_string();
    let by = &policy.by;
    let certificate = by.certificate.as_ref().map(CertificateFingerprint::to_string);
    let values = [
        policy.number.into(),
        policy.id.into(),
        policy.version.as_str().into(),
        files.as_str().into(),
        policy.enforced_since.into(),
        policy.at.into(),
        policy.origin.name().into(),
        by.application_id.into(),
        certificate.as_deref().into(),
        by.name.as_deref().into(),
        by.reference.as_deref().into(),
        policy.signature.as_str().into(),
    ];
    match one(connection, &PUT_POLICY, &values).await? {
        Effect::Applied => Ok(Effect::Applied),
        // What was written of applications is taken back.
        _ if !applications.is_empty() => Err(Fault::Raced("another policy came first".to_owned())),
        other => Ok(other),
    }
}

#[cfg(test)]
pub(super) static ALL: [&Set; 1] = [&PUT_POLICY];
