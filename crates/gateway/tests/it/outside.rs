//! T-23: the client reaches nothing inside that was not allowed, whatever names, redirects and answers do.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use gateway::outside::{Allowed, Limits, Outside, OutsideError, Request, Resolve, Setup};

use crate::stand_in::{Says, StandIn};

/// A resolver that answers from a list, one after the other, and the last one from then on.
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Box::pin(async move { Ok(self.answers[turn].clone()) })
    }
}

fn client(allowed: &[&str], answers: &[&[&str]]) -> (Outside, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
    let setup = Setup {
        allowed: Allowed::parse(allowed.iter().copied()).unwrap(),
        names: Arc::new(Names { answers, asked: Arc::clone(&asked) }),
        limits: Limits { connect: Duration::from_secs(1), total: Duration::from_secs(1), body: 1000 },
        authorities: Vec::new(),
    };
    (Outside::new(setup).unwrap(), asked)
}

async fn call(client: &Outside, url: &str) -> Result<u16, OutsideError> {
    client.send(Request::post(url).unwrap()).await.map(|answer| answer.status)
}

#[tokio::test]
async fn t23_a_name_that_leads_inside_is_not_called() {
    let server = StandIn::start(|_| Says::new(200, "")).await;
    let url = format!("https://rebinding.example:{}/", server.address.port());
    for inside in ["127.0.0.1", "::ffff:127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "64:ff9b::7f00:1", "fe80::1"] {
        let (client, _) = client(&[], &[&[inside]]);
        let refused = call(&client, &url).await;
        assert!(matches!(refused, Err(OutsideError::Inside { .. })), "{inside}: {refused:?}");
    }
    // One address inside is enough, wherever it stands in the answer.
    let (client, _) = client(&[], &[&["8.8.8.8", "127.0.0.1"]]);
    assert!(matches!(call(&client, &url).await, Err(OutsideError::Inside { .. })));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn t23_a_name_that_changes_its_mind_is_asked_once_for_a_connection() {
    let server = StandIn::start(|_| Says::new(200, "").with("connection", "close")).await;
    let url = format!("http://rebinding.example:{}/", server.address.port());
    // Allowed by name, so that plain HTTP goes there; a cloud's keys are not among what a name opens.
    let (client, asked) = client(&["rebinding.example"], &[&["127.0.0.1"], &["169.254.169.254"]]);
    assert_eq!(call(&client, &url).await, Ok(200));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "between looking and connecting nobody is asked again");
    // The next connection is looked at anew.
    let refused = call(&client, &url).await;
    assert!(
        matches!(&refused, Err(OutsideError::Inside { address, .. }) if address.to_string() == "169.254.169.254"),
        "{refused:?}"
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn t23_a_redirect_is_not_followed() {
    let secret = StandIn::start(|_| Says::new(200, "keys")).await;
    let elsewhere = secret.url("/latest/meta-data/");
    let server = StandIn::start(move |_| Says::new(307, "").with("location", elsewhere.clone())).await;
    let (client, _) = client(&["127.0.0.1"], &[&[]]);
    assert_eq!(call(&client, &server.url("/")).await, Err(OutsideError::Redirected(307)));
    assert!(secret.asked().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn who_does_not_answer_is_waited_for_so_long() {
    let server = StandIn::start(|_| Says::new(200, "").after(Duration::from_mins(1))).await;
    let (client, _) = client(&["127.0.0.1"], &[&[]]);
    let begun = Instant::now();
    let late = call(&client, &server.url("/")).await;
    assert_eq!(late, Err(OutsideError::TimedOut { host: "127.0.0.1".to_owned() }));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_endless_answer_is_read_so_far() {
    let server = StandIn::start(|_| Says::new(200, vec![b'x'; 1001])).await;
    let (client, _) = client(&["127.0.0.1"], &[&[]]);
    let large = call(&client, &server.url("/")).await;
    assert_eq!(large, Err(OutsideError::TooLarge { host: "127.0.0.1".to_owned(), limit: 1000 }));
    server.now(|_| Says::new(200, vec![b'x'; 1000]));
    assert_eq!(call(&client, &server.url("/")).await, Ok(200));
}

#[tokio::test]
async fn nobody_there_is_said_without_what_was_sent() {
    let (client, _) = client(&["127.0.0.1"], &[&[]]);
    let refused = call(&client, "http://127.0.0.1:1/path-with-a-token").await.unwrap_err();
    assert!(matches!(refused, OutsideError::Unreachable { .. }), "{refused:?}");
    assert!(!refused.to_string().contains("token"), "{refused}");
}
