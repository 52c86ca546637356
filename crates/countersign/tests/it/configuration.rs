//! What is wrong with a configuration is said in one line, with what would be right (exit code 78).

use crate::shell::{run, run_in};

#[test]
fn p07_plain_http_beyond_loopback_is_refused() {
    run("
        $ countersign serve --listen 0.0.0.0:8420
        2> error: --listen: 0.0.0.0:8420 would carry codes and keys over plain HTTP: give --tls-certificate and --tls-key, or name the TLS proxy in front with --proxy-trusted, or listen on 127.0.0.1
        exit 78
    ");
}

#[test]
fn a_file_with_a_slip_names_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), "issuer = \"Example\"\nlistne = \"127.0.0.1:1\"\n").unwrap();
    run_in(
        folder.path(),
        "
        $ countersign serve --config c.toml
        2> error: c.toml:2: unknown key `listne`; did you mean `listen`?
        exit 78
        $ countersign serve --config other.toml
        2> error: other.toml cannot be read (no such file or directory)
        exit 78
    ",
    );
}

#[test]
fn the_file_in_the_data_folder_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/countersign.toml"), "[log]\nlevel = 'loud'\n").unwrap();
    run_in(
        folder.path(),
        "
        $ countersign serve
        2> error: data/countersign.toml:2: log.level: `loud` is not one of error, warn, info, debug, trace
        exit 78
        $ countersign serve --data elsewhere --log-level loud
        2> error: --log-level: log.level: `loud` is not one of error, warn, info, debug, trace
        exit 78
    ",
    );
}

#[test]
fn the_environment_is_checked_too() {
    run("
        $ COUNTERSIGN_LISTNE=x countersign serve
        2> error: COUNTERSIGN_LISTNE: unknown variable; did you mean COUNTERSIGN_LISTEN?
        exit 78
        $ COUNTERSIGN_DATABASE=mysql://root:secret@h/d countersign serve
        2> error: COUNTERSIGN_DATABASE: database: takes postgres://…, sqlite:FILE, env:NAME or file:PATH
        exit 78
        $ COUNTERSIGN_VAULT_ROOT_KEY=env:NOT_SET countersign serve
        2> error: COUNTERSIGN_VAULT_ROOT_KEY: vault.root_key: the environment variable NOT_SET is not set
        exit 78
    ");
}

#[test]
fn a_share_may_say_percent_and_a_number_of_users_may_not() {
    run("
        $ countersign serve --workflows-shut-out-share 5% --workflows-shut-out-floor 3%
        2> error: --workflows-shut-out-floor: workflows.shut_out_floor: `3%` is no number from 0 to 1000000
        exit 78
    ");
}

#[test]
fn a_role_has_a_name_that_can_be_said() {
    for role in [String::new(), "r".repeat(65)] {
        run(&format!(
            "
            $ countersign serve --workflows-release-role={role}
            2> error: --workflows-release-role: workflows.release_role: is the name of a role, of 1 to 64 characters, like administrator
            exit 78
        "
        ));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    run("
        $ countersign serve --data /dev/null/data
        2> error: /dev/null/data cannot be written (not a directory): give this user the right to write it, or choose another place with --data
        exit 73
    ");
}

#[test]
fn a_missing_vault_is_named() {
    // Beside the program there is a vault or not, depending on what was built; this one is not.
    run("
        $ countersign serve --listen 127.0.0.1:0 --vault-program DIR/no-vault
        2> …
        2> error: DIR/no-vault cannot be started (no such file or directory): it belongs beside countersign
        exit 69
    ");
}
