//! Facts as they are kept with a decision, so that another policy can be held against them later.
//!
//! What names the user and the application is left out: both stand beside it already, and are handed in again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Aal, Amr, AuthenticatorId, AuthenticatorKind, Proof, Quality, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::facts::{
    ApplicationFacts, Facts, Finding, ProofFacts, ResourceFacts, SessionFacts, Signal, Usable, UserFacts, Wanted,
};

/// Short names: there is one of these for each decision.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Which form of record this is.
    v: u8,
    now: i64,
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<(String, String, Map<String, Value>)>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    context: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    attributes: Map<String, Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    service: bool,
    /// Kinds, with how well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    has: Vec<(String, u8)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace: Option<i64>,
    amr: Vec<String>,
    login: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<i64>,
    /// Kind, how well, when, and whether it was made for this decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    proofs: Vec<(String, u8, i64, bool)>,
    /// Name, value (none where it was unknown), weight and since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signals: Vec<SignalRecord>,
    /// Level and, in milliseconds, age that were asked for beyond the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted: Option<(Aal, Option<u64>)>,
}

const VERSION: u8 = 1;

impl Facts {
    /// The longest record, in bytes: of a decision with more to it, none is kept.
    pub const MAX_RECORD: usize = 16 * 1024;

    /// As a text from which [`Facts::from_record`] makes them again; `None` where that would be longer than [`Facts::MAX_RECORD`].
    pub fn to_record(&self) -> Option<String> {
        let (user, session) = (&self.user, &self.session);
        let record = Record {
            v: VERSION,
            now: self.now.unix_millis(),
            action: self.action.clone(),
            resource: self.resource.as_ref().map(|of| (of.kind.clone(), of.id.clone(), of.properties.clone())),
            context: self.context.clone(),
            groups: user.groups.clone(),
            attributes: user.attributes.clone(),
            service: user.service_account,
            has: user.authenticators.iter().map(|one| (one.kind.name().to_owned(), one.quality.bits())).collect(),
            subject: user.subject_since.map(Timestamp::unix_millis),
            grace: user.grace_until.map(Timestamp::unix_millis),
            amr: session.amr.iter().map(|amr| amr.name().to_owned()).collect(),
            login: session.authenticated_at.unix_millis(),
            active: session.last_active_at.map(Timestamp::unix_millis),
            proofs: session.proofs.iter().map(proof_to_record).collect(),
            signals: self.signals.iter().map(signal_to_record).collect(),
            wanted: self.wanted.map(|wanted| (wanted.aal, wanted.max_age.map(whole_millis))),
        };
        serde_json::to_string(&record).ok().filter(|text| text.len() <= Self::MAX_RECORD)
    }

    /// Facts from their record; `None` where it is none of this release's.
    pub fn from_record(record: &str, external_id: String, application: ApplicationFacts) -> Option<Self> {
        let record: Record = serde_json::from_str(record).ok().filter(|record: &Record| record.v == VERSION)?;
        let at = Timestamp::from_unix_millis;
        let has = record.has.iter().map(|(kind, quality)| {
            Some(Usable { kind: AuthenticatorKind::from_name(kind)?, quality: Quality::from_bits(*quality) })
        });
        Some(Self {
            now: at(record.now),
            user: UserFacts {
                external_id,
                groups: record.groups,
                attributes: record.attributes,
                service_account: record.service,
                authenticators: has.collect::<Option<_>>()?,
                subject_since: record.subject.map(at),
                grace_until: record.grace.map(at),
            },
            application,
            action: record.action,
            resource: record.resource.map(|(kind, id, properties)| ResourceFacts { kind, id, properties }),
            context: record.context,
            session: SessionFacts {
                amr: record.amr.iter().map(|amr| Amr::parse(amr)).collect::<Option<BTreeSet<_>>>()?,
                authenticated_at: at(record.login),
                last_active_at: record.active.map(at),
                proofs: record.proofs.iter().map(proof_of_record).collect::<Option<_>>()?,
            },
            signals: record.signals.into_iter().map(signal_of_record).collect(),
            wanted: record.wanted.map(|(aal, age)| Wanted { aal, max_age: age.map(Duration::from_millis) }),
        })
    }
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn proof_to_record(facts: &ProofFacts) -> (String, u8, i64, bool) {
    let proof = &facts.proof;
    (proof.kind.name().to_owned(), proof.quality.bits(), proof.verified_at.unix_millis(), facts.for_this_decision)
}

fn proof_of_record((kind, quality, at, for_this_decision): &(String, u8, i64, bool)) -> Option<ProofFacts> {
    let proof = Proof {
        // Which it was decides nothing.
        authenticator_id: AuthenticatorId::from_uuid(uuid::Uuid::nil()),
        kind: AuthenticatorKind::from_name(kind)?,
        verified_at: Timestamp::from_unix_millis(*at),
        quality: Quality::from_bits(*quality),
    };
    Some(ProofFacts { proof, for_this_decision: *for_this_decision })
}

/// Name, value, weight, and since when in milliseconds.
type SignalRecord = (Cow<'static, str>, Option<Value>, u16, Option<i64>);

fn signal_to_record(signal: &Signal) -> SignalRecord {
    let value = match &signal.value {
        Finding::Unknown => None,
        Finding::Known(value) => Some(value.clone()),
    };
    (signal.name.clone(), value, signal.weight, signal.raised_at.map(Timestamp::unix_millis))
}

fn signal_of_record((name, value, weight, raised_at): SignalRecord) -> Signal {
    Signal {
        name,
        // A `null` that was found is read as unknown, which asks for more and not for less.
        value: value.map_or(Finding::Unknown, Finding::Known),
        weight,
        explanation: "".into(),
        raised_at: raised_at.map(Timestamp::from_unix_millis),
    }
}
