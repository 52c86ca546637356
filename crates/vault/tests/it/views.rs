//! The one view of a key: what an app scans, and what only its recipient opens.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, Serializable as _};
use otp::{Otpauth, Params};
use vault_proto::{Qr, Reply, Verb, View};

use crate::harness::{Start, Vault, binding, every_params, question};

async fn view(vault: &Vault, params: Params, qr: Qr) -> (String, String, Option<Vec<u8>>) {
    let reply = vault.ask(Verb::Provision(question(binding(1), params, qr))).await.unwrap();
    let Reply::Provisioned { view: View::Open { uri, secret, qr }, .. } = reply else { panic!("{reply:?}") };
    let text = |secret: &vault_proto::Secret| String::from_utf8(secret.0.clone()).unwrap();
    (text(&uri), text(&secret), qr.map(|qr| qr.0.clone()))
}

/// What an independent reader sees in a picture of dark and light pixels. Modules of a key can look like a fourth
/// finder pattern by chance: this reader then tells of two places, of which one can be read.
fn scan(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> String {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| if dark(x, y) { 0 } else { 255 });
    let grids = image.detect_grids();
    let mut read: Vec<String> = grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect();
    assert_eq!(read.len(), 1, "of {} places", grids.len());
    read.remove(0)
}

#[tokio::test]
async fn p04_the_svg_scans_to_the_uri() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    for params in every_params() {
        for _ in 0..2 {
            let (uri, secret, qr) = view(&vault, params, Qr::Svg).await;
            let key = Otpauth::parse(&uri).unwrap().key;
            assert_eq!(secret, otp::base32(&key).as_str());
            let svg = String::from_utf8(qr.unwrap()).unwrap();
            assert!(svg.contains("crispEdges") && svg.contains("#fff") && svg.len() < 16 * 1024, "{}", svg.len());
            let (side, dark) = draw(&svg);
            let scanned = scan(side * 4, side * 4, |x, y| dark.contains(&(x / 4, y / 4)));
            assert_eq!(scanned, uri);
        }
    }
}

/// Follows the one path of strokes, as a browser would.
fn draw(svg: &str) -> (usize, Vec<(usize, usize)>) {
    let side: usize = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let path = svg.split("stroke=\"#000\" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut dark = Vec::new();
    for line in path.split('M').skip(1) {
        let end = line.find(['h', 'm']).unwrap_or(line.len());
        let (x, y) = line[..end].split_once(' ').unwrap();
        let (mut x, y): (usize, usize) = (x.parse().unwrap(), y.strip_suffix(".5").unwrap().parse().unwrap());
        let mut rest = &line[end..];
        while let Some(command) = rest.chars().next() {
            let next = rest[1..].find(['h', 'm']).map_or(rest.len(), |place| place + 1);
            let length: usize = rest[1..next].trim_end_matches(" 0").parse().unwrap();
            if command == 'h' {
                dark.extend((x..x + length).map(|x| (x, y)));
            }
            x += length;
            rest = &rest[next..];
        }
    }
    assert!(dark.iter().all(|(x, y)| (4..side - 4).contains(x) && (4..side - 4).contains(y)), "the quiet zone");
    (side, dark)
}

#[tokio::test]
async fn p04_the_png_scans_to_the_uri() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    for params in every_params() {
        let (uri, _, qr) = view(&vault, params, Qr::Png).await;
        let picture = qr.unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        reader.finish().unwrap();
        assert_eq!((info.bit_depth, info.color_type), (png::BitDepth::One, png::ColorType::Grayscale));
        let (width, height) = (info.width as usize, info.height as usize);
        assert!(width == height && width >= 300, "{width}");
        let scanned = scan(width, height, |x, y| pixels[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 0);
        assert_eq!(scanned, uri);
    }
}

#[tokio::test]
async fn p05_a_sealed_view_is_opened_by_its_recipient_only() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let (private, public) = X25519HkdfSha256::gen_keypair();
    let mut asked = question(binding(1), Params::COMMON, Qr::Svg);
    asked.recipient = Some(public.to_bytes().into());
    let reply = vault.ask(Verb::Provision(asked)).await.unwrap();
    let Reply::Provisioned { blob, view: View::Sealed { enc, ciphertext } } = reply else { panic!("{reply:?}") };
    let open = |private: &<X25519HkdfSha256 as Kem>::PrivateKey, info: &[u8], associated: &[u8]| {
        let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&enc).unwrap();
        hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            private,
            &enc,
            info,
            &ciphertext,
            associated,
        )
    };
    let info = b"countersign provisioning view v1";
    let authenticator = binding(1).authenticator;
    let json = String::from_utf8(open(&private, info, &authenticator).unwrap()).unwrap();
    let (uri, secret) =
        json.strip_prefix(r#"{"uri":""#).unwrap().strip_suffix(r#""}"#).unwrap().split_once(r#"","secret":""#).unwrap();
    let key = Otpauth::parse(uri).unwrap().key;
    assert_eq!(otp::base32(&key).as_str(), secret);
    assert!(open(&X25519HkdfSha256::gen_keypair().0, info, &authenticator).is_err());
    assert!(open(&private, b"", &authenticator).is_err());
    assert!(open(&private, info, &[0; 16]).is_err());
    // It is the key that was sealed, too.
    let candidate = vault_proto::OtpCandidate { binding: binding(1), params: Params::COMMON, blob, last_step: 0 };
    let enrolled = crate::harness::Enrolled { candidate, key: key.to_vec() };
    let step = enrolled.step(vault.now().await);
    let outcome = vault.check(&enrolled, &enrolled.code(step)).await.unwrap();
    assert_eq!(outcome, vault_proto::Outcome::Right { index: 0, step });
}

#[tokio::test]
async fn t33_a_recipient_that_is_no_key_is_refused() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    // The point at infinity, and one of small order: both lead to a shared secret that anybody knows.
    let mut small = [0; 32];
    small[0] = 1;
    for recipient in [[0; 32], small] {
        let mut asked = question(binding(1), Params::COMMON, Qr::None);
        asked.recipient = Some(recipient);
        assert!(vault.ask(Verb::Provision(asked)).await.is_err());
    }
}
