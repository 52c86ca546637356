//! An authenticator app, written from docs/push-protocol.md alone.

use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api};

/// An app with one account.
pub(crate) struct Approver {
    pub(crate) api: Api,
    /// Whose clock can be looked at: phones and servers agree on the time.
    pub(crate) clock: Api,
    pub(crate) key: Arc<EcdsaKeyPair>,
    /// What comes before `/authenticator` in the link.
    pub(crate) server: String,
    /// Its authenticator's id, once it is connected.
    pub(crate) id: String,
    /// What its browser subscribes to, where the server says so.
    pub(crate) vapid: Option<String>,
}

/// What an app is asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) text: String,
    pub(crate) said: Value,
}

impl Asked {
    pub(crate) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), said: serde_json::from_str(text).unwrap() }
    }

    pub(crate) fn id(&self) -> &str {
        self.said["id"].as_str().unwrap()
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

fn joined(fields: &[&[u8]]) -> Vec<u8> {
    fields.iter().flat_map(|field| [&(field.len() as u64).to_be_bytes()[..], field].concat()).collect()
}

fn nonce() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    BASE64URL_NOPAD.encode(&bytes)
}

impl Approver {
    /// An app that has opened a link, and is not connected yet.
    pub(crate) fn with_link(api: &Api, link: &str) -> (Self, String) {
        let (server, token) = link.split_once("/authenticator#enroll=").expect("a link");
        let key = Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        let app = Self {
            api: Api::new(&api.address, ""),
            clock: api.clone(),
            key,
            server: server.to_owned(),
            id: String::new(),
            vapid: None,
        };
        (app, token.to_owned())
    }

    /// The same app once more.
    pub(crate) fn again(&self) -> Self {
        Self {
            api: self.api.clone(),
            clock: self.clock.clone(),
            key: Arc::clone(&self.key),
            server: self.server.clone(),
            id: self.id.clone(),
            vapid: self.vapid.clone(),
        }
    }

    /// Connects by a link.
    pub(crate) async fn connects(api: &Api, link: &str) -> Self {
        let (mut app, token) = Self::with_link(api, link);
        let connected = app.enrolls(&token, "Ana's phone").await.expect(200);
        connected["authenticator_id"].as_str().unwrap().clone_into(&mut app.id);
        app.vapid = connected["vapid_public_key"].as_str().map(str::to_owned);
        app
    }

    pub(crate) async fn enrolls(&self, token: &str, name: &str) -> Answer {
        let point = self.key.public_key().as_ref();
        let signed = joined(&[
            b"countersign push enroll v1",
            self.server.as_bytes(),
            &sha256(token.as_bytes()),
            point,
            name.as_bytes(),
        ]);
        let public_key = BASE64URL_NOPAD.encode(point);
        let body = json!({ "token": token, "public_key": public_key, "name": name, "signature": self.sign(&signed) });
        self.api.post("/push/enroll", body).await
    }

    fn sign(&self, message: &[u8]) -> String {
        BASE64URL_NOPAD.encode(self.key.sign(&SystemRandom::new(), message).unwrap().as_ref())
    }

    /// The header of a request.
    pub(crate) fn header(&self, method: &str, path: &str, body: &str, at: i64) -> String {
        let (nonce, at) = (nonce(), at.to_string());
        let signed = joined(&[
            b"countersign push request v1",
            self.server.as_bytes(),
            method.as_bytes(),
            path.as_bytes(),
            &sha256(body.as_bytes()),
            self.id.as_bytes(),
            at.as_bytes(),
            nonce.as_bytes(),
        ]);
        format!("{};t={at};n={nonce};s={}", self.id, self.sign(&signed))
    }

    /// A signed request.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let header = self.header("POST", path, &body, self.clock.now().await);
        self.send(path, &body, &header).await
    }

    pub(crate) async fn send(&self, path: &str, body: &str, header: &str) -> Answer {
        let request = self.api.request(Method::POST, path).header("countersign-device", header);
        Api::answer(request.header("content-type", "application/json").body(body.to_owned())).await.unwrap()
    }

    /// What waits.
    pub(crate) async fn pending(&self) -> Vec<Asked> {
        let answer = self.ask("/push/pending", &json!({})).await.expect(200);
        answer["prompts"].as_array().unwrap().iter().map(|text| Asked::of(text.as_str().unwrap())).collect()
    }

    /// The one thing that waits.
    pub(crate) async fn asked(&self) -> Asked {
        let mut waiting = self.pending().await;
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        waiting.remove(0)
    }

    /// The body of an answer.
    pub(crate) fn answer(&self, asked: &Asked, answer: &str, number: Option<&str>) -> Value {
        let signed = joined(&[
            b"countersign push answer v1",
            self.server.as_bytes(),
            &sha256(asked.text.as_bytes()),
            answer.as_bytes(),
            number.unwrap_or_default().as_bytes(),
        ]);
        let mut body = json!({ "prompt_id": asked.id(), "answer": answer, "signature": self.sign(&signed) });
        if let Some(number) = number {
            body["number"] = json!(number);
        }
        body
    }

    pub(crate) async fn answers(&self, asked: &Asked, answer: &str, number: Option<&str>) -> Answer {
        self.ask("/push/answer", &self.answer(asked, answer, number)).await
    }

    pub(crate) async fn approves(&self, asked: &Asked, number: &str) -> Answer {
        self.answers(asked, "approve", Some(number)).await
    }

    /// Follows what is asked.
    pub(crate) async fn follows(&self) -> Followed {
        let header = self.header("GET", "/push/stream", "", self.clock.now().await);
        let request = self.api.request(Method::GET, "/push/stream").header("countersign-device", header);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let stream = response.bytes_stream().map(|bytes| bytes.unwrap().to_vec());
        Followed { stream: Box::pin(stream), buffer: String::new() }
    }
}

/// A stream that is followed.
pub(crate) struct Followed {
    stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = Vec<u8>> + Send>>,
    buffer: String,
}

impl Followed {
    /// The next event and its data; `None` where the stream ends.
    pub(crate) async fn next(&mut self) -> Option<(String, String)> {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(event), Some(data)) = (field("event: "), field("data: ")) {
                    return Some((event, data));
                }
            }
            let bytes = tokio::time::timeout(std::time::Duration::from_secs(30), self.stream.next()).await;
            self.buffer.push_str(&String::from_utf8(bytes.expect("a sign of life")?).unwrap());
        }
    }
}

/// A number that is another one.
pub(crate) fn wrong(number: &str) -> String {
    format!("{:02}", (number.parse::<u32>().unwrap() + 1) % 100)
}
