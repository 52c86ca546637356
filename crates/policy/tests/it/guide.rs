//! What docs/guide/policy.md shows is what is taken.

use policy::{MAX_CONDITION_BYTES, PRESETS};

use crate::support::read;

const GUIDE: &str = include_str!("../../../../docs/guide/policy.md");

/// The blocks of YAML, in their order.
fn blocks() -> Vec<&'static str> {
    GUIDE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_files_of_the_guide_are_read_and_their_cases_pass() {
    let documents: Vec<&str> = blocks().into_iter().filter(|block| !block.starts_with("when:")).collect();
    assert_eq!(documents.len(), 3);
    let policy = read(&documents.concat());
    assert_eq!(policy.warnings(), []);
    let results = policy.run_cases();
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result.differences, [""; 0], "{}", result.name);
    }
}

#[test]
fn the_conditions_of_the_guide_are_read() {
    let conditions: Vec<&str> =
        blocks().into_iter().filter(|block| block.starts_with("when:")).flat_map(str::lines).collect();
    assert_eq!(conditions.len(), 4);
    for condition in conditions {
        read(&format!("policy:\n  rules:\n    - id: a\n      effect: deny\n      {condition}\n"));
    }
    assert!(GUIDE.contains("1,024 bytes") && MAX_CONDITION_BYTES == 1024);
}

#[test]
fn s11_the_applications_gateways_and_branding_of_the_guide_are_read() {
    const IN_GIT: &str = include_str!("../../../../docs/guide/policy-in-git.md");
    let blocks = IN_GIT.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let sections: Vec<&str> =
        blocks.filter(|block| !block.starts_with('#') && !block.starts_with("administrators")).collect();
    assert_eq!(sections.len(), 3);
    let names = ["applications.yaml", "gateways.yaml", "branding.yaml", "logo.svg"];
    let files: Vec<(&str, &str)> = names.into_iter().zip(sections.into_iter().chain(["<svg/>"])).collect();
    let policy = policy::Policy::read(&files, &policy::Vocabulary::default()).unwrap();
    let settings = policy.settings();
    assert_eq!(settings.applications.as_ref().map(Vec::len), Some(2));
    assert_eq!(settings.gateways.as_ref().map(Vec::len), Some(2));
    assert!(settings.branding.as_ref().is_some_and(|branding| branding.logo().is_some()));
}

#[test]
fn the_guide_names_every_preset() {
    for preset in PRESETS {
        assert!(GUIDE.contains(&format!("| `{}` |", preset.name)), "{}", preset.name);
    }
}
