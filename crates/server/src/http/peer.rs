//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};

use domain::CertificateFingerprint;
use http::HeaderMap;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// The client certificate that it proved to have, if TLS asked for one.
    pub(crate) certificate: Option<CertificateFingerprint>,
}

impl Peer {
    /// Where the request came from: the peer, or what trusted proxies say of it. Of `X-Forwarded-For` the rightmost
    /// address counts that is no trusted proxy's: those to the left of it anybody can write.
    pub(crate) fn origin(&self, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
        let peer = canonical(self.address.ip());
        if !trusted.contains(&peer) {
            return peer;
        }
        let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.iter().rev() {
            match hop.parse().map(canonical) {
                Ok(address) if trusted.contains(&address) => {}
                Ok(address) => return address,
                Err(_) => break,
            }
        }
        peer
    }
}

/// `::ffff:192.0.2.1` is `192.0.2.1`.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(value));
        }
        let trusted: Vec<IpAddr> = trusted.iter().map(|address| address.parse().unwrap()).collect();
        let peer = Peer { address: SocketAddr::new(peer.parse().unwrap(), 1), certificate: None };
        peer.origin(&headers, &trusted).to_string()
    }

    #[test]
    fn t20_only_a_trusted_proxy_is_believed() {
        assert_eq!(origin("198.51.100.7", &["203.0.113.9"], &["192.0.2.1"]), "198.51.100.7");
        assert_eq!(origin("192.0.2.1", &["203.0.113.9"], &["192.0.2.1"]), "203.0.113.9");
    }

    #[test]
    fn t20_what_the_client_wrote_itself_does_not_count() {
        assert_eq!(
            origin("192.0.2.1", &["10.0.0.1, 203.0.113.9, 192.0.2.2"], &["192.0.2.1", "192.0.2.2"]),
            "203.0.113.9"
        );
        assert_eq!(origin("192.0.2.1", &["10.0.0.1", "203.0.113.9"], &["192.0.2.1"]), "203.0.113.9");
        assert_eq!(origin("192.0.2.1", &["203.0.113.9, rubbish"], &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(origin("::ffff:192.0.2.1", &["203.0.113.9"], &["192.0.2.1"]), "203.0.113.9");
    }
}
