//! What a browser is handed, to the letter.

use serde_json::json;
use software_authenticator::Authenticator;
use webauthn::{Asked, Attachment, Conveyance, Hint, Policy, ResidentKey, UserVerification, Wishes};

use crate::{ANA, LIFETIME, account, json, party, registered};

#[test]
fn creation_options_are_those_of_the_standard() {
    let mut key = Authenticator::security_key();
    let known = registered(&party(Policy::default()), &mut key);
    let policy =
        Policy { user_verification: UserVerification::Required, attestation: Conveyance::Direct, ..Policy::default() };
    let wishes = Wishes {
        attachment: Some(Attachment::CrossPlatform),
        resident_key: ResidentKey::Required,
        hints: vec![Hint::SecurityKey],
    };
    let id = data_encoding::BASE64URL_NOPAD.encode(&known.id);
    let (options, _) = party(policy).begin_registration([7; 32], account(ANA), wishes, &[known], LIFETIME);
    assert_eq!(
        json(&options),
        json!({
            "rp": { "id": "example.org", "name": "Example" },
            "user": { "id": "YW5hJ3Mgc2l4dGVlbiBieQ", "name": "ana@example.org", "displayName": "Ana Marić" },
            "challenge": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
            "pubKeyCredParams": [
                { "type": "public-key", "alg": -7 },
                { "type": "public-key", "alg": -35 },
                { "type": "public-key", "alg": -257 },
            ],
            "timeout": 120_000,
            "excludeCredentials": [{ "type": "public-key", "id": id, "transports": ["usb", "nfc"] }],
            "authenticatorSelection": {
                "authenticatorAttachment": "cross-platform",
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required",
            },
            "hints": ["security-key"],
            "attestation": "direct",
            "extensions": { "credProps": true },
        })
    );
}

#[test]
fn by_default_a_passkey_is_preferred_and_nothing_is_asked_about_the_model() {
    let (options, _) =
        party(Policy::default()).begin_registration([7; 32], account(ANA), Wishes::default(), &[], LIFETIME);
    let options = json(&options);
    assert_eq!(
        options["authenticatorSelection"],
        json!({ "residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred" })
    );
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["pubKeyCredParams"][1], json!({ "type": "public-key", "alg": -8 }));
}

#[test]
fn request_options_are_those_of_the_standard() {
    let party = party(Policy::default());
    let known = registered(&party, &mut Authenticator::passkey());
    let id = data_encoding::BASE64URL_NOPAD.encode(&known.id);
    let asked = Asked {
        user: Some(ANA),
        credentials: &[known],
        user_verification: Some(UserVerification::Required),
        hints: vec![Hint::ClientDevice, Hint::Hybrid],
    };
    let (options, _) = party.begin_authentication([9; 32], asked, LIFETIME);
    assert_eq!(
        json(&options),
        json!({
            "challenge": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk",
            "timeout": 120_000,
            "rpId": "example.org",
            "allowCredentials": [{ "type": "public-key", "id": id, "transports": ["hybrid", "internal"] }],
            "userVerification": "required",
            "hints": ["client-device", "hybrid"],
        })
    );
}

#[test]
fn related_origins_are_those_of_pages() {
    let mut settings = crate::settings(Policy::default());
    settings.origins.push("android:apk-key-hash:Zm9v".to_owned());
    let party = webauthn::RelyingParty::new(settings).unwrap();
    assert_eq!(
        json(&party.related_origins()),
        json!({ "origins": ["https://login.example.org", "https://old.example", "https://example.com:8443"] })
    );
}
