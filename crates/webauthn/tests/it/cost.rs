//! What one verification costs.

use std::time::Duration;

use software_authenticator::{Authenticator, Kind, Lies};
use webauthn::{AuthenticationResponse, Policy};

use crate::{ANA, ORIGIN, party, registered, request};

/// Prints it: `cargo test --release -p webauthn what_a_verification -- --nocapture`. The limit is for debug builds on a
/// busy machine, and there to notice a change of kind.
#[test]
fn what_a_verification_costs() {
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        let party = party(Policy::default());
        let mut key = Authenticator { kinds: vec![kind], ..Authenticator::security_key() };
        let credential = registered(&party, &mut key);
        let (options, state) = request(&party, std::slice::from_ref(&credential));
        let response = key.get(&options, ORIGIN, &Lies::default()).unwrap().to_string();
        let rounds = 500;
        #[allow(clippy::disallowed_methods, reason = "a duration is measured")]
        let began = std::time::Instant::now();
        for _ in 0..rounds {
            let response = AuthenticationResponse::parse(&response).unwrap();
            party.finish_authentication(&state, &response, &ANA, &credential).unwrap();
        }
        let each = began.elapsed() / rounds;
        println!("{kind:?}: {each:?} for reading and judging one assertion");
        assert!(each < Duration::from_millis(20), "{each:?}");
    }
}
