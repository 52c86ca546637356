//! The socket: connections in, requests to the router, and a stop that answers what is under way.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tower::Service;

use super::peer::Peer;
use super::tls::{self, Configurations};
use crate::app::App;
use crate::{StartError, Tls};

/// Connections at a time; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 20_000;
/// Connections that the kernel keeps waiting to be accepted.
const BACKLOG: u32 = 1024;
/// A client has this long to say what it wants, and to shake hands.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection on which nothing is asked for so long is closed, twice as long at most.
const QUIET: Duration = Duration::from_mins(1);
/// What is under way has this long to end when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// A server that listens.
pub(crate) struct Listening {
    accepting: JoinHandle<()>,
    measuring: JoinHandle<()>,
    stopping: watch::Sender<bool>,
    connections: Arc<Semaphore>,
}

impl Listening {
    /// Accepts nothing more, answers what is under way, a few seconds at most.
    pub(crate) async fn stop(self) {
        self.stopping.send_replace(true);
        self.accepting.abort();
        self.measuring.abort();
        let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
        if tokio::time::timeout(GRACE, self.connections.acquire_many(all)).await.is_err() {
            tracing::warn!("some connections were cut while they waited for an answer");
        }
    }
}

/// Takes the address.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    listener(address).map_err(|error| StartError::Listen {
        address,
        reason: match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "something else listens there already: stop it, or choose another with --listen".to_owned()
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a right that this user has not got: choose another with --listen".to_owned()
            }
            _ => error.to_string(),
        },
    })
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for connections of the server before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers requests on `listener` until it is stopped.
pub(crate) fn listen(app: Arc<App>, listener: TcpListener, tls: Option<&Tls>) -> Result<Listening, StartError> {
    super::health::recorder();
    let measuring = tokio::spawn(super::health::sum_up());
    let configurations = tls.map(tls::configurations).transpose()?;
    let (stopping, stopped) = watch::channel(false);
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let behind = (configurations.is_none() && !app.settings.loopback).then(|| app.settings.trusted_proxies.clone());
    let router = super::router(app);
    let accept = Accept { router, configurations, behind, stopped, connections: Arc::clone(&connections) };
    Ok(Listening { accepting: tokio::spawn(accept.forever(listener)), measuring, stopping, connections })
}

#[derive(Clone)]
struct Accept {
    router: Router,
    configurations: Option<Configurations>,
    /// Where plain HTTP is spoken beyond this machine: the proxies that speak it. Nobody else is answered (P-07).
    behind: Option<Vec<IpAddr>>,
    stopped: watch::Receiver<bool>,
    connections: Arc<Semaphore>,
}

impl Accept {
    async fn forever(self, listener: TcpListener) {
        loop {
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, address)) => {
                    let accept = self.clone();
                    tokio::spawn(async move {
                        accept.connection(stream, address).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: let some connections end first.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, address: SocketAddr) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let Some(configurations) = &self.configurations else {
            if !self.speaks_plainly_to(address.ip()) {
                tracing::warn!(%address, "plain HTTP from elsewhere than a trusted proxy was not answered");
                return;
            }
            return self.serve(stream, Peer { address, certificate: None }).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&configurations.borrow()));
        // A handshake that fails or takes too long is the client's affair.
        if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
            let certificates = stream.get_ref().1.peer_certificates();
            let certificate = certificates.and_then(<[_]>::first).map(tls::fingerprint);
            self.serve(stream, Peer { address, certificate }).await;
        }
    }

    fn speaks_plainly_to(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.behind.as_ref().is_none_or(|proxies| address.is_loopback() || proxies.contains(&address))
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let Self { router, mut stopped, .. } = self;
        let activity = Arc::new(Activity::default());
        let asked = Arc::clone(&activity);
        let service = service_fn(move |request| answer(router.clone(), peer, UnderWay::begin(&asked), request));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(64).max_buf_size(64 * 1024);
        builder.http2().timer(TokioTimer::new()).max_header_list_size(16 * 1024).max_concurrent_streams(256);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            // How a connection ends is the client's affair.
            _ = connection.as_mut() => return,
            // The timers of HTTP/1 begin with its first byte, and HTTP/2 has none: silence would hold a place for ever.
            () = activity.quiet(PATIENCE, QUIET) => return,
            _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
        }
        let _ = tokio::time::timeout(GRACE, connection).await;
    }
}

async fn answer(
    mut router: Router,
    peer: Peer,
    under_way: UnderWay,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let response = router.call(request).await?;
    Ok(response.map(|body| Body::new(Watched { body, _under_way: under_way })))
}

/// What is asked on a connection.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    under_way: AtomicU64,
}

impl Activity {
    /// Waits until nothing was asked for so long, `at_first` or later, and nothing is under way.
    async fn quiet(&self, at_first: Duration, later: Duration) {
        let mut patience = at_first;
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            tokio::time::sleep(patience).await;
            if self.under_way.load(Ordering::Relaxed) == 0 && self.begun.load(Ordering::Relaxed) == before {
                return;
            }
            patience = later;
        }
    }
}

/// A request, until the last of its answer was taken.
struct UnderWay(Arc<Activity>);

impl UnderWay {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, as it is.
struct Watched {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Watched {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, DuplexStream};

    use super::*;

    fn accept(behind: Option<Vec<IpAddr>>) -> (Accept, watch::Sender<bool>) {
        let (stopping, stopped) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(1));
        (Accept { router: Router::new(), configurations: None, behind, stopped, connections }, stopping)
    }

    fn serve() -> (DuplexStream, JoinHandle<()>, watch::Sender<bool>) {
        let (client, server) = tokio::io::duplex(4096);
        let (accept, stopping) = accept(None);
        let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 1)), certificate: None };
        (client, tokio::spawn(accept.serve(server, peer)), stopping)
    }

    #[tokio::test]
    async fn t33_who_says_nothing_holds_no_place() {
        let served = ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].map(|said| async move {
            let (mut client, serving, _stopping) = serve();
            client.write_all(said.as_bytes()).await.unwrap();
            tokio::time::timeout(PATIENCE * 2, serving).await.expect(said).unwrap();
        });
        futures_util::future::join_all(served).await;
    }

    #[tokio::test]
    async fn what_is_under_way_is_not_quiet() {
        let (short, activity) = (Duration::from_millis(20), Arc::new(Activity::default()));
        let under_way = UnderWay::begin(&activity);
        assert!(tokio::time::timeout(short * 10, activity.quiet(short, short)).await.is_err());
        // It goes on for as long as its answer does.
        let answer = Watched { body: Body::empty(), _under_way: under_way };
        assert!(tokio::time::timeout(short * 10, activity.quiet(short, short)).await.is_err());
        drop(answer);
        activity.quiet(short, short).await;
    }

    #[test]
    fn p07_plain_http_is_spoken_to_trusted_proxies_only() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (behind, _stopping) = accept(Some(vec![address("192.0.2.1")]));
        assert!(
            behind.speaks_plainly_to(address("::ffff:192.0.2.1")) && behind.speaks_plainly_to(address("127.0.0.1"))
        );
        assert!(!behind.speaks_plainly_to(address("198.51.100.7")));
        let (loopback, _stopping) = accept(None);
        assert!(loopback.speaks_plainly_to(address("127.0.0.1")));
    }
}
