//! Events that are not kept any more (W-12).

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::harness::{Server, Setup};

const DAY: i64 = 86_400;

/// The server looks after its events twice a minute.
const PATIENCE: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn w12_old_events_go_and_who_missed_them_is_told() {
    let arguments = vec!["--events-retention=2d".to_owned()];
    let server = Server::start(Setup { arguments, ..Setup::default() }).await;
    let api = server.api();
    api.user("ana").await;
    api.user("ben").await;
    let cursor = api.get("/v1/events?limit=1").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    let last = api.get("/v1/events?order=desc&limit=1").await.expect(200)["items"][0]["position"].as_i64().unwrap();
    api.advance(4 * DAY).await;
    api.user("eve").await;

    let begun = Instant::now();
    let gone = loop {
        let found = api.get("/v1/events?kind=events.expired").await.expect(200);
        if let Some(gone) = found["items"].get(0) {
            break gone.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "nothing was removed");
        sleep(Duration::from_millis(500)).await;
    };
    assert_eq!((&gone["data"]["first"], &gone["data"]["last"]), (&json!(1), &json!(last)));
    let oldest = &api.get("/v1/events").await.expect(200)["items"][0];
    assert_eq!((&oldest["position"], &oldest["kind"]), (&json!(last + 1), &json!("user.created")));
    for path in [
        format!("/v1/events?cursor={cursor}"),
        format!("/v1/events?cursor={cursor}&kind=user.created"),
        "/v1/events/stream?after=1".to_owned(),
    ] {
        let answer = api.get(&path).await;
        answer.expect_problem(410, "events-expired");
        assert_eq!(answer.json()["oldest"], last + 1, "{path}");
    }
}
