//! Ids and external ids: one id has one text, and the key of a key is itself.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use domain::{
    ApiKeyId, ApplicationId, AuthenticatorId, CertificateFingerprint, ChallengeId, DeviceId, EnrollmentId, EventId,
    ExternalId, SessionId, UserId,
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    has_one_text::<ApiKeyId>(text);
    has_one_text::<ApplicationId>(text);
    has_one_text::<AuthenticatorId>(text);
    has_one_text::<ChallengeId>(text);
    has_one_text::<DeviceId>(text);
    has_one_text::<EnrollmentId>(text);
    has_one_text::<EventId>(text);
    has_one_text::<SessionId>(text);
    has_one_text::<UserId>(text);
    let _ = CertificateFingerprint::parse(text);
    if let Ok(id) = ExternalId::parse(text) {
        let again = ExternalId::parse(id.key()).map(|id| id.key().to_owned());
        assert_eq!(again.as_deref(), Ok(id.key()));
    }
});

fn has_one_text<T: FromStr + Display>(text: &str) {
    if let Ok(id) = T::from_str(text) {
        assert_eq!(id.to_string(), text);
    }
}
