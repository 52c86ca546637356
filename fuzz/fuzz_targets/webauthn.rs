//! What browsers answer to WebAuthn: read or refused, and judged or refused, at registration and later.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use webauthn::{
    Account, Asked, Authentication, AuthenticationResponse, Credential, Metadata, MetadataRoot, Policy, Registration,
    RegistrationResponse, RelyingParty, Settings, Wishes,
};

/// A relying party with a ceremony of each kind that has begun.
static BEGUN: LazyLock<Option<(RelyingParty, Registration, Authentication)>> = LazyLock::new(|| {
    let party = RelyingParty::new(Settings {
        name: "Example".to_owned(),
        ids: vec!["example.org".to_owned()],
        origins: vec!["https://example.org".to_owned()],
        policy: Policy::default(),
    })
    .ok()?;
    let account = Account { handle: [1; 16], name: "ana".to_owned(), display_name: "Ana".to_owned() };
    let lifetime = Duration::from_secs(60);
    let (_, registration) = party.begin_registration([0; 32], account, Wishes::default(), &[], lifetime);
    let (_, authentication) = party.begin_authentication([0; 32], Asked::default(), lifetime);
    Some((party, registration, authentication))
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((party, registration, authentication)) = BEGUN.as_ref() else { return };
    if let Ok(response) = RegistrationResponse::parse(text) {
        let _ = party.finish_registration(registration, &response, SystemTime::UNIX_EPOCH);
    }
    if let Ok(response) = AuthenticationResponse::parse(text)
        && let Ok(credential) = serde_json::from_str::<Credential>(
            r#"{"id":"AQID","rp_id":"example.org","public_key":"oA","counter":0,"user_verified":false,
                "aaguid":"00000000-0000-0000-0000-000000000000","backup_eligible":false,"backed_up":false,
                "attestation":"none"}"#,
        )
    {
        let credential = Credential { id: response.credential_id().to_vec(), ..credential };
        let _ = party.finish_authentication(authentication, &response, &[1; 16], &credential);
    }
    let _ = Metadata::read(text.as_bytes(), MetadataRoot::Fido, SystemTime::UNIX_EPOCH);
    let _ = serde_json::from_str::<Registration>(text);
    let _ = serde_json::from_str::<Authentication>(text);
});
