//! Mail: handed to a relay by SMTP (RFC 5321). Signing it (DKIM) is the relay's.

mod address;
mod answer;

use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use domain::{Entropy, Timestamp};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

pub use address::{InvalidAddress, MailAddress};

use crate::messages::MailText;
use crate::{Failure, FailureKind, Secret};

/// How long one mail may take from the connection on.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the way to the relay is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte on: port 465 (RFC 8314).
    Tls,
    /// After `STARTTLS`, without which nothing is sent: port 587 (RFC 3207).
    StartTls,
    /// Not at all: only to a relay on this machine.
    None,
}

/// What a relay is made of.
#[derive(Debug)]
pub struct RelaySetup {
    /// Its host.
    pub host: String,
    /// Its port; `None` for the usual one: 465, 587 or 25.
    pub port: Option<u16>,
    /// How the way there is encrypted.
    pub encryption: Encryption,
    /// Name and password.
    pub login: Option<(String, Secret)>,
    /// Who the mail is from: an address, or `Example <no-reply@example.org>`.
    pub from: String,
    /// Certificates (PEM) of authorities that are trusted besides the system's.
    pub authorities: Vec<Vec<u8>>,
}

/// A relay.
pub struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Relay {
    /// A relay. Connects to nobody yet.
    ///
    /// # Errors
    ///
    /// In words, if what it is made of does not fit.
    pub fn new(setup: RelaySetup) -> Result<Self, String> {
        let from: Mailbox = setup
            .from
            .parse()
            .map_err(|_| format!("`{}` is no address of mail: Example <no-reply@example.org>", setup.from))?;
        let is_local = setup.host == "localhost"
            || setup.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        let tls = match setup.encryption {
            Encryption::None if !is_local => {
                return Err("mail goes unencrypted only to a relay on this machine: choose starttls or tls".to_owned());
            }
            Encryption::None => Tls::None,
            Encryption::Tls => Tls::Wrapper(tls(&setup)?),
            Encryption::StartTls => Tls::Required(tls(&setup)?),
        };
        let usual = match setup.encryption {
            Encryption::Tls => 465,
            Encryption::StartTls => 587,
            Encryption::None => 25,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(setup.host)
            .port(setup.port.unwrap_or(usual))
            .tls(tls)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(PATIENCE));
        if let Some((name, password)) = setup.login {
            builder = builder.credentials(Credentials::new(name, password.expose().to_owned()));
        }
        Ok(Self { transport: builder.build(), from })
    }

    /// Hands over one mail. Answers its message id.
    pub(crate) async fn send(
        &self,
        to: &MailAddress,
        mail: &MailText,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Option<String>, Failure> {
        let id = self.message_id(entropy);
        let message = self.message(to, mail, now, &id).map_err(|error| {
            // Only what an address cannot be: the parts hold nothing that could fail.
            Failure::new(FailureKind::Refused, format!("the mail cannot be written: {error}"))
        })?;
        let sent = tokio::time::timeout(PATIENCE, self.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(Some(id)),
            Ok(Err(error)) => Err(answer::failure(&error)),
            Err(_) => Err(Failure::new(FailureKind::TimedOut, "the relay did not answer in time")),
        }
    }

    fn message(
        &self,
        to: &MailAddress,
        mail: &MailText,
        now: Timestamp,
        id: &str,
    ) -> Result<Message, lettre::error::Error> {
        let since = Duration::from_millis(u64::try_from(now.unix_millis()).unwrap_or(0));
        let parts = MultiPart::alternative()
            .singlepart(SinglePart::plain(mail.text.expose().to_owned()))
            .singlepart(SinglePart::html(mail.html.expose().to_owned()));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.address().clone()))
            .subject(&mail.subject)
            .date(SystemTime::UNIX_EPOCH + since)
            .message_id(Some(id.to_owned()))
            // No vacation notice answers this (RFC 3834 §5).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("Content-Language", mail.language.name()))
            .multipart(parts)
    }

    fn message_id(&self, entropy: &dyn Entropy) -> String {
        let mut random = [0; 16];
        entropy.fill(&mut random);
        format!("<{}@{}>", HEXLOWER.encode(&random), self.from.email.domain())
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn tls(setup: &RelaySetup) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(setup.host.clone());
    for pem in &setup.authorities {
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(|error| error.to_string())?);
    }
    builder.build().map_err(|error| format!("TLS to the mail relay cannot be set up: {error}"))
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("from", &self.from.email.domain()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(host: &str, encryption: Encryption) -> RelaySetup {
        RelaySetup {
            host: host.to_owned(),
            port: None,
            encryption,
            login: None,
            from: "Example <no-reply@example.org>".to_owned(),
            authorities: Vec::new(),
        }
    }

    #[test]
    fn mail_goes_unencrypted_only_to_this_machine() {
        assert!(Relay::new(setup("mail.example.org", Encryption::None)).is_err());
        assert!(Relay::new(setup("10.0.0.1", Encryption::None)).is_err());
        assert!(Relay::new(setup("localhost", Encryption::None)).is_ok());
        assert!(Relay::new(setup("127.0.0.1", Encryption::None)).is_ok());
        assert!(Relay::new(setup("mail.example.org", Encryption::StartTls)).is_ok());
    }

    #[test]
    fn a_sender_that_is_no_address_is_refused() {
        let wrong = RelaySetup { from: "Example".to_owned(), ..setup("localhost", Encryption::None) };
        assert!(Relay::new(wrong).unwrap_err().contains("Example"));
    }
}
