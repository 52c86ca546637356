//! What is generated of the words of workflows, and committed.

use std::path::Path;

#[test]
fn the_json_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflow.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == format!("{:#}\n", workflow::json_schema()), "run scripts/update-generated");
}

#[test]
fn the_json_schema_of_alerts_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("alert.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == format!("{:#}\n", workflow::alert_json_schema()), "run scripts/update-generated");
}

#[test]
fn the_tables_of_the_guide_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/workflows.md");
    let guide = std::fs::read_to_string(path).unwrap_or_default();
    assert!(guide.contains(&workflow::tables()), "run scripts/update-generated");
}

/// The first block of YAML in the guide, as it stands there.
#[test]
fn the_guide_s_workflow_holds_and_passes_its_test() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/workflows.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let (_, rest) = guide.split_once("```yaml\n").unwrap();
    let (text, _) = rest.split_once("```\n").unwrap();
    let definition = crate::support::read(text);
    assert!(definition.warnings().is_empty());
    let results = definition.run_tests();
    assert_eq!(results.len(), 1);
    assert!(results[0].passed(), "{:?}", results[0].differences);
}
