//! What is told to a run and nobody may see (W-05): no expression says it, no run keeps it.

use domain::Timestamp;
use serde_json::{Map, json};
use workflow::{Cause, Definition, Start};

fn read(rest: &str) -> Result<Definition, String> {
    let text = format!(
        r"
apiVersion: countersign/v1
kind: Workflow
metadata: {{name: w}}
triggers: [{{manual: {{roles: [a]}}}}]
inputs:
  user: {{type: user, required: true}}
  code: {{type: text, required: true, secret: true}}
{rest}
"
    );
    Definition::read("w.yaml", &text).map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

const ASK: &str = "steps: [{id: ask, action: validator.http, with: {user: \"${inputs.user}\", code: {secret: input:code}, url: https://v.example}}]";

#[test]
fn an_action_takes_it_and_nothing_else_does() {
    let fine = read(ASK).unwrap();
    assert_eq!(fine.secrets().len(), 0, "it is nothing that a server finds as it starts");
    for (rest, wrong) in [
        ("steps: [{id: a, fail: \"{{ inputs.code }}\"}]", "code"),
        ("steps: [{id: a, action: event.emit, with: {name: x, data: {c: \"${inputs.code}\"}}}]", "code"),
        ("subject: ${inputs.code}\nsteps: [{id: a, fail: x}]", "code"),
        (&ASK.replace("input:code", "input:user"), "there is no input `user` with `secret: true`"),
        (&ASK.replace("input:code", "input:cod"), "code"),
    ] {
        let said = read(rest).unwrap_err();
        assert!(said.contains(wrong), "{rest}: {said}");
    }
    let default = "  more: {type: text, secret: true, default: x}\n  count: {type: number, secret: true}\n";
    assert!(read(&format!("{default}{ASK}")).unwrap_err().contains("what is secret is a `text`"));
}

#[test]
fn no_run_keeps_it() {
    let definition = read(ASK).unwrap();
    let told = json!({ "user": "usr_1", "code": "314159" });
    let mut inputs: Map<_, _> = told.as_object().unwrap().clone();
    let begin = |inputs| {
        let cause = Cause::Manual { roles: vec!["a".to_owned()], inputs };
        let start = Start { id: "run_1".to_owned(), cause, requester: None, depth: 0 };
        definition.begin(start, Timestamp::from_unix_millis(1), 1)
    };
    assert!(begin(inputs.clone()).is_err(), "what is not taken out before is not begun with");
    let secrets = definition.take_secrets(&mut inputs).unwrap();
    assert_eq!(secrets["code"].as_str(), "314159");
    let run = begin(inputs).unwrap();
    let kept = json!([run.run, run.effects, run.history.len()]).to_string();
    assert!(!kept.contains("314159") && kept.contains("input:code"), "{kept}");
    for wrong in [json!({ "user": "usr_1" }), json!({ "code": 1 }), json!({ "code": null })] {
        assert!(definition.take_secrets(&mut wrong.as_object().unwrap().clone()).is_err(), "{wrong}");
    }
}
