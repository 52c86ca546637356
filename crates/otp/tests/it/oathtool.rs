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
    let hex = key.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let output = Command::new("oathtool")
        .arg(format!("--totp={}", params.algorithm().name()))
        .arg(format!("--digits={}", params.digits()))
        .arg(format!("--time-step-size={}s", params.period()))
        .arg(format!("--now=@{at}"))
        .arg(format!("--window={}", STEPS - 1))
        .arg(hex)
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
