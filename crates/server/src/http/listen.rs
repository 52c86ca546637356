//! The socket: connections in, requests to the router, and a stop that answers what is under way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
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
/// What is under way has this long to end when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// A server that listens.
pub(crate) struct Listening {
    accepting: JoinHandle<()>,
    stopping: watch::Sender<bool>,
    connections: Arc<Semaphore>,
}

impl Listening {
    /// Accepts nothing more, answers what is under way, a few seconds at most.
    pub(crate) async fn stop(self) {
        self.stopping.send_replace(true);
        self.accepting.abort();
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
    let configurations = tls.map(tls::configurations).transpose()?;
    let (stopping, stopped) = watch::channel(false);
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let accept = Accept { router: super::router(app), configurations, stopped, connections: Arc::clone(&connections) };
    Ok(Listening { accepting: tokio::spawn(accept.forever(listener)), stopping, connections })
}

#[derive(Clone)]
struct Accept {
    router: Router,
    configurations: Option<Configurations>,
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

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let Self { router, mut stopped, .. } = self;
        let service = service_fn(move |request| answer(router.clone(), peer, request));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(64).max_buf_size(64 * 1024);
        builder.http2().timer(TokioTimer::new()).max_header_list_size(16 * 1024).max_concurrent_streams(256);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            // How a connection ends is the client's affair.
            _ = connection.as_mut() => return,
            _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
        }
        let _ = tokio::time::timeout(GRACE, connection).await;
    }
}

async fn answer(mut router: Router, peer: Peer, request: hyper::Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    router.call(request).await
}
