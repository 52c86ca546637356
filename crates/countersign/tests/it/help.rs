//! Help, as it is read: 80 columns.

use crate::shell::printed;

#[test]
fn the_program_says_what_it_can_do() {
    insta::assert_snapshot!(printed("countersign --help"));
}

#[test]
fn serve_says_what_can_be_set() {
    insta::assert_snapshot!(printed("countersign serve --help"));
}

#[test]
fn enroll_says_what_it_needs() {
    insta::assert_snapshot!(printed("countersign enroll --help"));
}

#[test]
fn events_say_what_can_be_chosen() {
    insta::assert_snapshot!(printed("countersign events --help"));
}

#[test]
fn handing_over_says_who_may() {
    insta::assert_snapshot!(printed("countersign links hand-over --help"));
}

#[test]
fn gateways_say_what_can_be_done_about_switches() {
    insta::assert_snapshot!(printed("countersign gateways --help"));
}

#[test]
fn bench_says_what_it_measures() {
    insta::assert_snapshot!(printed("countersign bench -h"));
}

#[test]
fn no_help_is_wider_than_the_screen() {
    for command in [
        "",
        "serve",
        "doctor",
        "enroll",
        "verify",
        "users list",
        "users erase",
        "authenticators rename",
        "applications create",
        "administrator recover",
        "root-key change",
        "events",
        "tasks list",
        "links list",
        "links hand-over",
        "gateways switches",
        "gateways switch-back",
        "keys rotate",
        "bench",
        "man",
    ] {
        for line in printed(&format!("countersign {command} --help")).lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}

#[test]
fn the_secret_in_the_environment_is_not_shown_in_help() {
    let help = printed("COUNTERSIGN_KEY=csk_canary countersign users list --help");
    assert!(help.contains("--key") && !help.contains("csk_canary"), "{help}");
}

#[test]
fn every_command_that_asks_a_server_answers_in_json() {
    for command in [
        "doctor",
        "enroll",
        "verify",
        "users list",
        "users show",
        "users suspend",
        "users resume",
        "users erase",
        "authenticators list",
        "authenticators show",
        "authenticators rename",
        "authenticators suspend",
        "authenticators resume",
        "authenticators revoke",
        "authenticators report-lost",
        "applications list",
        "applications create",
        "applications delete",
        "applications rotate-key",
        "applications certificates",
        "applications add-certificate",
        "applications remove-certificate",
        "administrator recover",
        "root-key change",
        "events",
        "keys status",
        "keys rotate",
        "keys retire",
        "tasks list",
        "tasks show",
        "links list",
        "links hand-over",
        "gateways switches",
        "gateways switch-back",
        "bench",
        "serve",
    ] {
        assert!(printed(&format!("countersign {command} --help")).contains("--json"), "{command}");
    }
}
