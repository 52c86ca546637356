//! Whoever is called by actions: says what it is told to, byte for byte, so that it can lie as well.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What it was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// `POST /path`.
    pub(super) line: String,
    /// By lower-case name.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What it answers: every byte of it.
type Says = Box<dyn Fn(&Asked) -> Vec<u8> + Send + Sync>;

#[derive(Clone)]
pub(super) struct Somebody {
    pub(super) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    says: Arc<Mutex<Says>>,
}

impl Somebody {
    /// On loopback, by plain HTTP.
    pub(super) fn start(says: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let says: Says = Box::new(says);
        let somebody = Self { port, asked: Arc::default(), says: Arc::new(Mutex::new(says)) };
        let serving = somebody.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        somebody
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn now(&self, says: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) {
        *self.says.lock().unwrap() = Box::new(says);
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let (mut lines, mut line) = (Vec::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
                lines.push(line.trim().to_owned());
                line.clear();
            }
            let Some(first) = lines.first() else { return };
            let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
            let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
            let line = first.rsplit_once(' ').map_or(first.as_str(), |(line, _)| line).to_owned();
            let asked = Asked { line, headers, body: String::new() };
            let mut body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            let asked = Asked { body: String::from_utf8(body).unwrap(), ..asked };
            self.asked.lock().unwrap().push(asked.clone());
            let said = self.says.lock().unwrap()(&asked);
            if stream.write_all(&said).is_err() || !said.starts_with(b"HTTP/1.1 2") {
                return;
            }
        }
    }
}

/// An answer as it should be.
pub(super) fn says(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut said = format!("HTTP/1.1 {status} X\r\n");
    for (name, value) in headers {
        said.extend([name, ": ", value, "\r\n"]);
    }
    said.extend([&format!("content-length: {}\r\n\r\n", body.len()), body]);
    said.into_bytes()
}
