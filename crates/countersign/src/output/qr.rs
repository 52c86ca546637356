//! QR codes drawn with characters.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder, QRCode};

use super::Output;

/// Light modules around the code, without which cameras do not find it (ISO/IEC 18004 §9.1 asks for four).
const QUIET: usize = 4;

/// The lines of a QR code of `text`, two modules to a character. `None` where it cannot be drawn: too long a
/// text, or too narrow a screen.
///
/// Black and white are set explicitly, from the part of the palette that themes do not touch: whatever
/// the terminal's own colours are, the code is dark on light. Without colours, light modules are drawn and dark ones
/// left empty, which is right on dark terminals, and on light ones is a code that most cameras read too.
pub(crate) fn draw_qr(text: &str, output: Output) -> Option<Vec<String>> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let side = code.size + 2 * QUIET;
    if side > output.width() {
        return None;
    }
    let rows = (0..side).step_by(2);
    Some(
        rows.map(|row| if output.has_colours() { coloured(&code, row, side) } else { plain(&code, row, side) })
            .collect(),
    )
}

fn is_dark(code: &QRCode, row: usize, column: usize) -> bool {
    let inside = |position: usize| position.checked_sub(QUIET).filter(|position| *position < code.size);
    match (inside(row), inside(column)) {
        (Some(row), Some(column)) => code.data.get(row * code.size + column).is_some_and(|module| module.value()),
        _ => false,
    }
}

fn coloured(code: &QRCode, row: usize, side: usize) -> String {
    let mut line = String::new();
    let mut last = None;
    for column in 0..side {
        let pair = (is_dark(code, row, column), is_dark(code, row + 1, column));
        if last != Some(pair) {
            let shade = |dark: bool| if dark { 16 } else { 231 };
            // The bottom half of the last line lies outside the code: light, as the rest of the margin.
            // Writing to a String does not fail.
            let _ = write!(line, "\u{1b}[38;5;{};48;5;{}m", shade(pair.0), shade(pair.1));
            last = Some(pair);
        }
        line.push('▀');
    }
    line.push_str("\u{1b}[0m");
    line
}

fn plain(code: &QRCode, row: usize, side: usize) -> String {
    let half = |column: usize| match (is_dark(code, row, column), is_dark(code, row + 1, column)) {
        (false, false) => '█',
        (false, true) => '▀',
        (true, false) => '▄',
        (true, true) => ' ',
    };
    (0..side).map(half).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/Example:ana?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example";

    fn screen(width: usize, colours: bool) -> Output {
        Output { terminal: true, colours, error_colours: colours, width, json: false }
    }

    /// Reads the modules back from the characters, light ones as `true`, rows one after the other.
    fn read(lines: &[String]) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in lines {
            let (mut top, mut bottom, mut shades) = (Vec::new(), Vec::new(), (true, true));
            for part in line.split('\u{1b}').filter(|part| !part.is_empty()) {
                let (sequence, blocks) = part.split_once('m').unwrap();
                let numbers: Vec<&str> = sequence.trim_start_matches('[').split(';').collect();
                if let [_, _, upper, _, _, lower] = numbers[..] {
                    shades = (upper == "231", lower == "231");
                }
                for _ in blocks.chars() {
                    top.push(shades.0);
                    bottom.push(shades.1);
                }
            }
            rows.extend([top, bottom]);
        }
        rows
    }

    #[test]
    fn p04_the_drawn_code_is_the_code_dark_on_light_with_its_quiet_zone() {
        let code = QRBuilder::new(URI).ecl(ECL::L).build().unwrap();
        let rows = read(&draw_qr(URI, screen(80, true)).unwrap());
        for (row, light) in rows.iter().enumerate() {
            for (column, light) in light.iter().enumerate() {
                let inside = (QUIET..QUIET + code.size).contains(&row) && (QUIET..QUIET + code.size).contains(&column);
                let dark = inside && code[row - QUIET][column - QUIET].value();
                assert_eq!(*light, !dark, "row {row}, column {column}");
            }
        }
    }

    #[test]
    fn a_code_that_does_not_fit_is_not_drawn() {
        assert!(draw_qr(URI, screen(40, true)).is_none());
    }

    #[test]
    fn without_colours_there_are_no_sequences() {
        assert!(draw_qr(URI, screen(80, false)).unwrap().iter().all(|line| !line.contains('\u{1b}')));
    }
}
