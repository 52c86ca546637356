//! The one shape that most formulas have, and the way back from fractions to whole numbers.

/// 0 up to `low`, 1 from `high` on, and in proportion between them.
pub(crate) fn ramp(x: f64, low: f64, high: f64) -> f64 {
    ((x - low) / (high - low)).clamp(0.0, 1.0)
}

/// The nearest whole number; what is below zero or no number is 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast saturates, and NaN becomes 0")]
pub(crate) fn whole(x: f64) -> u32 {
    x.round() as u32
}
