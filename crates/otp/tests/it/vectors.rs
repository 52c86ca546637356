//! RFC 4226 Appendix D and RFC 6238 Appendix B.

use otp::{Algorithm, Code, Params, hotp};

#[test]
fn rfc_4226_appendix_d() {
    let wanted = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    for (counter, code) in wanted.into_iter().enumerate() {
        assert_eq!(hotp(Algorithm::Sha1, b"12345678901234567890", counter as u64, 6).as_str(), code);
        let step = i64::try_from(counter).unwrap() + 1;
        let counted = Params::counted(Algorithm::Sha1, 6).unwrap();
        assert_eq!(counted.code(b"12345678901234567890", step).as_str(), code, "a step is the counter and 1");
        let typed = Code::parse(code).unwrap();
        assert_eq!(counted.next_step(b"12345678901234567890", &typed, 0, 9), Some(step));
    }
}

#[test]
fn rfc_6238_appendix_b() {
    let wanted = [
        (59, ["94287082", "46119246", "90693936"]),
        (1_111_111_109, ["07081804", "68084774", "25091201"]),
        (1_111_111_111, ["14050471", "67062674", "99943326"]),
        (1_234_567_890, ["89005924", "91819424", "93441116"]),
        (2_000_000_000, ["69279037", "90698825", "38618901"]),
        (20_000_000_000, ["65353130", "77737706", "47863826"]),
    ];
    for (time, codes) in wanted {
        for (algorithm, code) in Algorithm::ALL.into_iter().zip(codes) {
            let params = Params::new(algorithm, 8, 30).unwrap();
            let key: Vec<u8> = b"1234567890".iter().copied().cycle().take(algorithm.key_len()).collect();
            assert_eq!(params.code(&key, params.step_at(time)).as_str(), code, "{algorithm} at {time}");
        }
    }
}
