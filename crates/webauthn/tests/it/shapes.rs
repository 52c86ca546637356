//! Responses of any shape are read or refused.

use proptest::prelude::*;
use serde_json::{Value, json};
use webauthn::{AuthenticationResponse, RegistrationResponse};

fn assertion() -> Value {
    json!({
        "id": "AQID", "rawId": "AQID", "type": "public-key", "authenticatorAttachment": "platform",
        "response": { "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "AA" },
        "clientExtensionResults": {},
    })
}

fn attested() -> Value {
    json!({
        "id": "AQID", "rawId": "AQID", "type": "public-key", "authenticatorAttachment": null,
        "response": { "clientDataJSON": "e30", "attestationObject": "oA", "transports": ["usb", "of tomorrow"] },
        "clientExtensionResults": { "credProps": { "rk": false }, "of tomorrow": [1] },
    })
}

#[test]
fn what_browsers_give_is_read() {
    AuthenticationResponse::parse(&assertion().to_string()).unwrap();
    RegistrationResponse::parse(&attested().to_string()).unwrap();
    for absent in [Value::Null, json!("")] {
        let mut response = assertion();
        response["response"]["userHandle"] = absent;
        assert_eq!(AuthenticationResponse::parse(&response.to_string()).unwrap().user_handle(), None);
    }
}

#[test]
fn members_that_are_wrong_are_refused() {
    for (pointer, wrong) in [
        ("/id", json!("AQIE")),
        ("/id", json!(1)),
        ("/rawId", json!("AQI=")),
        ("/type", json!("password")),
        ("/response", json!(null)),
        ("/response/clientDataJSON", json!("e30=")),
        ("/response/clientDataJSON", json!("e3+")),
        ("/response/clientDataJSON", json!([123, 125])),
        ("/response/signature", json!(null)),
        ("/response/userHandle", json!("A")),
        ("/response/userHandle", json!("AAAA".repeat(30))),
        ("/clientExtensionResults", json!(7)),
    ] {
        let mut response = assertion();
        *response.pointer_mut(pointer).unwrap() = wrong.clone();
        let error = AuthenticationResponse::parse(&response.to_string()).unwrap_err().to_string();
        assert!(!error.contains("AQIE") && !error.contains("password\""), "{error}");
        if !pointer.contains("signature") && !pointer.contains("userHandle") {
            let mut response = attested();
            *response.pointer_mut(pointer).unwrap() = wrong;
            RegistrationResponse::parse(&response.to_string()).unwrap_err();
        }
    }
    let mut ids = assertion();
    for id in [String::new(), "AAAA".repeat(342)] {
        ids["id"] = json!(id);
        ids["rawId"] = json!(id);
        AuthenticationResponse::parse(&ids.to_string()).unwrap_err();
    }
    AuthenticationResponse::parse(&" ".repeat(70_000)).unwrap_err();
    AuthenticationResponse::parse(&"[".repeat(60_000)).unwrap_err();
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        let _ = AuthenticationResponse::parse(&text);
        let _ = RegistrationResponse::parse(&text);
    }
}
