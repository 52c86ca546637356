//! Who carries the messages of the load test: an API for text messages and a mail relay on loopback, which take everything
//! and keep the last code of each address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::failure::{Failure, describe};

/// The most bytes of one message.
const LONGEST: usize = 64 << 10;

/// The codes that came last.
#[derive(Debug, Default)]
pub(crate) struct Carrier {
    /// Where text messages are taken.
    pub(crate) sms: u16,
    /// Where mail is taken.
    pub(crate) mail: u16,
    codes: Arc<Codes>,
}

#[derive(Debug, Default)]
struct Codes(Mutex<HashMap<String, String>>);

#[derive(serde::Deserialize)]
struct Message {
    to: String,
    text: String,
}

impl Carrier {
    /// Takes messages from here on.
    pub(crate) async fn start() -> Result<Arc<Self>, Failure> {
        let codes = Arc::new(Codes::default());
        let listen = || async {
            let failed = |error: std::io::Error| {
                Failure::unavailable(format!("messages cannot be taken on loopback ({})", describe(&error)))
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
            let port = listener.local_addr().map_err(failed)?.port();
            Ok::<_, Failure>((listener, port))
        };
        let ((sms_listener, sms), (mail_listener, mail)) = (listen().await?, listen().await?);
        let taken = Arc::clone(&codes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = sms_listener.accept().await {
                tokio::spawn(text_messages(stream, Arc::clone(&taken)));
            }
        });
        let taken = Arc::clone(&codes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = mail_listener.accept().await {
                tokio::spawn(mails(stream, Arc::clone(&taken)));
            }
        });
        Ok(Arc::new(Self { sms, mail, codes }))
    }

    /// The code that was sent to this address last.
    pub(crate) fn take(&self, address: &str) -> Option<String> {
        self.codes.0.lock().unwrap_or_else(PoisonError::into_inner).remove(address)
    }
}

impl Codes {
    /// Keeps the code of a message: its first six digits in a row.
    fn keep(&self, address: &str, text: &str) {
        let code = text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 6);
        if let Some(code) = code {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned(), code.to_owned());
        }
    }
}

/// Answers requests on one connection, as much of HTTP/1.1 as our own client speaks.
async fn text_messages(stream: TcpStream, codes: Arc<Codes>) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let field = line.trim_end().to_ascii_lowercase();
        if let Some(given) = field.strip_prefix("content-length:") {
            length = given.trim().parse().unwrap_or(0);
        }
        if field.is_empty() {
            let mut body = vec![0; length.min(LONGEST)];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            if let Ok(message) = serde_json::from_slice::<Message>(&body) {
                codes.keep(&message.to, &message.text);
            }
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
            length = 0;
        }
        line.clear();
    }
}

/// Takes mail on one connection (RFC 5321).
async fn mails(stream: TcpStream, codes: Arc<Codes>) {
    let mut stream = BufReader::new(stream);
    let (mut to, mut content, mut is_content) = (String::new(), String::new(), false);
    let mut line = String::new();
    if stream.write_all(b"220 bench\r\n").await.is_err() {
        return;
    }
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let said = line.trim_end();
        let mut answer: &[u8] = b"250 OK\r\n";
        if is_content {
            if said == "." {
                // What stands in the header holds no code, but digits.
                codes.keep(&to, content.split_once("\r\n\r\n").map_or("", |(_, body)| body));
                (content, is_content) = (String::new(), false);
            } else {
                if content.len() < LONGEST {
                    content.push_str(&line);
                }
                answer = b"";
            }
        } else if let Some(address) = said.strip_prefix("RCPT TO:<") {
            to = address.split('>').next().unwrap_or_default().to_owned();
        } else if said == "DATA" {
            (answer, is_content) = (b"354 go on\r\n", true);
        } else if said == "QUIT" {
            answer = b"221 bye\r\n";
        }
        if stream.write_all(answer).await.is_err() || said == "QUIT" {
            return;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_message_is_its_six_digits() {
        let codes = Codes::default();
        codes.keep("a", "Your code, good for 5 minutes:\r\n\r\n    012345\r\n\r\n@host #012345");
        assert_eq!(codes.0.lock().unwrap().get("a").map(String::as_str), Some("012345"));
    }
}
