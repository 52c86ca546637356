//! `countersign tokens`

use std::io::Read as _;
use std::path::Path;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _};
use serde_json::{Value, json};
use vault_proto::{Secret, TokenFile, TokenFormat, Unlock};
use zeroize::Zeroizing;

use super::Desk;
use crate::cli::{ImportTokensArgs, TokensCommand};
use crate::client::{at, items, text};
use crate::failure::{Failure, describe};
use crate::output::{Column, Look, Table, one_line};

/// Tokens asked for at a time.
const PAGE: &str = "500";

/// Imports, lists, assigns, releases and removes hardware tokens.
pub(crate) async fn tokens(desk: &Desk, command: TokensCommand) -> Result<(), Failure> {
    match command {
        TokensCommand::Import(args) => import(desk, &args).await,
        TokensCommand::List { .. } => list(desk).await,
        TokensCommand::Assign { id, user, .. } => {
            let body = json!({ "external_id": user });
            let token = desk.client.post(&["v1", "hardware-tokens", &id, "assign"], body).await?;
            let to = user.as_deref().map_or("nobody in particular", |user| user);
            changed(desk, &token, format_args!("{} is meant for {}.", one_line(&id), one_line(to)));
            Ok(())
        }
        TokensCommand::Release { id, .. } => {
            let token = desk.client.post(&["v1", "hardware-tokens", &id, "release"], json!({})).await?;
            changed(desk, &token, format_args!("{} can be enrolled again.", one_line(&id)));
            Ok(())
        }
        TokensCommand::Remove { id, .. } => {
            let removed = desk.client.delete(&["v1", "hardware-tokens", &id]).await?;
            if desk.output.is_json() {
                desk.output.json(&removed);
            } else {
                desk.output.success(format_args!("{} is removed.", one_line(&id)));
            }
            Ok(())
        }
    }
}

fn changed(desk: &Desk, token: &Value, said: std::fmt::Arguments<'_>) {
    if desk.output.is_json() {
        desk.output.json(token);
    } else {
        desk.output.success(said);
    }
}

/// Seals the file here, to a key of the vault's: what is sent is worth nothing to whoever sees it.
async fn import(desk: &Desk, args: &ImportTokensArgs) -> Result<(), Failure> {
    let content = read(&args.file, TokenFile::MAX_BYTES)?;
    let format = if args.csv || !looks_like_xml(&content) { TokenFormat::Csv } else { TokenFormat::Pskc };
    let file = TokenFile { format, unlock: unlock(args)?, content: Secret(content.to_vec()) };
    let plaintext = file.to_bytes().ok_or_else(|| Failure::usage("the file, or what opens it, is too long"))?;
    let shown = desk.client.get(&["v1", "hardware-tokens", "import-key"]).await?;
    let request = sealed(text(&shown, "/key"), &plaintext)
        .ok_or_else(|| Failure::defect("the server's import key is none: is it of this release?"))?;
    let answer = desk.client.post(&["v1", "hardware-tokens"], request).await?;
    if desk.output.is_json() {
        desk.output.json(&answer);
        return Ok(());
    }
    let list = |name: &str| at(&answer, name).as_array().cloned().unwrap_or_default();
    let (tokens, refused) = (list("tokens"), list("refused"));
    for token in &refused {
        let line = at(token, "line").as_u64().map(|line| format!("line {line}, ")).unwrap_or_default();
        let serial = at(token, "serial").as_str().map_or("a token without a serial number", |serial| serial);
        desk.output.remark(format_args!("{line}{}: {}", one_line(serial), one_line(text(token, "/why"))));
    }
    let of = |count: usize| if count == 1 { "1 token".to_owned() } else { format!("{count} tokens") };
    if tokens.is_empty() {
        return Err(Failure::no(format!("no token was imported, and {} refused", of(refused.len()))));
    }
    let rest = if refused.is_empty() { String::new() } else { format!("; {} refused", of(refused.len())) };
    desk.output.success(format_args!("{} imported{rest}.", of(tokens.len())));
    Ok(())
}

fn sealed(key: &str, plaintext: &[u8]) -> Option<Value> {
    let bytes = BASE64URL_NOPAD.decode(key.as_bytes()).ok()?;
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&bytes).ok()?;
    let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        TokenFile::INFO,
        plaintext,
        &[],
    )
    .ok()?;
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    Some(json!({ "key": key, "enc": encode(&enc.to_bytes()), "ciphertext": encode(&ciphertext) }))
}

/// What opens the keys in the file.
fn unlock(args: &ImportTokensArgs) -> Result<Unlock, Failure> {
    let first_line = |path: &Path| -> Result<Zeroizing<String>, Failure> {
        let bytes = read(path, TokenFile::MAX_UNLOCK)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?;
        Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    };
    Ok(match (&args.pre_shared_key, &args.passphrase) {
        (Some(path), _) => {
            let hex = Zeroizing::new(first_line(path)?.split_ascii_whitespace().collect::<String>());
            let key = HEXLOWER_PERMISSIVE
                .decode(hex.as_bytes())
                .map_err(|_| Failure::usage(format!("{} does not hold a key in hexadecimal", path.display())))?;
            Unlock::PreSharedKey(Secret(key))
        }
        (None, Some(path)) => Unlock::Passphrase(Secret(first_line(path)?.as_bytes().to_vec())),
        (None, None) => Unlock::Nothing,
    })
}

fn read(path: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let cannot =
        |error: std::io::Error| Failure::usage(format!("{} cannot be read: {}", path.display(), describe(&error)));
    let file = std::fs::File::open(path).map_err(cannot)?;
    // All the room it can need at once: a vector that grew would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    file.take(u64::try_from(most).unwrap_or(u64::MAX) + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > most {
        return Err(Failure::usage(format!("{} is longer than {most} bytes", path.display())));
    }
    Ok(bytes)
}

fn looks_like_xml(content: &[u8]) -> bool {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    content.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let (mut tokens, mut cursor) = (Vec::new(), None);
    loop {
        let mut query = vec![("limit", PAGE.to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = desk.client.find_in(&["v1", "hardware-tokens"], &query).await?;
        tokens.extend(items(&page).iter().cloned());
        match at(&page, "next_cursor").as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    if desk.output.is_json() {
        desk.output.json(&json!({ "items": tokens }));
    } else if tokens.is_empty() {
        desk.output.remark(
            "There are no hardware tokens. `countersign tokens import` brings them in from their maker's file.",
        );
    } else {
        let mut table = Table::new([
            Column::text("TOKEN"),
            Column::text("SERIAL"),
            Column::text("KIND"),
            Column::text("AUTHENTICATOR"),
        ]);
        for token in &tokens {
            let authenticator = at(token, "authenticator_id").as_str();
            let held = at(token, "held").as_bool() == Some(true);
            table.row([
                (Look::Plain, text(token, "/id").to_owned()),
                (Look::Plain, one_line(text(token, "/serial"))),
                (Look::Plain, text(token, "/kind").to_owned()),
                (
                    if authenticator.is_some() { Look::Plain } else { Look::Faint },
                    authenticator.unwrap_or(if held { "held" } else { "free" }).to_owned(),
                ),
            ]);
        }
        table.print(desk.output, 0);
    }
    Ok(())
}
