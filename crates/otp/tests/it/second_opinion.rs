//! The `totp-rs` crate must agree.

use otp::{Algorithm, Params};
use proptest::prelude::*;

fn theirs(algorithm: Algorithm) -> totp_rs::Algorithm {
    match algorithm {
        Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
        Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
        Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
    }
}

proptest! {
    #[test]
    fn totp_rs_makes_the_same_codes(
        key in prop::collection::vec(any::<u8>(), 16..80),
        at in 0_u64..100_000_000_000,
        algorithm in prop::sample::select(&Algorithm::ALL),
        digits in prop::sample::select(&[6_u8, 8]),
        period in prop::sample::select(&[30_u16, 60]),
    ) {
        let params = Params::new(algorithm, digits, period).unwrap();
        let ours = params.code(&key, params.step_at(at.cast_signed()));
        let theirs = totp_rs::Builder::new()
            .with_algorithm(theirs(algorithm))
            .with_digits(digits)
            .with_step_duration(u64::from(period))
            .with_secret(key)
            .build()
            .unwrap();
        prop_assert_eq!(ours.as_str(), theirs.generate(at).to_string());
    }
}
