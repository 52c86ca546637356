//! Backup codes: another set in the place of the old one, and a word when few are left (I-05).

use serde_json::{Value, json};

use crate::harness::{Answer, Api, Database, Enrolled, Server, Setup};

async fn replace(api: &Api, ana: &Enrolled, session: &str) -> Answer {
    api.post(&format!("/v1/users/{}/backup-codes", ana.user_id), json!({ "session_id": session })).await
}

fn codes(answer: &Value) -> Vec<String> {
    answer["backup_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_a_new_set_ends_the_old_one_at_once_on_sqlite() {
    a_new_set_ends_the_old_one(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_a_new_set_ends_the_old_one_at_once_on_postgresql() {
    a_new_set_ends_the_old_one(Database::Postgres).await;
}

async fn a_new_set_ends_the_old_one(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    // T-09: a password alone gets no codes, nor does somebody else's session.
    let weak = api.session(&ana.user_id).await;
    replace(&api, &ana, &weak).await.expect_problem(403, "step-up-needed");
    let ben = api.enroll("ben").await;
    replace(&api, &ana, &ben.session_id).await.expect_problem(422, "invalid-request");
    let cleo = api.user("cleo").await;
    let fresh = api.session(&cleo).await;
    let nothing = api.post(&format!("/v1/users/{cleo}/backup-codes"), json!({ "session_id": fresh })).await;
    nothing.expect_problem(409, "conflict");

    let answer = replace(&api, &ana, &ana.session_id).await;
    assert_eq!(answer.headers["cache-control"], "no-store, private, max-age=0");
    let made = answer.expect(200);
    let new = codes(&made);
    assert_eq!((new.len(), &made["authenticator"]["codes_left"]), (10, &json!(10)), "{made}");
    api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect_problem(422, "proof-rejected");
    api.prove(&ana.user_id, &new[0]).await.expect(200);
    let listed = api.get(&format!("/v1/users/{}/authenticators", ana.user_id)).await.expect(200);
    let sets: Vec<(&str, u64)> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|authenticator| authenticator["kind"] == "backup_codes")
        .map(|set| (set["state"].as_str().unwrap(), set["codes_left"].as_u64().unwrap()))
        .collect();
    assert_eq!(sets, [("revoked", 10), ("active", 9)], "{listed}");
    // Of many at once there is one set in the end.
    let tries = futures_util::future::join_all((0..8).map(|_| replace(&api, &ana, &ana.session_id))).await;
    let made: Vec<Value> = tries.iter().filter(|answer| answer.status == 200).map(Answer::json).collect();
    assert!(!made.is_empty());
    let mut good = 0;
    for set in &made {
        api.advance(15 * 60 + 1).await;
        good += usize::from(api.prove(&ana.user_id, &codes(set)[0]).await.status == 200);
    }
    assert_eq!(good, 1, "of {} sets", made.len());
}

/// I-06: `recovery.backup_codes` of the enforcement file.
#[tokio::test(flavor = "multi_thread")]
async fn i06_the_enforcement_file_says_how_many_codes_there_are() {
    for count in [4, 0] {
        let folder = tempfile::tempdir().unwrap();
        let file = format!("mfa_enforcement: {{all_users: true, recovery: {{backup_codes: {count}}}}}\n");
        std::fs::write(folder.path().join("policy.yaml"), file).unwrap();
        let arguments = vec![format!("--policy-folder={}", folder.path().display())];
        let server = Server::start(Setup { arguments, ..Setup::default() }).await;
        let api = server.api();
        let ana = api.enroll("ana").await;
        assert_eq!(ana.backup_codes.len(), count);
        let again = replace(&api, &ana, &ana.session_id).await;
        if count == 0 {
            let problem = again.expect_problem(409, "conflict");
            assert!(problem["detail"].as_str().unwrap().contains("no backup codes"), "{problem}");
        } else {
            assert_eq!(codes(&again.expect(200)).len(), count);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_when_few_codes_are_left_that_is_told() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    for (used, code) in (1..).zip(&ana.backup_codes) {
        api.prove(&ana.user_id, code).await.expect(200);
        let told = api.all(&format!("/v1/events?kind=backup_codes.low&user_id={}", ana.user_id)).await;
        let left: Vec<i64> = told.iter().map(|event| event["data"]["left"].as_i64().unwrap()).collect();
        let wanted: Vec<i64> = (10 - used..=3).rev().collect();
        assert_eq!(left, wanted, "after {used}");
    }
}
