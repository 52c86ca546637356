//! A code that was used, written otherwise, out of order, or at a time that comes again (T-06, T-29).

use crate::harness::{Database, Server};

#[tokio::test(flavor = "multi_thread")]
async fn t06_a_used_code_stays_used_however_it_is_written() {
    let server = Server::new().await;
    let api = server.api();
    for (index, written) in spellings("123456").into_iter().enumerate() {
        // Somebody new each time, or waiting would be what keeps the later ones out.
        let ana = api.enroll(&format!("ana-{index}")).await;
        let now = api.now().await;
        api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
        let again = spellings(&ana.phone.code_at(now))[index].clone();
        let answer = api.prove(&ana.user_id, &again).await;
        assert_eq!(answer.status, 422, "{written:?} was accepted, or worse: {answer}");
    }
}

/// Ways to write six digits, some of which a person might use and some of which only an attacker would.
fn spellings(code: &str) -> Vec<String> {
    let (left, right) = code.split_at(3);
    let digits_from = |zero: u32| code.chars().map(|c| char::from_u32(zero + c as u32 - '0' as u32).unwrap()).collect();
    vec![
        code.to_owned(),
        format!("{left} {right}"),
        format!("{left}-{right}"),
        format!(" {code} "),
        format!("{code}\n"),
        format!("{left}\u{a0}{right}"),
        format!("{left}\u{200b}{right}"),
        format!("+{code}"),
        format!("0{code}"),
        format!("{code}.0"),
        // Full-width, Arabic-Indic, Devanagari and mathematical bold digits.
        digits_from(0xff10),
        digits_from(0x0660),
        digits_from(0x0966),
        digits_from(0x1_d7ce),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_after_a_newer_code_an_older_one_is_too_old_though_its_time_is_not_over() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.advance(90).await;
    api.prove(&ana.user_id, &ana.phone.code_near(now, 1)).await.expect(200);
    for steps in [1, 0, -1] {
        let code = ana.phone.code_near(now, steps);
        api.prove(&ana.user_id, &code).await.expect_problem(422, "proof-rejected");
    }
    let now = api.advance(60).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_the_code_that_confirmed_an_enrollment_is_used_up_by_it() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.now().await;
    let confirming = ana.phone.code_near(now, -1);
    api.prove(&ana.user_id, &confirming).await.expect_problem(422, "proof-rejected");
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_a_used_backup_code_stays_used() {
    let mut server = Server::new().await;
    let ana = server.api().enroll("ana").await;
    assert_eq!(ana.backup_codes.len(), 10);
    let code = &ana.backup_codes[3];
    server.api().prove(&ana.user_id, code).await.expect(200);
    server.kill();
    server.begin().await;
    let api = server.api();
    // Four spellings: a fifth failure would have to be waited for.
    for written in [code.clone(), code.to_lowercase(), code.replace('-', ""), format!(" {} ", code.replace('-', " "))] {
        api.prove(&ana.user_id, &written).await.expect_problem(422, "proof-rejected");
    }
    api.prove(&ana.user_id, &ana.backup_codes[4].to_lowercase().replace('-', " ")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_a_clock_that_jumps_back_makes_no_used_code_fresh_on_sqlite() {
    a_jump_makes_nothing_fresh(Database::Sqlite, -3600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_a_clock_that_jumps_back_makes_no_used_code_fresh_on_postgresql() {
    a_jump_makes_nothing_fresh(Database::Postgres, -3600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_a_clock_that_jumps_ahead_and_back_makes_no_used_code_fresh() {
    a_jump_makes_nothing_fresh(Database::Sqlite, 3600).await;
}

async fn a_jump_makes_nothing_fresh(database: Database, seconds: i64) {
    let mut server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let now = api.advance(60).await;
    let used = [ana.phone.code_at(now), ana.phone.code_near(now, 1)];
    for code in &used {
        api.prove(&ana.user_id, code).await.expect(200);
    }

    // Right after the jump nothing is checked, and that is said.
    let later = api.jump(seconds).await;
    api.prove(&ana.user_id, &ana.phone.code_at(later)).await.expect_problem(503, "clock-jumped");

    // Back where it was, steady again, and after a restart: what was used stays used.
    api.jump(-seconds).await;
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server.begin().await;
        }
        let api = server.api();
        for _ in 0..7 {
            api.advance(10).await;
        }
        for code in &used {
            let answer = api.prove(&ana.user_id, code).await;
            assert!(answer.status != 200, "a used code was accepted again: {answer}");
        }
        let now = api.advance(15 * 60 + 1).await;
        api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t29_codes_of_an_hour_that_comes_twice_are_good_once() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let first = api.advance(3600).await;
    let code = ana.phone.code_at(first);
    api.prove(&ana.user_id, &code).await.expect(200);
    // An hour back, a minute of steadiness, and on to the same time again.
    api.jump(-3600).await;
    for _ in 0..7 {
        api.advance(10).await;
    }
    let now = api.now().await;
    let again = api.prove(&ana.user_id, &ana.phone.code_at(now)).await;
    assert!(again.status != 200, "a step older than the last one used was accepted: {again}");
    let second = api.advance((first - now) / 1000).await;
    assert!((second - first).abs() < 30_000, "the hour did not come twice");
    let again = api.prove(&ana.user_id, &code).await;
    assert!(again.status != 200, "a used code was accepted when its time came again: {again}");
    let now = api.advance(120).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}
