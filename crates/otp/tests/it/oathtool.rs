//! 10,000 codes compared with `oathtool`.

use std::fmt::Write as _;
use std::process::Command;

use otp::{Algorithm, Params};

/// Codes of each combination of algorithm, digits and period: 12 combinations.
const KEYS: usize = 17;
const STEPS: u16 = 50;

#[test]
fn ten_thousand_codes_are_those_of_oathtool() {
    let mut compared = 0;
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    for algorithm in Algorithm::ALL {
        for digits in [6, 8] {
            for period in [30, 60] {
                let params = Params::new(algorithm, digits, period).unwrap();
                for _ in 0..KEYS {
                    compared += compare(params, &mut random);
                }
            }
        }
    }
    assert!(compared >= 10_000, "only {compared} codes were compared");
}

#[test]
fn i02_counted_codes_are_those_of_oathtool() {
    let mut random = Xorshift(0x2545_f491_4f6c_dd1d);
    for digits in [6, 8] {
        // oathtool knows HOTP with SHA-1 only.
        let params = Params::counted(Algorithm::Sha1, digits).unwrap();
        for first in [0, 1, 1000, u64::from(u32::MAX) - 10, random.next() >> 8] {
            let key: Vec<u8> = (0..20).map(|_| random.next().to_le_bytes()[3]).collect();
            let theirs = run(Command::new("oathtool")
                .arg("--hotp")
                .arg(format!("--digits={digits}"))
                .arg(format!("--counter={first}"))
                .arg(format!("--window={}", STEPS - 1))
                .arg(hex(&key)));
            let step = first.cast_signed() + 1;
            let ours: Vec<String> =
                (0..i64::from(STEPS)).map(|ahead| params.code(&key, step + ahead).as_str().to_owned()).collect();
            assert_eq!(ours, theirs, "{params:?} from {first}");
        }
    }
}

/// One call of oathtool: the codes of `STEPS` steps in a row, from a random moment on.
fn compare(params: Params, random: &mut Xorshift) -> usize {
    let key: Vec<u8> = (0..params.algorithm().key_len()).map(|_| random.next().to_le_bytes()[3]).collect();
    let at = (random.next() % 4_000_000_000).cast_signed();
    let theirs = oathtool(params, &key, at);
    let first = params.step_at(at);
    let ours: Vec<String> =
        (0..i64::from(STEPS)).map(|step| params.code(&key, first + step).as_str().to_owned()).collect();
    assert_eq!(ours, theirs, "{params:?} from {at}");
    ours.len()
}

fn oathtool(params: Params, key: &[u8], at: i64) -> Vec<String> {
    run(Command::new("oathtool")
        .arg(format!("--totp={}", params.algorithm().name()))
        .arg(format!("--digits={}", params.digits()))
        .arg(format!("--time-step-size={}s", params.period()))
        .arg(format!("--now=@{at}"))
        .arg(format!("--window={}", STEPS - 1))
        .arg(hex(key)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn run(command: &mut Command) -> Vec<String> {
    let output = command
        .output()
        .expect("this test compares with oathtool, which is not installed: on Debian, `apt-get install oathtool`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Marsaglia's xorshift64: numbers that are the same in each run.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
