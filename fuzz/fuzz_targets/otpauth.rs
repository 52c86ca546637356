//! `otpauth://` URIs, codes and backup codes: what was read is written so that it reads the same.
#![no_main]

use otp::{BackupCode, Code, Otpauth};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(read) = Otpauth::parse(text) {
        let written = otp::uri(read.issuer.as_deref().unwrap_or_default(), &read.account, &read.key, read.params);
        if let Ok(again) = Otpauth::parse(&written) {
            assert_eq!(*again.key, *read.key);
            assert_eq!(again.params, read.params);
        }
    }
    if let Some(code) = Code::parse(text) {
        assert_eq!(Code::parse(code.as_str()).as_ref().map(Code::as_str), Some(code.as_str()));
    }
    if let Some(code) = BackupCode::parse(text) {
        let written = code.text();
        assert_eq!(BackupCode::parse(&written).map(|code| code.text()), Some(written));
    }
});
