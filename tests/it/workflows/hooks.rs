//! Somebody who is called by HTTP, and remembers each call.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// By lower-case name.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Hooks {
    pub(super) port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
    status: Arc<Mutex<u16>>,
    takes: Arc<Mutex<Duration>>,
}

impl Hooks {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hooks = Self { port, calls: Arc::default(), status: Arc::new(Mutex::new(200)), takes: Arc::default() };
        let serving = hooks.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        hooks
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Answers this status from here on.
    pub(super) fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    /// Takes so long for each answer from here on.
    pub(super) fn takes(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    #[allow(clippy::disallowed_methods, reason = "who is called takes its time")]
    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        loop {
            let (mut headers, mut line) = (Vec::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
                if let Some((name, value)) = line.trim().split_once(": ") {
                    headers.push((name.to_lowercase(), value.to_owned()));
                }
                line.clear();
            }
            if line.is_empty() {
                return;
            }
            let call = Call { headers, body: String::new() };
            let mut body = vec![0; call.header("content-length").parse().unwrap_or(0)];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            self.calls.lock().unwrap().push(Call { body: String::from_utf8(body).unwrap(), ..call });
            let takes = *self.takes.lock().unwrap();
            std::thread::sleep(takes);
            let (status, said) = (*self.status.lock().unwrap(), r#"{"heard": true}"#);
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{said}", said.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}
