//! What is public costs an attacker's flood nothing (T-33).

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::approver::Followed;
use crate::browser::{Browser, Shop};
use crate::harness::{Database, Server};
use crate::push::{connect, push};

/// How often the threads of a process have gone to sleep: each question to the vault wakes some of them.
fn naps(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let naps = |task: std::fs::DirEntry| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.map_or(0, |number| number.trim().parse::<u64>().unwrap())
    };
    tasks.map(|task| naps(task.unwrap())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_a_flood_of_public_questions_does_not_reach_the_vault() {
    let server = Server::new().await;
    let api = server.api();
    let vault = server.ready().await.vault;
    sleep(Duration::from_secs(2)).await;
    for path in ["/readyz", "/.well-known/jwks.json", "/metrics"] {
        let (before, begun) = (naps(vault), Instant::now());
        for _ in 0..40 {
            for answer in join_all((0..25).map(|_| api.get(path))).await {
                assert_eq!(answer.status, 200, "{answer}");
            }
        }
        let (woken, took) = (naps(vault) - before, begun.elapsed());
        // A few for each second that it took, and the vault's own look at its clock.
        let allowed = 50 + 20 * took.as_secs();
        assert!(woken < allowed, "{path}: a thousand questions woke the vault {woken} times in {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_made_just_now_are_told_at_once() {
    let server = Server::new().await;
    let api = server.api();
    for count in 1..=3 {
        let told = api.get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(told["keys"].as_array().unwrap().len(), count, "{told}");
        api.post("/v1/keys/rotate", serde_json::json!({})).await.expect(200);
    }
}

/// T-33: however many streams an app opens and requests a page has waiting, a few of them are served: the newest.
#[tokio::test(flavor = "multi_thread")]
async fn t33_the_fourth_stream_of_an_app_ends_the_first() {
    let server = Server::new().await;
    let api = server.api();
    let (ana, bob) = (connect(&api, "ana").await, connect(&api, "bob").await);
    let other = bob.app.follows().await;
    let mut streams: Vec<Followed> = Vec::new();
    for _ in 0..40 {
        streams.push(ana.app.follows().await);
    }
    let last = streams.split_off(37);
    let begun = Instant::now();
    for ended in &mut streams {
        let ended = tokio::time::timeout(Duration::from_secs(10), ended.next()).await;
        assert_eq!(ended.expect("the first ones end"), None);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    for (session, streams) in [(&ana.session, last), (&bob.session, vec![other])] {
        push(&api, &api.challenge_in(session).await).await.expect(201);
        for mut stream in streams {
            let (event, _) = stream.next().await.expect("what waits");
            assert_eq!(event, "prompt");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_a_page_has_two_requests_that_wait() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    for name in ["nobody at all", "known"] {
        if name == "known" {
            api.user(name).await;
        }
        let mut page = shop.challenge_page(&shop.challenge_of(name).await).await;
        page.opens().await.expect(200);
        let begun = Instant::now();
        let answered = futures_util::stream::FuturesUnordered::new();
        for _ in 0..40 {
            let mut same = page.again();
            answered.push(async move { same.post("wait", serde_json::json!({})).await });
        }
        let first: Vec<_> = futures_util::StreamExt::collect(futures_util::StreamExt::take(answered, 38)).await;
        assert!(begun.elapsed() < Duration::from_secs(15), "{name}: {:?}", begun.elapsed());
        for answer in first {
            assert_eq!(answer.expect(200)["step"], "prove");
        }
    }
}

/// T-33: who has an old link gets the same answer as often as they ask, and the log has it once for each reason.
#[tokio::test(flavor = "multi_thread")]
async fn t33_an_old_link_is_told_of_once_on_sqlite() {
    an_old_link_is_told_of_once(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_an_old_link_is_told_of_once_on_postgresql() {
    an_old_link_is_told_of_once(Database::Postgres).await;
}

async fn an_old_link_is_told_of_once(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let told = async || {
        let events = api.all("/v1/events?kind=page.refused").await;
        let reasons = events.iter().map(|event| event["data"]["reason"].as_str().unwrap().to_owned());
        reasons.collect::<Vec<String>>()
    };
    let mut page = shop.challenge_page(&api.challenge_in(&ana.session_id).await).await;
    page.opens().await.expect(200);
    let code = ana.phone.code_at(api.now().await);
    let knock = async |page: &Browser, status: u16, slug: &str| {
        let mut another = page.another();
        for _ in 0..20 {
            another.opens().await.expect_problem(status, slug);
        }
    };
    knock(&page, 403, "page-opened-elsewhere").await;
    assert_eq!(told().await, ["opened_elsewhere"]);
    page.prove(&code).await.expect(200);
    knock(&page, 410, "page-over").await;
    assert_eq!(told().await, ["opened_elsewhere", "finished"]);
    // Another page is another one to tell of.
    let page = shop.challenge_page(&api.challenge_in(&ana.session_id).await).await;
    api.advance(301).await;
    knock(&page, 410, "page-over").await;
    assert_eq!(told().await, ["opened_elsewhere", "finished", "expired"]);
}
