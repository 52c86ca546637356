//! A device that counts its codes, made by an implementation that is not ours: `oathtool`.

use std::fmt::Write as _;
use std::process::Command;

use data_encoding::BASE32_NOPAD;

/// A device that holds one key. Its button makes one code after the other.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    key: Vec<u8>,
    /// The counter of the next code.
    pub(crate) counter: u64,
}

impl Token {
    pub(crate) fn new(key: &[u8], counter: u64) -> Self {
        Self { key: key.to_vec(), counter }
    }

    /// The app after it was given a key in Base32.
    pub(crate) fn with_key(base32: &str) -> Self {
        Self::new(&BASE32_NOPAD.decode(base32.as_bytes()).unwrap(), 0)
    }

    /// The key as a file of tokens has it.
    pub(crate) fn hex(&self) -> String {
        self.key.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    }

    /// The code of a counter.
    pub(crate) fn code(&self, counter: u64) -> String {
        self.codes(counter, 1).remove(0)
    }

    /// The codes of so many counters in a row.
    pub(crate) fn codes(&self, counter: u64, count: u64) -> Vec<String> {
        let (counter, window) = (format!("--counter={counter}"), format!("--window={}", count - 1));
        let output = Command::new("oathtool").args(["--hotp", &counter, &window, &self.hex()]).output();
        let output = output.expect("this test needs oathtool: on Debian, `apt-get install oathtool`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Presses the button.
    pub(crate) fn press(&mut self) -> String {
        self.counter += 1;
        self.code(self.counter - 1)
    }

    /// Presses it so often that nobody sees the codes.
    pub(crate) fn skip(&mut self, presses: u64) {
        self.counter += presses;
    }

    /// Presses it at least so often, and on to a code that reads like none of those before it: of a million, some do.
    pub(crate) fn run_ahead(&mut self, presses: u64) {
        let passed = self.codes(self.counter, presses);
        self.counter += presses;
        while passed.contains(&self.code(self.counter)) {
            self.counter += 1;
        }
    }

    /// A code that is of none of the next counters.
    pub(crate) fn wrong_code(&self) -> String {
        let near = self.codes(self.counter.saturating_sub(5), 50);
        (0..100).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}
