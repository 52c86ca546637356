//! TLS 1.3 (P-07), with client certificates where an authority for them is named, read again when the files change.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use domain::CertificateFingerprint;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

use crate::{StartError, Tls};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// What to greet clients with: the present configuration, as it changes.
pub(super) type Configurations = watch::Receiver<Arc<ServerConfig>>;

/// Reads the files, and goes on reading them.
pub(super) fn configurations(tls: &Tls) -> Result<Configurations, StartError> {
    let files = read(tls).map_err(StartError::Tls)?;
    let (sender, receiver) = watch::channel(Arc::new(configure(&files).map_err(StartError::Tls)?));
    tokio::spawn(follow(tls.clone(), files, sender));
    Ok(receiver)
}

/// The fingerprint of the client's certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> CertificateFingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
    CertificateFingerprint(bytes)
}

/// The fingerprint of the first certificate in a file, PEM or DER; `None` where there is none.
pub(crate) fn fingerprint_of_file(file: &[u8]) -> Option<CertificateFingerprint> {
    if let Ok(certificate) = CertificateDer::from_pem_slice(file) {
        return Some(fingerprint(&certificate));
    }
    // webpki takes nothing for a certificate that is none.
    let der = CertificateDer::from(file);
    rustls::server::ParsedCertificate::try_from(&der).is_ok().then(|| fingerprint(&der))
}

#[derive(PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

fn read(tls: &Tls) -> Result<Files, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
    Ok(Files {
        certificate: read(&tls.certificate)?,
        key: read(&tls.key)?.into(),
        client_ca: tls.client_ca.as_deref().map(read).transpose()?,
    })
}

fn configure(files: &Files) -> Result<ServerConfig, String> {
    let provider = Arc::new(default_provider());
    let chain = certificates(&files.certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|error| format!("the key is no PEM key: {error}"))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(authorities, "client_ca")? {
                roots.add(authority).map_err(|error| format!("client_ca: {error}"))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| format!("client_ca: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| format!("certificate and key do not go together: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(format!("{name} holds no PEM certificate")),
        Err(error) => Err(format!("{name} is no PEM file: {error}")),
    }
}

/// Reads the files again when they change. What cannot be used is told of and not used: the old ones go on.
async fn follow(tls: Tls, mut present: Files, sender: watch::Sender<Arc<ServerConfig>>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    while !sender.is_closed() {
        ticks.tick().await;
        let wanted = tls.clone();
        let Ok(Ok(files)) = tokio::task::spawn_blocking(move || read(&wanted)).await else { continue };
        if files == present {
            continue;
        }
        match configure(&files) {
            Ok(config) => {
                sender.send_replace(Arc::new(config));
                tracing::info!("read the changed certificate");
            }
            Err(error) => tracing::error!(error, "the changed certificate cannot be used; the old one goes on"),
        }
        present = files;
    }
}
