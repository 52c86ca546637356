//! Presets: what standards ask for, as policy files that ship with the program.

/// A policy file that ships with the program, turned on by `presets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// By which `presets` names it.
    pub name: &'static str,
    /// The file, with the clause that each line comes from.
    pub text: &'static str,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset { name: "nist-aal2", text: include_str!("../presets/nist-aal2.yaml") },
    Preset { name: "nist-aal3", text: include_str!("../presets/nist-aal3.yaml") },
    Preset { name: "pci-dss", text: include_str!("../presets/pci-dss.yaml") },
    Preset { name: "psd2", text: include_str!("../presets/psd2.yaml") },
];
