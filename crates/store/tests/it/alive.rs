//! Servers that share PostgreSQL see which of them are gone, and let go of what these had claimed (W-04).

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::*;
use store::*;
use throwaway_postgres::Cluster;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep};

use crate::home::*;
use crate::runs::{over, started, write};

/// Claims one run as a server does.
async fn claim_one(store: &Store, now: u64) -> Option<ClaimedRun> {
    let mut random = [0; 16];
    Counter.fill(&mut random);
    let claim = store.claim_id(random);
    commit(store, Change::ClaimRuns { claim, now: after(now), until: after(now + 15), at_most: 1 }).await;
    store.claimed_runs(claim).await.unwrap().pop()
}

/// A run that a store has claimed.
async fn claimed(store: &Store) -> ClaimedRun {
    started(store, None, None, Meeting::Queue).await;
    claim_one(store, 1).await.unwrap()
}

async fn gone(store: &Store) -> Vec<Claimant> {
    store.gone_claimants().await.unwrap()
}

/// Waits for who is gone.
async fn soon_gone(store: &Store) -> Vec<Claimant> {
    let limit = Instant::now() + Duration::from_secs(5);
    loop {
        let gone = gone(store).await;
        if !gone.is_empty() {
            return gone;
        }
        assert!(Instant::now() < limit, "nobody is gone");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn let_go(store: &Store, of: Vec<Claimant>) -> Effect {
    commit(store, Change::LetGoOfRuns { of, now: after(2) }).await
}

/// The sessions of PostgreSQL by which it shows that servers are there: `clai`, and a number.
const SHOWING: &str = "pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
    WHERE l.locktype = 'advisory' AND l.classid = 1668047209";

/// Ends the connection that shows that the one server which is there is.
fn end_its_connection(home: &Home) {
    run_sql(home, &format!("SELECT 1 / count(pg_terminate_backend(l.pid)) FROM {SHOWING}"));
}

fn home_on(url: String) -> Home {
    Home { options: Options { location: Location::Postgres(url), ..Home::sqlite().options }, ..Home::sqlite() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w04_what_a_server_had_claimed_that_is_gone_is_let_go_of() {
    let home = Home::postgres();
    let (killed, other, third) = (home.open().await, home.open().await, home.open().await);
    let lost = claimed(&killed).await;
    let kept = claimed(&third).await;
    assert_eq!(gone(&other).await, [], "all are there");
    // Its connections end, and nothing is tidied up.
    drop(killed);
    let of = soon_gone(&other).await;
    assert_eq!(of.len(), 1);
    assert_eq!(claim_one(&other, 2).await, None, "nobody has let go of it yet");
    assert_eq!(let_go(&other, of.clone()).await, Effect::Applied);
    assert_eq!(let_go(&third, of).await, Effect::Refused, "others see the same, and find nothing more");
    let taken = claim_one(&other, 2).await.unwrap();
    assert_eq!((taken.run.id, taken.fence), (lost.run.id, lost.fence + 1));
    assert_eq!(gone(&other).await, []);
    assert_eq!(write(&other, over(&lost)).await, Effect::Refused, "as if it had been paused, and not killed");
    assert_eq!(write(&third, over(&kept)).await, Effect::Applied, "another one's claims are as they were");
    assert_eq!(write(&other, over(&taken)).await, Effect::Applied);
}

/// A connection that is lost and made again costs a server nothing; and the condition is in the write, so who is there by then keeps what it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w04_a_server_that_lost_its_connection_alone_keeps_what_it_had_claimed() {
    let home = Home::postgres();
    let unlucky = home.open().await;
    let held = claimed(&unlucky).await;
    for _ in 0..3 {
        let other = {
            end_its_connection(&home);
            home.open().await
        };
        let of = soon_gone(&other).await;
        let limit = Instant::now() + Duration::from_millis(1500);
        while !gone(&other).await.is_empty() {
            assert!(Instant::now() < limit, "it is too late for what is done about those who are gone");
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(let_go(&other, of).await, Effect::Refused);
        other.close().await;
    }
    assert_eq!(gone(&unlucky).await, [], "it just lost its own, and says of nobody that they are gone");
    started(&unlucky, None, None, Meeting::Queue).await;
    let next = claim_one(&unlucky, 1).await.unwrap();
    for held in [held, next] {
        assert_eq!(write(&unlucky, over(&held)).await, Effect::Applied);
    }
}

/// Where all lost their connections, nobody is thought to be gone who takes longer to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w04_nobody_is_gone_because_the_database_was_away() {
    let cluster = Cluster::start().unwrap();
    let home = home_on(cluster.database().unwrap());
    let one = home.open().await;
    // So they do not come back at once.
    sleep(Duration::from_millis(250)).await;
    let other = home.open().await;
    let (held, _others) = (claimed(&one).await, claimed(&other).await);
    cluster.stop().unwrap();
    cluster.start_again().unwrap();
    let limit = Instant::now() + Duration::from_secs(3);
    while Instant::now() < limit {
        for store in [&one, &other] {
            if let Ok(gone) = store.gone_claimants().await {
                assert_eq!(gone, []);
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
    // Later it is seen again who is.
    assert_eq!(write(&one, over(&held)).await, Effect::Applied);
    let lost = claimed(&one).await;
    drop(one);
    let limit = Instant::now() + Duration::from_secs(10);
    let of = loop {
        let gone = gone(&other).await;
        if !gone.is_empty() {
            break gone;
        }
        assert!(Instant::now() < limit, "nobody is gone");
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(let_go(&other, of).await, Effect::Applied);
    assert_eq!(write(&other, over(&lost)).await, Effect::Refused);
}

/// Behind a pooler, whose connections outlive servers and end before them, it is as it was: what is claimed is over with its time, and not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w04_behind_a_pooler_claims_end_with_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::postgres();
    let Location::Postgres(url) = &home.options.location else { panic!("not PostgreSQL") };
    let (start, real) = url.split_once("?host=").unwrap();
    pool(folder.path(), Path::new(real));
    let pooled = home_on(format!("{start}?host={}", folder.path().display()));
    let (killed, behind) = (pooled.open().await, pooled.open().await);
    let direct = home.open().await;
    let lost = claimed(&killed).await;
    let shown = claimed(&direct).await;
    assert_eq!(gone(&direct).await, [], "whoever cannot show it is not gone");
    drop(killed);
    drop(direct);
    let direct = home.open().await;
    assert_eq!(soon_gone(&direct).await.len(), 1, "whoever could is");
    assert_eq!(gone(&behind).await, [], "who is not seen by others says nothing of them");
    assert_eq!(claim_one(&direct, 15).await, None);
    let taken = [claim_one(&direct, 16).await.unwrap(), claim_one(&behind, 16).await.unwrap()];
    assert!([lost, shown].iter().all(|before| taken.iter().any(|now| now.run.id == before.run.id)));
}

/// Hands connections on as poolers do: PostgreSQL is told nothing of what a client has of its own.
fn pool(at: &Path, to: &Path) {
    const SOCKET: &str = ".s.PGSQL.5432";
    let listener = UnixListener::bind(at.join(SOCKET)).unwrap();
    let to = to.join(SOCKET);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(hand_on(client, to.clone()));
        }
    });
}

async fn hand_on(mut client: UnixStream, to: PathBuf) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    let mut start = vec![0; usize::try_from(length).unwrap() - 4];
    client.read_exact(&mut start).await?;
    // The version, then names and values, each with its end.
    let (version, words) = start.split_at(4);
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    let mut kept = version.to_vec();
    for pair in words.chunks_exact(2).filter(|pair| !pair[0].is_empty() && pair[0] != b"options") {
        kept.extend([pair[0], b"\0", pair[1], b"\0"].concat());
    }
    kept.push(0);
    let mut server = UnixStream::connect(to).await?;
    server.write_u32(u32::try_from(kept.len()).unwrap() + 4).await?;
    server.write_all(&kept).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[tokio::test]
async fn w04_on_sqlite_there_is_nobody_else() {
    let home = Home::sqlite();
    let store = home.open().await;
    let held = claimed(&store).await;
    assert_eq!(gone(&store).await, []);
    assert_eq!(let_go(&store, Vec::new()).await, Effect::Refused);
    assert_eq!(write(&store, over(&held)).await, Effect::Applied);
}
