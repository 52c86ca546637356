//! The people of a walk as the model knows them: what they hold, and what their sessions have proved.

use std::collections::VecDeque;

use software_authenticator::Authenticator;

use super::reference::{Proof, Sort, level_of};
use crate::harness::Phone;

/// A user.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) service: bool,
    pub(super) created_at: i64,
    pub(super) suspended: bool,
    pub(super) sessions: Vec<Session>,
    pub(super) holds: Vec<Holding>,
}

/// A log-in with a password.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) login_at: i64,
    pub(super) expires_at: i64,
    pub(super) ended: bool,
    /// The newest of each authenticator.
    pub(super) proofs: Vec<Proof>,
}

/// An authenticator.
pub(super) struct Holding {
    pub(super) id: String,
    pub(super) sort: Sort,
    pub(super) state: State,
    pub(super) device: Device,
    /// Refused proofs since the last right one, those that may not have counted too.
    pub(super) failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Suspended,
    /// Revoked, or reported lost.
    Gone,
}

/// What makes the proofs.
pub(super) enum Device {
    /// An app, and the last step of which a code was used.
    App(Phone, i64),
    Key(Box<Authenticator>),
    /// Codes that are left, and codes that were used.
    Paper(Vec<String>, VecDeque<String>),
}

impl Person {
    pub(super) fn new(id: String, service: bool, created_at: i64) -> Self {
        Self { id, service, created_at, suspended: false, sessions: Vec::new(), holds: Vec::new() }
    }

    /// What can be used now.
    pub(super) fn has(&self) -> Vec<Sort> {
        self.holds.iter().filter(|held| held.state == State::Active).map(|held| held.sort).collect()
    }

    /// What the user has, usable or suspended.
    pub(super) fn has_bound(&self) -> Vec<Sort> {
        self.holds.iter().filter(|held| held.state != State::Gone).map(|held| held.sort).collect()
    }

    /// Puts an authenticator into another state. "No session keeps what it proved with it" once it is out of use.
    pub(super) fn put(&mut self, held: usize, state: State) {
        self.holds[held].state = state;
        let id = self.holds[held].id.clone();
        if state != State::Active {
            for session in &mut self.sessions {
                session.proofs.retain(|proof| proof.authenticator_id != id);
            }
        }
    }

    /// Raises a session by a proof.
    pub(super) fn raise(&mut self, session: usize, held: usize, at: i64) {
        let Holding { id, sort, .. } = &self.holds[held];
        let proof = Proof { authenticator_id: id.clone(), sort: *sort, at };
        let proofs = &mut self.sessions[session].proofs;
        proofs.retain(|before| before.authenticator_id != proof.authenticator_id);
        proofs.push(proof);
    }

    /// Whether a code that is refused now would keep nobody waiting: four in a row do not.
    pub(super) fn can_fail(&self) -> bool {
        self.holds.iter().all(|held| held.failures < 4)
    }
}

impl Session {
    pub(super) fn is_live(&self, at: i64) -> bool {
        !self.ended && at < self.expires_at
    }

    pub(super) fn level(&self) -> u8 {
        level_of(&self.proofs)
    }
}
