//! Policies and their conditions: each is read or refused, and what is read decides its own cases.
//!
//! Either the input is a document as it stands, or, behind a byte that is 1, a condition in one that is right but for it.
#![no_main]

use policy::{Policy, Vocabulary};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = match bytes.split_first() {
        Some((1, condition)) => {
            let Ok(condition) = serde_json::to_string(&String::from_utf8_lossy(condition)) else { return };
            format!("policy: {{rules: [{{id: a, when: {condition}, effect: deny}}]}}\ncases: [{{name: a, expect: deny, given: {{action: a}}}}]")
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    if let Ok(policy) = Policy::read(&[("policy.yaml", &text)], &Vocabulary::default()) {
        let results = policy.run_cases();
        let again = Policy::read(&[("other.yaml", &text)], &Vocabulary::default()).expect("it was read before");
        assert_eq!(policy.version(), again.version());
        assert_eq!(results.len(), again.run_cases().len());
    }
});
