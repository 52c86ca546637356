//! The client, against sockets that do not behave.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use vault_proto::frame::{Incoming, MAX_QUESTION, NO_ID, Question, write_answer};
use vault_proto::{Client, Error, Refusal, Reply, Verb};

const PATIENCE: Duration = Duration::from_secs(10);

/// Answers `count` questions in reverse order, all in one write.
fn answer_backwards(mut socket: UnixStream, count: usize) -> std::thread::JoinHandle<UnixStream> {
    std::thread::spawn(move || {
        let mut incoming = Incoming::new(MAX_QUESTION);
        let mut ids = Vec::new();
        while ids.len() < count {
            while let Some(body) = incoming.next_frame().unwrap() {
                ids.push(Question::read(body).unwrap().id);
            }
            if ids.len() < count {
                let read = socket.read(incoming.space()).unwrap();
                incoming.filled(read);
            }
        }
        let mut out = Vec::new();
        for id in ids.into_iter().rev() {
            write_answer(&mut out, id, &Ok(Reply::Signed(id.to_string()))).unwrap();
        }
        socket.write_all(&out).unwrap();
        socket
    })
}

#[tokio::test]
async fn answers_find_their_questions_in_any_order() {
    let (client, connector) = Client::new();
    assert_eq!(client.ask(Verb::Status, PATIENCE).await.unwrap_err(), Error::Down);
    let (ours, theirs) = UnixStream::pair().unwrap();
    connector.connect(ours).unwrap();
    let vault = answer_backwards(theirs, 100);
    let asks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.ask(Verb::Status, PATIENCE).await })
        })
        .collect();
    let mut seen = Vec::new();
    for ask in asks {
        let Reply::Signed(id) = ask.await.unwrap().unwrap() else { panic!() };
        seen.push(id.parse::<u64>().unwrap());
    }
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    vault.join().unwrap();
}

#[tokio::test]
async fn t14_what_is_in_flight_fails_when_the_connection_breaks_or_is_replaced() {
    let (client, connector) = Client::new();
    let asking = || {
        let client = client.clone();
        tokio::spawn(async move { client.ask(Verb::Status, PATIENCE).await })
    };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    connector.connect(ours).unwrap();
    assert!(client.is_connected());
    let ask = asking();
    let mut first = [0; 4];
    tokio::task::spawn_blocking(move || theirs.read_exact(&mut first).map(|()| drop(theirs))).await.unwrap().unwrap();
    assert_eq!(ask.await.unwrap().unwrap_err(), Error::Down);
    assert!(!client.is_connected());

    let (ours, _second) = UnixStream::pair().unwrap();
    connector.connect(ours).unwrap();
    let ask = asking();
    tokio::task::yield_now().await;
    let (ours, theirs) = UnixStream::pair().unwrap();
    connector.connect(ours).unwrap();
    assert_eq!(ask.await.unwrap().unwrap_err(), Error::Down);
    let vault = answer_backwards(theirs, 1);
    assert!(asking().await.unwrap().is_ok());
    vault.join().unwrap();
}

#[tokio::test]
async fn t14_a_vault_that_does_not_answer_is_not_waited_for() {
    let (client, connector) = Client::new();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    connector.connect(ours).unwrap();
    assert_eq!(client.ask(Verb::Status, Duration::from_millis(50)).await.unwrap_err(), Error::TimedOut);
    let asks: Vec<_> = (0..4096)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.ask(Verb::Status, Duration::from_secs(2)).await })
        })
        .collect();
    // On this runtime's one thread all of them have asked once it was their turn often enough.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.ask(Verb::Status, Duration::from_millis(1)).await.unwrap_err(), Error::Busy);
    for ask in asks {
        assert_eq!(ask.await.unwrap().unwrap_err(), Error::TimedOut);
    }
    // Their places are free again.
    assert_eq!(client.ask(Verb::Status, Duration::from_millis(10)).await.unwrap_err(), Error::TimedOut);
}

#[tokio::test]
async fn what_is_said_about_the_connection_reaches_everybody_and_garbage_ends_it() {
    for (garbage, wanted) in [(false, Error::Refused(Refusal::Version(9))), (true, Error::Down)] {
        let (client, connector) = Client::new();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        connector.connect(ours).unwrap();
        let ask = tokio::spawn({
            let client = client.clone();
            async move { client.ask(Verb::Status, PATIENCE).await }
        });
        tokio::task::yield_now().await;
        let mut out = vec![3, 0, 0, 0, 1, 0xff, 0xff];
        if !garbage {
            out.clear();
            write_answer(&mut out, NO_ID, &Err(Refusal::Version(9))).unwrap();
        }
        theirs.write_all(&out).unwrap();
        assert_eq!(ask.await.unwrap().unwrap_err(), wanted);
        assert!(!client.is_connected());
    }
}
