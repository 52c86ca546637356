//! QR codes (ISO/IEC 18004) as SVG and PNG.

use qrcodegen::{Mask, QrCode, QrCodeEcc, QrSegment, Version};
use vault_proto::{Qr, Refusal, Secret};

/// The light frame that scanners need (ISO/IEC 18004 §9.1): four modules.
const QUIET: usize = 4;
/// Sides of a PNG at least, in pixels.
const PNG_SIDE: usize = 300;

/// Draws a text.
pub(crate) fn draw(text: &str, kind: Qr) -> Result<Option<Secret>, Refusal> {
    if kind == Qr::None {
        return Ok(None);
    }
    let code = Matrix::of(text)?;
    let picture = match kind {
        Qr::Svg => svg(&code).into_bytes(),
        Qr::Png | Qr::None => png(&code),
    };
    Ok(Some(Secret(picture)))
}

/// The modules, without the frame.
struct Matrix {
    code: QrCode,
    size: usize,
}

impl Matrix {
    /// Any mask can be read. Trying all eight for the prettiest takes most of the time, and a URI full of random
    /// Base32 has no large areas that a mask would have to break up.
    fn of(text: &str) -> Result<Self, Refusal> {
        let segments = [QrSegment::make_bytes(text.as_bytes())];
        let (smallest, largest, mask) = (Version::MIN, Version::MAX, Mask::new(0));
        let code = QrCode::encode_segments_advanced(&segments, QrCodeEcc::Medium, smallest, largest, Some(mask), true)
            .map_err(|_| Refusal::Malformed("the URI is too long for a QR code".to_owned()))?;
        Ok(Self { size: usize::try_from(code.size()).unwrap_or_default(), code })
    }

    /// A row from left to right, dark modules true.
    fn row(&self, y: usize) -> impl Iterator<Item = bool> {
        let y = i32::try_from(y).unwrap_or_default();
        (0..self.code.size()).map(move |x| self.code.get_module(x, y))
    }
}

/// One path: dark runs are strokes of width 1, light ones are moved over. Dark on white whatever the page's colours,
/// or else it would not scan in dark mode.
fn svg(code: &Matrix) -> String {
    let side = code.size + 2 * QUIET;
    let mut svg = String::with_capacity(16 * 1024);
    svg.push_str(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 "#);
    push_number(&mut svg, side);
    svg.push(' ');
    push_number(&mut svg, side);
    svg.push_str(r##"" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h"##);
    push_number(&mut svg, side);
    svg.push('v');
    push_number(&mut svg, side);
    svg.push_str(r##"H0z"/><path stroke="#000" d=""##);
    for y in 0..code.size {
        svg.push('M');
        push_number(&mut svg, QUIET);
        svg.push(' ');
        push_number(&mut svg, y + QUIET);
        svg.push_str(".5");
        push_runs(&mut svg, code.row(y));
    }
    svg.push_str(r#""/></svg>"#);
    svg
}

fn push_runs(svg: &mut String, row: impl Iterator<Item = bool>) {
    let (mut dark, mut length) = (false, 0);
    let mut flush = |dark: bool, length: usize, last: bool| {
        if length > 0 && (dark || !last) {
            svg.push_str(if dark { "h" } else { "m" });
            push_number(svg, length);
            if !dark {
                svg.push_str(" 0");
            }
        }
    };
    for module in row {
        if module != dark {
            flush(dark, length, false);
            (dark, length) = (module, 0);
        }
        length += 1;
    }
    flush(dark, length, true);
}

fn push_number(out: &mut String, number: usize) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + u8::try_from(number % 10).unwrap_or_default()));
}

/// A PNG of one bit a pixel (PNG specification, third edition).
fn png(code: &Matrix) -> Vec<u8> {
    let modules = code.size + 2 * QUIET;
    let scale = PNG_SIDE.div_ceil(modules);
    let side = modules * scale;
    let mut png = Vec::with_capacity(64 * 1024);
    png.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    let edge = u32::try_from(side).unwrap_or_default().to_be_bytes();
    let mut header = [edge, edge].concat();
    // One bit, greyscale, deflate, adaptive filters, not interlaced.
    header.extend_from_slice(&[1, 0, 0, 0, 0]);
    push_chunk(&mut png, *b"IHDR", &header);
    push_chunk(&mut png, *b"IDAT", &zlib(&scanlines(code, scale, side)));
    push_chunk(&mut png, *b"IEND", &[]);
    png
}

/// The pixels, each row after a byte that says that it is not filtered.
fn scanlines(code: &Matrix, scale: usize, side: usize) -> Vec<u8> {
    let width = 1 + side.div_ceil(8);
    let mut light = vec![0xff; width];
    if let Some(filter) = light.first_mut() {
        *filter = 0;
    }
    let mut lines = Vec::with_capacity(width * side);
    let quiet = light.repeat(QUIET * scale);
    lines.extend_from_slice(&quiet);
    for y in 0..code.size {
        let mut line = light.clone();
        for (x, _) in code.row(y).enumerate().filter(|(_, dark)| *dark) {
            for pixel in (x + QUIET) * scale..(x + QUIET + 1) * scale {
                if let Some(byte) = line.get_mut(1 + pixel / 8) {
                    *byte &= !(0x80 >> (pixel % 8));
                }
            }
        }
        lines.extend_from_slice(&line.repeat(scale));
    }
    lines.extend_from_slice(&quiet);
    lines
}

fn push_chunk(png: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    png.extend_from_slice(&u32::try_from(content.len()).unwrap_or_default().to_be_bytes());
    let start = png.len();
    png.extend_from_slice(&kind);
    png.extend_from_slice(content);
    let crc = crc32(png.get(start..).unwrap_or_default());
    png.extend_from_slice(&crc.to_be_bytes());
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951 §3.2.4): a picture of some 12 KB is not worth a compressor in
/// the vault.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(bytes.len() + bytes.len() / 4096 + 64);
    stream.extend_from_slice(&[0x78, 0x01]);
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or_default();
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend_from_slice(&adler32(bytes).to_be_bytes());
    stream
}

/// RFC 1950 §8.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for chunk in bytes.chunks(5000) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % 65_521, b % 65_521);
    }
    b << 16 | a
}

/// PNG specification, annex D.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let index = usize::from(crc.to_le_bytes()[0] ^ byte);
        CRC.get(index).copied().unwrap_or_default() ^ (crc >> 8)
    })
}

static CRC: [u32; 256] = crc_table();

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "worked out by the compiler, which would notice"
)]
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut value, mut bit) = (index as u32, 0);
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}
