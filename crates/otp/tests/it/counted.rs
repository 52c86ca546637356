//! Counted steps: what is accepted, in whatever order a person and an attacker come.

use otp::{Algorithm, Params};
use proptest::prelude::*;

const KEY: &[u8] = b"12345678901234567890";

/// What is tried against a device whose counter stands somewhere.
#[derive(Debug, Clone)]
enum Try {
    /// A code of the step so far from the last one used.
    Code(i64),
    /// Codes of two steps, so far from the last one used.
    Pair(i64, i64),
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one =
        prop_oneof![(-20_i64..20).prop_map(Try::Code), (-20_i64..40, -20_i64..40).prop_map(|(a, b)| Try::Pair(a, b))];
    prop::collection::vec(one, 1..40)
}

proptest! {
    #[test]
    fn t06_steps_only_grow_whatever_is_tried(tries in tries(), start in 0_i64..1000) {
        const LOOK_AHEAD: u8 = 10;
        const WINDOW: u16 = 30;
        let params = Params::counted(Algorithm::Sha1, 8).unwrap();
        let mut last = start;
        for tried in tries {
            let step = match tried {
                Try::Code(offset) => {
                    let code = params.code(KEY, last + offset);
                    let found = params.next_step(KEY, &code, last, LOOK_AHEAD).filter(|step| *step > last);
                    let wanted = offset >= 1 && offset <= i64::from(LOOK_AHEAD) + 1;
                    // Once in a million tries another step of the window has the same code.
                    let by_chance = found.is_some_and(|step| params.code(KEY, step) == code);
                    prop_assert!(found.is_some() == wanted || by_chance);
                    found
                }
                Try::Pair(first, second) => {
                    let codes = [params.code(KEY, last + first), params.code(KEY, last + second)];
                    let found = params.resynchronized(KEY, [&codes[0], &codes[1]], last, WINDOW);
                    let wanted = first >= 1 && first <= i64::from(WINDOW) && second == first + 1;
                    prop_assert_eq!(found.is_some(), wanted);
                    found.map(|first| first + 1)
                }
            };
            if let Some(step) = step {
                prop_assert!(step > last);
                last = step;
            }
        }
    }
}
