//! The application's login sessions, as they were registered with us.

use std::collections::BTreeSet;

use crate::{
    Aal, Amr, ApplicationId, AuthenticatorId, AuthenticatorKind, Confirmation, DeviceId, SessionId, Timestamp, UserId,
};

/// An application's login session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Ours.
    pub id: SessionId,
    /// Who registered it; no other application sees or uses it.
    pub application_id: ApplicationId,
    /// Who is logged in.
    pub user_id: UserId,
    /// What the user is logged in from.
    pub device_id: Option<DeviceId>,
    /// The methods of the first factor: as the application says, or of the passkey by which it was begun here.
    pub amr: BTreeSet<Amr>,
    /// The level that the first factor and the proofs amount to. It falls when an authenticator that was proved goes out of
    /// use.
    pub aal: Aal,
    /// What has been proved in this session, the newest for each authenticator that is still in use.
    pub proofs: Vec<Proof>,
    /// When the first factor was given.
    pub authenticated_at: Timestamp,
    /// When the session was registered.
    pub created_at: Timestamp,
    /// It counts for nothing from here on.
    pub expires_at: Timestamp,
    /// When it was ended, by log-out or revocation.
    pub ended_at: Option<Timestamp>,
    /// The key that its client has, where it is bound to one: who cannot show it gets nothing by the session (S-09).
    pub cnf: Option<Confirmation>,
}

/// Something proved in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// With which authenticator.
    pub authenticator_id: AuthenticatorId,
    /// Of which kind.
    pub kind: AuthenticatorKind,
    /// When.
    pub verified_at: Timestamp,
    /// How well.
    pub quality: Quality,
}

/// That a session may change what its user has, and why: it is what a change rests on, and what its guard holds it against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// Which session.
    pub session_id: SessionId,
    /// What was proved in it, recently and by enough; nothing where the user has nothing to prove.
    pub proved: Option<AuthenticatorId>,
}

/// What is known of a proof beyond its kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quality {
    /// The device looked who was there, by a PIN or a biometric: two factors in one.
    pub user_verified: bool,
    /// The key cannot leave its hardware.
    pub hardware_bound: bool,
}

impl Quality {
    /// As a number, as the store keeps it.
    pub const fn bits(self) -> u8 {
        self.user_verified as u8 | (self.hardware_bound as u8) << 1
    }

    /// From such a number. What is not known by it is not so.
    pub const fn from_bits(bits: u8) -> Self {
        Self { user_verified: bits & 1 != 0, hardware_bound: bits & 2 != 0 }
    }
}

impl Session {
    /// How long it counts unless something else is said.
    pub const LIFETIME: std::time::Duration = std::time::Duration::from_hours(8);

    /// Whether it still counts for something.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }

    /// The proofs and level that this session has once `proof` is added.
    pub fn raised_by(&self, proof: Proof) -> (Vec<Proof>, Aal) {
        let mut proofs: Vec<Proof> =
            self.proofs.iter().filter(|p| p.authenticator_id != proof.authenticator_id).cloned().collect();
        proofs.push(proof);
        let aal = Aal::reached(&self.amr, &proofs);
        (proofs, aal)
    }

    /// Forgets what was proved with an authenticator that is out of use now, as the store does in the commit that says so.
    pub fn forget(&mut self, authenticator: AuthenticatorId) {
        self.proofs.retain(|proof| proof.authenticator_id != authenticator);
        self.aal = Aal::reached(&self.amr, &self.proofs);
    }

    /// What was proved by more than a browser that is remembered: what a change of the account goes by (T-09, T-25). Whoever sits at
    /// such a browser has given nothing but a password.
    pub fn proofs_of_presence(&self) -> Vec<Proof> {
        self.proofs.iter().filter(|proof| proof.kind != AuthenticatorKind::Browser).cloned().collect()
    }

    /// The methods of first factor and proofs together (RFC 8176).
    pub fn methods(amr: &BTreeSet<Amr>, proofs: &[Proof]) -> BTreeSet<Amr> {
        let mut methods = amr.clone();
        methods.extend(proofs.iter().flat_map(Amr::of));
        if Aal::reached(amr, proofs) > Aal::Aal1 {
            methods.insert(Amr::multiple());
        }
        methods
    }
}
