//! The machine against an interpreter that was written for this alone: random workflows, and a world in which everything that can happen
//! does, in every order, twice, and with crashes between.
//!
//! The interpreter ([`interpret`]) knows nothing of inputs, timers and states: it goes through a tree from the top to the bottom, and asks an
//! oracle what each attempt comes to. The machine is driven by what the same oracle says ([`drive`]), piece by piece. Both have to have done
//! the same, with the same being told to it, and to have ended the same.
//!
//! `COUNTERSIGN_SOAK=1` for the long form, `COUNTERSIGN_SEED=…` for one seed.

mod drive;
mod interpret;
mod tree;

use std::collections::BTreeMap;

use serde_json::Value;

/// What was done, and what came of it.
#[derive(Debug, Default, PartialEq)]
struct Record {
    /// Every attempt that began, with what was told to it.
    attempts: BTreeMap<(String, u32), Value>,
    outcome: String,
    /// The step and kind of the failure.
    failure: Option<(Option<String>, String)>,
    not_undone: Vec<String>,
}

/// Numbers that look random, and are the same for a seed.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

fn mixed(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What the world does, by what it is asked: the same for a seed, whoever asks, and in whichever order.
#[derive(Debug, Clone, Copy)]
struct Oracle(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    Done(Option<i64>),
    Fails { again: bool },
    Silent,
}

impl Oracle {
    fn roll(self, what: &str, n: u64) -> u64 {
        let hash = what.bytes().fold(self.0 ^ n, |hash, byte| mixed(hash.wrapping_mul(31).wrapping_add(byte.into())));
        mixed(hash)
    }

    fn attempt(self, key: &str, attempt: u32) -> Comes {
        match self.roll(key, attempt.into()) % 20 {
            0..=10 => Comes::Done(Some(i64::try_from(self.roll(key, 99) % 3).unwrap())),
            11 | 12 => Comes::Done(None),
            13..=16 => Comes::Fails { again: true },
            17 => Comes::Fails { again: false },
            _ => Comes::Silent,
        }
    }

    /// Whether what was done changed anything: else there is nothing to undo.
    fn changes(self, key: &str) -> bool {
        !self.roll(key, 77).is_multiple_of(4)
    }

    /// Whether what is held is tried again, at the n-th time that it is held.
    fn retries(self, key: &str, n: u64) -> bool {
        n < 2 && self.roll(key, 1000 + n).is_multiple_of(2)
    }

    /// Whether an event comes that is waited for.
    fn arrives(self, key: &str) -> bool {
        !self.roll(key, 2).is_multiple_of(3)
    }

    /// Yes, no, or nothing.
    fn approves(self, key: &str) -> Option<bool> {
        match self.roll(key, 3) % 4 {
            0 | 1 => Some(true),
            2 => Some(false),
            _ => None,
        }
    }

    fn call_completes(self, key: &str) -> bool {
        !self.roll(key, 4).is_multiple_of(3)
    }

    fn items(self, key: &str) -> usize {
        match self.roll(key, 5) % 12 {
            0 => 0,
            11 => 130,
            n => usize::try_from(n % 6).unwrap(),
        }
    }
}

/// A random workflow.
pub(crate) fn random_yaml(seed: u64) -> String {
    tree::Tree::random(&mut Dice(seed)).yaml()
}

/// How many inputs are taken in all, at least.
fn steps() -> usize {
    if std::env::var_os("COUNTERSIGN_SOAK").is_some() { 1_000_000 } else { 10_000 }
}

fn seed() -> Option<u64> {
    std::env::var("COUNTERSIGN_SEED").ok().and_then(|seed| seed.parse().ok())
}

fn one(seed: u64, cancelling: bool) -> usize {
    let mut dice = Dice(seed);
    let tree = tree::Tree::random(&mut dice);
    let text = tree.yaml();
    let definition = workflow::Definition::read("random.yaml", &text)
        .unwrap_or_else(|mistakes| panic!("seed {seed}: {}\n{text}", crate::support::listed(&mistakes)));
    let oracle = Oracle(dice.next());
    let driven = drive::drive(&definition, oracle, &mut dice, cancelling)
        .unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}\n{text}"));
    if !cancelling {
        let expected = interpret::interpret(&tree, oracle);
        assert!(driven.record == expected, "seed {seed}: {}\n{text}", drive::difference(&driven.record, &expected));
    }
    driven.taken
}

#[test]
fn w04_the_machine_does_what_the_interpreter_does_whatever_happens_in_between() {
    if let Some(seed) = seed() {
        one(seed, false);
        return;
    }
    let (mut taken, mut seed) = (0, 0);
    while taken < steps() {
        taken += one(seed, false);
        seed += 1;
    }
    assert!(seed > 20, "{seed} workflows are few");
    eprintln!("{seed} workflows, {taken} inputs, no disagreement");
}

#[test]
fn w04_who_cancels_at_any_moment_has_it_undone_and_cleaned_up() {
    if let Some(seed) = seed() {
        one(seed, true);
        return;
    }
    let (mut taken, mut seed) = (0, 1_000_000);
    while taken < steps() / 2 {
        taken += one(seed, true);
        seed += 1;
    }
    eprintln!("{} workflows were cancelled", seed - 1_000_000);
}
