//! Files of workflows: each is read or refused, and what is read plays its tests and is changed without harm.
//!
//! Either the input is a document as it stands, or, behind a byte that is 1, a condition in one that is right but for it, or behind a 2, a message.
#![no_main]

use workflow::{Definition, Source, write};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let quoted = |bytes: &[u8]| serde_json::to_string(&String::from_utf8_lossy(bytes)).expect("a text");
    let with = |when: &str, fail: &str| {
        format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\ntriggers: [{{event: authenticator.lost, when: {when}}}]\nsteps: [{{id: a, fail: {fail}}}]\ntests: [{{name: a, given: {{event: authenticator.lost}}, expect: {{outcome: failed}}}}]\n"
        )
    };
    let text = match bytes.split_first() {
        Some((1, condition)) => with(&quoted(condition), "a"),
        Some((2, message)) => with("true", &quoted(message)),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    if let Ok(definition) = Definition::read("workflow.yaml", &text) {
        assert_eq!(definition.run_tests().len(), definition.tests());
        // Laid out in lines, a large one could be larger than a file may be.
        if text.len() < 8192 {
            let again =
                Definition::read("other.yaml", &write(definition.content())).expect("what is written reads back");
            assert_eq!(definition.digest(), again.digest());
        }
        let mut source = Source::new(text).expect("it was read before");
        let first = definition.steps().next().map(|(id, _)| id.to_owned());
        if let Some(id) = first
            && source.set(&id, "description", "new").is_ok()
        {
            Definition::read("workflow.yaml", source.text()).expect("a description does no harm");
        }
    }
});
