//! What is generated of the words of workflows, and committed.

use std::path::Path;

#[test]
fn the_json_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflow.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == format!("{:#}\n", workflow::json_schema()), "run scripts/update-generated");
}

#[test]
fn the_tables_of_the_guide_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/workflows.md");
    let guide = std::fs::read_to_string(path).unwrap_or_default();
    assert!(guide.contains(&workflow::tables()), "run scripts/update-generated");
}
