//! Whatever is written is read back, and whatever is read does no harm.

use otp::{Algorithm, BackupCode, Code, Otpauth, Params, uri};
use proptest::prelude::*;

fn params() -> impl Strategy<Value = Params> {
    (prop::sample::select(&Algorithm::ALL), prop::sample::select(&[6, 8]), prop::sample::select(&[0, 30, 60])).prop_map(
        |(algorithm, digits, period)| match period {
            0 => Params::counted(algorithm, digits).unwrap(),
            period => Params::new(algorithm, digits, period).unwrap(),
        },
    )
}

proptest! {
    #[test]
    fn a_uri_is_read_as_it_was_written(
        issuer in "\\PC{0,40}",
        account in "\\PC{1,60}",
        key in prop::collection::vec(any::<u8>(), 1..=64),
        params in params(),
    ) {
        let read = Otpauth::parse(&uri(&issuer, &account, &key, params)).unwrap();
        prop_assert_eq!(read.issuer.unwrap_or_default(), issuer);
        prop_assert_eq!(read.account, account);
        prop_assert_eq!(read.key.as_slice(), key.as_slice());
        prop_assert_eq!((read.params, read.counter), (params, 0));
    }

    #[test]
    fn a_uri_is_plain_ascii(issuer in ".{0,20}", account in ".{1,20}") {
        let made = uri(&issuer, &account, b"key", Params::COMMON);
        prop_assert!(made.bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn no_text_upsets_the_readers(text in ".{0,200}") {
        let _ = (Otpauth::parse(&text), Code::parse(&text), BackupCode::parse(&text));
        let _ = Otpauth::parse(&format!("otpauth://totp/{text}"));
        let _ = Otpauth::parse(&format!("otpauth://hotp/{text}"));
    }

    #[test]
    fn a_backup_code_is_read_as_it_was_written(bits in any::<u64>()) {
        let code = BackupCode::from_bits(bits);
        let text = code.text();
        prop_assert_eq!(text.len(), 14);
        prop_assert_eq!(BackupCode::parse(&text), Some(code.clone()));
        prop_assert_eq!(BackupCode::parse(&text.to_lowercase().replace('-', "").replace('0', "o").replace('1', "l")), Some(code));
    }

    #[test]
    fn a_code_is_read_as_it_was_written(number in 0_u64..100_000_000, digits in prop::sample::select(&[8_u8, 9, 10])) {
        let code = Code::from_number(number, digits);
        prop_assert_eq!(Code::parse(code.as_str()), Some(code.clone()));
        prop_assert_eq!(code.as_str().parse::<u64>().unwrap(), number);
    }
}
