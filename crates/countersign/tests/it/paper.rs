//! Completions and manual pages are made from the same table as the command line itself.

use crate::shell::printed;

#[test]
fn completions_know_every_command() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef countersign"), ("fish", "complete -c countersign")]
    {
        let script = printed(&format!("countersign completions {shell}"));
        assert!(script.contains(sign), "{shell}");
        for word in ["enroll", "verify", "doctor", "rotate", "root-key", "follow"] {
            assert!(script.contains(word), "{word} in {shell}");
        }
        assert!(
            !script
                .contains("\n        complete -c countersign -n \"__fish_countersign_using_subcommand serve-process\"")
        );
    }
}

#[test]
fn the_manual_names_every_command_but_the_hidden_one() {
    let page = printed("countersign man");
    assert!(page.starts_with(".ie"), "{page}");
    for command in
        ["serve", "doctor", "enroll", "verify", "users", "authenticators", "applications", "events", "keys", "bench"]
    {
        assert!(page.contains(&format!("countersign\\-{command}(1)")), "{command}");
    }
    assert!(!page.contains("serve\\-process"));
}

#[test]
fn the_manual_is_written_a_page_a_command() {
    let folder = tempfile::tempdir().unwrap();
    crate::shell::run_in(folder.path(), "$ countersign man --out DIR/pages");
    for page in ["countersign.1", "countersign-serve.1", "countersign-users-erase.1"] {
        assert!(folder.path().join("pages").join(page).is_file(), "{page}");
    }
}
