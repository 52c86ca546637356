//! The operator's colour, moved until words can be read in it and on it. As `web/src/brand.ts` does for the other pages.

/// The grounds of the two themes on which words are hardest to read, as in `web/src/looks/base.css`: what is read there is read on all.
const LIGHT: Theme = Theme { name: "light", ground: [0xf2, 0xf4, 0xf8], away: [0; 3] };
const DARK: Theme = Theme { name: "dark", ground: [0x1d, 0x26, 0x36], away: [0xff; 3] };

/// WCAG 2.2, 1.4.3 (AA).
const ENOUGH: f64 = 4.5;

type Colour = [u8; 3];

struct Theme {
    name: &'static str,
    ground: Colour,
    /// Towards which the colour is moved.
    away: Colour,
}

/// Sets the colours of both themes that follow from the brand's; nothing for what is no `#rrggbb`.
pub(super) fn style(colour: &str) -> String {
    let Some(colour) = parse(colour) else { return String::new() };
    let of = |theme: Theme| {
        let (accent, on) = accent(colour, &theme);
        format!("--brand-{0}:{1};--on-brand-{0}:{2};", theme.name, text(accent), text(on))
    };
    format!(":root{{{}{}}}", of(LIGHT), of(DARK))
}

/// The colour as it is used in a theme, and that of words on it.
fn accent(colour: Colour, theme: &Theme) -> (Colour, Colour) {
    let moved = (0..=20).map(|step| mixed(colour, theme.away, f64::from(step) * 0.05));
    let chosen = moved.into_iter().find(|moved| contrast(*moved, theme.ground) >= ENOUGH).unwrap_or(theme.away);
    let (white, black) = ([0xff; 3], [0x0b, 0x12, 0x20]);
    (chosen, if contrast(chosen, white) >= contrast(chosen, black) { white } else { black })
}

/// The contrast of two colours (WCAG 2.2, "contrast ratio"), 1 to 21.
fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn mixed(colour: Colour, other: Colour, share: f64) -> Colour {
    let mut mixed = colour;
    for (channel, other) in mixed.iter_mut().zip(other) {
        let value = f64::from(*channel) * (1.0 - share) + f64::from(other) * share;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
        let value = value.round() as u8;
        *channel = value;
    }
    mixed
}

fn parse(text: &str) -> Option<Colour> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.strip_prefix('#')?.as_bytes()).ok()?;
    bytes.try_into().ok()
}

fn text(colour: Colour) -> String {
    format!("#{}", data_encoding::HEXLOWER.encode(&colour))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_in_both_themes() {
        for colour in ["#000000", "#ffffff", "#ffff00", "#0f766e", "#1f4fd1", "#808080", "#ff0000", "#00ff88"] {
            for theme in [LIGHT, DARK] {
                let (chosen, on) = accent(parse(colour).unwrap(), &theme);
                assert!(contrast(chosen, theme.ground) >= ENOUGH, "{colour} in {}", theme.name);
                assert!(contrast(chosen, on) >= ENOUGH, "on {colour} in {}", theme.name);
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is_and_what_is_none_says_nothing() {
        assert!(style("#0F766E").starts_with(":root{--brand-light:#0f766e;--on-brand-light:#ffffff;--brand-dark:#"));
        for none in ["", "red", "#12", "#0af", "#0f766e;}", "url(x)"] {
            assert_eq!(style(none), "", "{none}");
        }
    }

    #[test]
    fn contrast_is_what_wcag_computes() {
        assert!((contrast([0; 3], [0xff; 3]) - 21.0).abs() < 1e-9);
        assert!((contrast([0x77; 3], [0xff; 3]) - 4.48).abs() < 0.005);
    }
}
