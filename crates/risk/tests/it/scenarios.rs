//! What becomes of people and attackers in whole scenarios.

use std::fmt::Write as _;

use risk::Thresholds;

use crate::play::{Reading, play, scenarios, surroundings, table};

#[test]
fn every_step_of_every_scenario_comes_out_as_its_file_says() {
    let surroundings = surroundings();
    let mut wrong = String::new();
    for (name, scenario) in scenarios() {
        assert!(!scenario.about.is_empty(), "{name} does not say what it is about");
        play(&surroundings, &scenario, Reading::of(Thresholds::STANDARD), |step, expected, bands, last| {
            if expected != bands {
                writeln!(wrong, "{name}: {step}: expected {expected:?}, got {bands:?}; the last was\n  {last}")
                    .unwrap();
            }
        });
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_table_in_the_guide_is_what_comes_out() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/risk.md")).unwrap();
    let table = table();
    println!("{table}");
    let (_, rest) = guide.split_once("<!-- generated: scenarios of risk -->\n").unwrap();
    let (standing, _) = rest.split_once("<!-- end: scenarios of risk -->").unwrap();
    assert_eq!(standing, table, "docs/guide/risk.md is out of date: run scripts/update-generated");
}
