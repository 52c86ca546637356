//! Parts that are down: no allow that was not earned, and an answer that says which part it is (T-14).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::harness::{Answer, Api, Database, Enrolled, Server, Setup, Signal, alive, signal};

/// Nobody waits longer than this to be told that something is down.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn t14_while_the_vault_is_killed_again_and_again_only_right_codes_are_allowed() {
    let server = Server::new().await;
    let api = server.api();
    let mut allowed = 0;
    for round in 0..6 {
        let ana = api.enroll(&format!("ana-{round}")).await;
        let now = api.now().await;
        signal(server.ready().await.vault, Signal::KILL);
        let wrong = prove(&api, &ana, &ana.phone.wrong_code(now)).await;
        assert!(wrong.status == 422 || is_down(&wrong), "{wrong}");
        let right = prove(&api, &ana, &ana.phone.code_at(now)).await;
        assert!(right.status == 200 || is_down(&right), "{right}");
        allowed += usize::from(right.status == 200);
        server.ready().await;
        // The code may have been looked at by the vault that died: what was not acknowledged may count as used.
        let next = prove(&api, &ana, &ana.phone.code_near(now, 1)).await;
        next.expect(200);
    }
    println!("{allowed} of 6 right codes got through while the vault was killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_vault_that_hangs_is_a_503_in_time_and_nothing_is_allowed() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.now().await;
    let vault = server.ready().await.vault;
    signal(vault, Signal::STOP);
    let begun = Instant::now();
    let right = prove(&api, &ana, &ana.phone.code_at(now)).await;
    assert!(is_down(&right), "{right}");
    assert!(begun.elapsed() < PATIENCE, "it took {:?} to say so", begun.elapsed());
    let start = json!({ "session_id": ana.session_id, "view": "inline" });
    let enrollment = api.post("/v1/enrollments", start).await;
    assert!(is_down(&enrollment), "{enrollment}");
    assert_eq!(state_of(&api, &ana).await, "active");
    signal(vault, Signal::CONT);
    server.ready().await;
    prove(&api, &ana, &ana.phone.code_near(now, 1)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_vault_that_stays_away_is_a_503_and_readyz_says_so() {
    let mut server = Server::new().await;
    let ana = server.api().enroll("ana").await;
    let pids = server.ready().await;
    // With the supervisor gone nobody starts another vault; the server ends too, in its own time.
    signal(pids.supervisor, Signal::STOP);
    signal(pids.vault, Signal::KILL);
    while alive(pids.vault) {
        sleep(Duration::from_millis(1)).await;
    }
    let api = server.api();
    server.unready().await;
    for code in [ana.phone.code_at(1_000_000), ana.backup_codes[0].clone()] {
        let answer = prove(&api, &ana, &code).await;
        answer.expect_problem(503, "vault-down");
    }
    signal(pids.supervisor, Signal::CONT);
    server.ready().await;
    prove(&api, &ana, &ana.backup_codes[0]).await.expect(200);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_full_disk_is_a_503_loses_nothing_and_is_got_over() {
    let server = Server::start(Setup { survives_full_disk: true, ..Setup::default() }).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.now().await;
    let open = api.challenge(&ana.user_id).await;
    prove(&api, &ana, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    let pid = server.ready().await.server;

    limit_file_size(pid, "4096");
    api.verify(&open, &ana.phone.code_at(now)).await.expect_problem(503, "store-down");
    api.verify(&open, &ana.phone.wrong_code(now)).await.expect_problem(503, "store-down");
    let user = api.post("/v1/users", json!({ "external_id": "ben" })).await;
    user.expect_problem(503, "store-down");
    assert_eq!(api.get(&format!("/v1/challenges/{open}")).await.expect(200)["state"], "open");
    assert_eq!(api.failures(&ana.authenticator_id).await, 1);
    server.unready().await;

    limit_file_size(pid, "unlimited");
    assert_eq!(server.ready().await.server, pid, "it died of the full disk");
    api.verify(&open, &ana.phone.code_near(now, 1)).await.expect(200);
    api.user("ben").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_database_that_somebody_else_locks_is_a_503_and_is_got_over() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let open = api.challenge(&ana.user_id).await;
    let now = api.now().await;
    let lock = Lock::on(&server.sqlite().with_extension("db-shm"));
    let begun = Instant::now();
    api.verify(&open, &ana.phone.code_at(now)).await.expect_problem(503, "store-down");
    assert!(begun.elapsed() < PATIENCE, "it took {:?} to say so", begun.elapsed());
    // What only reads goes on.
    assert_eq!(api.get(&format!("/v1/challenges/{open}")).await.expect(200)["state"], "open");
    drop(lock);
    server.ready().await;
    api.verify(&open, &ana.phone.code_near(now, 1)).await.expect(200);
}

/// Holds the lock under which SQLite writes, as a backup tool that does not let go would.
struct Lock(Child);

impl Lock {
    /// Byte 120 of the index of the write-ahead log is the writer's lock (SQLite, "WAL-mode File Format", §2.2.4).
    fn on(file: &Path) -> Self {
        const SCRIPT: &str = r#"
            use Fcntl;
            open(my $file, "+<", $ARGV[0]) or die;
            my $lock = pack("ssx4qqi", F_WRLCK, 0, 120, 1, 0);
            fcntl($file, F_SETLKW, $lock) or die;
            syswrite(STDOUT, "locked\n");
            <STDIN>;
        "#;
        let mut command = Command::new("perl");
        command.args(["-e", SCRIPT]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "locked\n");
        Self(holder)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets no file of a process grow beyond `bytes`: what it sees is what it sees on a full disk.
fn limit_file_size(pid: i32, bytes: &str) {
    let status = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:")]).status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_database_that_is_away_is_a_503_and_nothing_is_allowed() {
    let server = Server::on(Database::Postgres).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.now().await;
    let open = api.challenge(&ana.user_id).await;
    server.postgres().go_away();
    let begun = Instant::now();
    for code in [ana.phone.code_at(now), ana.phone.wrong_code(now)] {
        api.verify(&open, &code).await.expect_problem(503, "store-down");
    }
    assert!(begun.elapsed() < 2 * PATIENCE, "it took {:?} to say so", begun.elapsed());
    server.unready().await;
    assert_eq!(api.get("/healthz").await.status, 200);
    server.postgres().come_back();
    server.ready().await;
    api.verify(&open, &ana.phone.code_near(now, 1)).await.expect(200);
}

async fn prove(api: &Api, ana: &Enrolled, code: &str) -> Answer {
    let challenge = api.challenge(&ana.user_id).await;
    api.verify(&challenge, code).await
}

fn is_down(answer: &Answer) -> bool {
    answer.status == 503
        && ["/problems/vault-down", "/problems/timeout"].contains(&answer.json()["type"].as_str().unwrap())
}

async fn state_of(api: &Api, ana: &Enrolled) -> String {
    let authenticator = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    authenticator["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_what_is_damaged_in_the_database_is_trouble_for_its_owner_alone() {
    let server = Server::on(Database::Postgres).await;
    let api = server.api();
    let mut people = Vec::new();
    for n in 0..12 {
        people.push(api.enroll(&format!("ana-{n}")).await);
    }
    let of = |ana: &Enrolled| format!("WHERE id = '{}'", ana.authenticator_id.trim_start_matches("ath_"));
    // One row that cannot be understood, and one key of data keys that there never were.
    server.postgres().run(&format!("UPDATE authenticators SET digits = 99999999 {}", of(&people[3])));
    server.postgres().run(&format!("UPDATE authenticators SET blob = set_byte(blob, 1, 99) {}", of(&people[8])));
    for round in 1..=3 {
        let now = api.advance(90).await;
        let all = people.iter().map(|ana| prove_at(&api, ana, now));
        for (n, answer) in futures_util::future::join_all(all).await.into_iter().enumerate() {
            match n {
                3 => drop(answer.expect_problem(500, "internal")),
                8 => drop(answer.expect_problem(500, "key-retired")),
                _ => drop(answer.expect(200)),
            }
        }
        assert_eq!(api.get("/readyz").await.status, 200, "round {round}");
    }
    // Whoever has such a key binds another, by a backup code.
    let session = api.session(&people[8].user_id).await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &people[8].backup_codes[0]).await.expect(200);
    api.post("/v1/enrollments", json!({ "session_id": session })).await.expect(201);
}

async fn prove_at(api: &Api, ana: &Enrolled, now: i64) -> Answer {
    prove(api, ana, &ana.phone.code_at(now)).await
}
