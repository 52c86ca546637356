//! How names become addresses: each answer is looked at before anything connects to it, and what connects takes the
//! addresses that were looked at (T-23).

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolving};

use super::address::Allowed;

/// Where a name's addresses come from.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// A host that leads to where it may not.
#[derive(Debug, thiserror::Error)]
#[error("{host} leads to {address}, which is not out on the internet and not among what is allowed")]
pub(super) struct Inside {
    pub(super) host: String,
    pub(super) address: IpAddr,
}

/// The resolver that the HTTP client asks, once for each connection.
///
/// The client connects to what this answers and resolves nothing itself, so that there is no second answer between
/// looking and connecting.
pub(super) struct Guarded {
    pub(super) names: Arc<dyn Resolve>,
    pub(super) allowed: Arc<Allowed>,
}

impl reqwest::dns::Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, allowed) = (Arc::clone(&self.names), Arc::clone(&self.allowed));
        Box::pin(async move {
            let host = name.as_str();
            let addresses = names.resolve(host).await?;
            // One address inside among others outside is how a name is turned against us: then none is taken.
            if let Some(&address) = addresses.iter().find(|address| !allowed.permits(host, **address)) {
                return Err(Box::new(Inside { host: host.to_owned(), address }) as Box<dyn Error + Send + Sync>);
            }
            // The client puts the port of the URL in the place of this 0.
            let addresses: Vec<SocketAddr> = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
