//! Who carries messages, as stand-ins on loopback: an API for text messages, and a real SMTP server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::Noise;

/// What an API was asked: path, the header as it came, and the form's fields.
#[derive(Debug, Clone)]
pub(crate) struct Sms {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Sms {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The code in it: the first six digits of the text.
    pub(crate) fn code(&self) -> String {
        self.field("Body").chars().take(6).collect()
    }
}

/// An API for text messages in the manner of Twilio. Answers what it is told to.
#[derive(Clone)]
pub(crate) struct SmsApi {
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Sms>>>,
    looked_at: Arc<Mutex<usize>>,
    status: Arc<Mutex<u16>>,
}

impl SmsApi {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = Self {
            port: listener.local_addr().unwrap().port(),
            taken: Arc::default(),
            looked_at: Arc::default(),
            status: Arc::new(Mutex::new(201)),
        };
        let serving = api.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        api
    }

    /// Answers this status from here on; messages are taken with 201 alone.
    pub(crate) fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    /// Every message that was taken.
    pub(crate) fn taken(&self) -> Vec<Sms> {
        self.taken.lock().unwrap().clone()
    }

    /// The last message that was taken since the last look, once there is one: some are sent only after what caused them is answered.
    pub(crate) async fn next(&self) -> Sms {
        let before = *self.looked_at.lock().unwrap();
        let taken = self.at_least(before + 1).await;
        *self.looked_at.lock().unwrap() = taken.len();
        taken.last().cloned().expect("no message was sent")
    }

    /// Every message, once so many are there, and those that come too many had the time to.
    pub(crate) async fn settled(&self, count: usize) -> Vec<Sms> {
        self.at_least(count).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.taken()
    }

    async fn at_least(&self, count: usize) -> Vec<Sms> {
        for _ in 0..1000 {
            let taken = self.taken();
            if taken.len() >= count {
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.taken()
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        loop {
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
                head.push_str(&line);
                line.clear();
            }
            if head.is_empty() {
                return;
            }
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let url = reqwest::Url::parse(&format!("http://x/?{body}")).unwrap();
            let fields = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let status = *self.status.lock().unwrap();
            let mut taken = self.taken.lock().unwrap();
            if status == 201 {
                taken.push(Sms { path, head, fields });
            }
            // It quotes what it was asked, as some do.
            let said = serde_json::json!({ "sid": format!("SM{}", taken.len()), "message": body, "status": status })
                .to_string();
            drop(taken);
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{said}", said.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// A longer way to a port on loopback: each piece that is sent there takes from `least` to `most`. Answers the port that it begins at.
pub(crate) fn detour(to: u16, least: Duration, most: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let noise = Arc::new(Mutex::new(Noise::seeded()));
    std::thread::spawn(move || {
        for here in listener.incoming().map_while(Result::ok) {
            let there = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (from_there, to_here) = (there.try_clone().unwrap(), here.try_clone().unwrap());
            let noise = Arc::clone(&noise);
            std::thread::spawn(move || pass_on(here, there, || noise.lock().unwrap().between(least, most)));
            std::thread::spawn(move || pass_on(from_there, to_here, || Duration::ZERO));
        }
    });
    port
}

#[allow(clippy::disallowed_methods, reason = "what is far away takes its time")]
fn pass_on(mut from: TcpStream, mut to: TcpStream, mut takes: impl FnMut() -> Duration) {
    let mut piece = [0; 1 << 14];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        std::thread::sleep(takes());
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// A real SMTP server (aiosmtpd). Ends with the value.
pub(crate) struct Mailboxes {
    pub(crate) port: u16,
    mails: Receiver<Value>,
    /// What it says beside them.
    notes: Mutex<Receiver<Value>>,
    process: Child,
    input: Mutex<ChildStdin>,
}

impl Mailboxes {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/gateway/tests/it/smtp_server.py");
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .arg("plain")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Debian's python3-aiosmtpd is wanted");
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the SMTP server did not start: Debian's python3-aiosmtpd is wanted");
        let ((mail, mails), (note, notes)) = (channel(), channel());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let said: Value = serde_json::from_str(&line).unwrap();
                let is_mail = !said["to"].is_null();
                let _ = if is_mail { mail.send(said) } else { note.send(said) };
            }
        });
        Self { port, mails, notes: Mutex::new(notes), process, input: Mutex::new(input) }
    }

    /// Has whoever writes to `user@` be answered so from now on; with nothing, takes mail for them again.
    pub(crate) fn answers(&self, user: &str, answer: &str) {
        let mut input = self.input.lock().unwrap();
        writeln!(input, "{user} {answer}").unwrap();
        input.flush().unwrap();
        self.notes(&json!({ "from_now_on": user }));
    }

    /// Waits until one that [`answers`](Self::answers) spoke of is written to.
    pub(crate) fn asked(&self, user: &str) {
        self.notes(&json!({ "asked": user }));
    }

    fn notes(&self, wanted: &Value) {
        let notes = self.notes.lock().unwrap();
        while notes.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("never said: {wanted}")) != *wanted
        {
        }
    }

    /// The next mail.
    pub(crate) fn mail(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(10)).expect("no mail arrived")
    }

    /// The code in the next mail: the line that is nothing else.
    pub(crate) fn code(&self) -> String {
        let mail = self.mail();
        let lines = mail["content"].as_str().unwrap().lines().map(str::trim);
        let code = lines.into_iter().find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("no code in {mail}")).to_owned()
    }

    /// How many mails there are, once there are so many, and those that come too many had the time to.
    pub(crate) async fn settled(&self, count: usize) -> usize {
        let mut waiting = 0;
        for _ in 0..500 {
            waiting += self.waiting();
            if waiting >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        waiting + self.waiting()
    }

    /// How many mails are there.
    pub(crate) fn waiting(&self) -> usize {
        self.mails.try_iter().count()
    }
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
