//! Whether the browser that opened a page is the one that the application made it for. Who began something in a session of their own can
//! send the link of its page to somebody else, who would then prove it for them (T-12). So before anything is asked, the page's browser
//! takes a code to the application, which says which session that browser has with it.

use data_encoding::BASE64URL_NOPAD;
use domain::{EventKind, HostedPage, PageId, PageRefusal, PageState, SessionId, TokenHash};
use store::{Change, Effect, RedeemPage};

use super::super::telling::With;
use super::super::{Actor, App, Error};
use super::open::Token;
use super::{Visit, hash};

/// What the browser that opened a page takes to the application: the token in the page's link, so that the application can lead it on
/// to there, and 32 bytes that are made of what the browser keeps, and do not stand for it.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    token: Token,
    made: Token,
}

/// What the application knows a browser by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose {
    /// The session that it has.
    pub(crate) session_id: Option<SessionId>,
    /// SHA-256 of the verifier that is kept for it (RFC 7636 §4.6).
    pub(crate) verifier: Option<TokenHash>,
}

impl Code {
    /// That of a browser, on a page.
    pub(super) fn of(token: &Token, browser: &Token) -> Self {
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for field in [b"countersign page code v1".as_slice(), token.bytes(), browser.bytes()] {
            digest.update(field);
        }
        let mut made = [0; 32];
        made.copy_from_slice(digest.finish().as_ref());
        Self { token: token.clone(), made: Token::new(made) }
    }

    /// Reads 86 characters of base64url.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = zeroize::Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let (token, made) = bytes.split_first_chunk::<32>()?;
        Some(Self { token: Token::new(*token), made: Token::new(made.try_into().ok()?) })
    }

    /// As it is taken along.
    pub(crate) fn text(&self) -> zeroize::Zeroizing<String> {
        let both = zeroize::Zeroizing::new([*self.token.bytes(), *self.made.bytes()].concat());
        zeroize::Zeroizing::new(BASE64URL_NOPAD.encode(&both))
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> TokenHash {
        self.made.hash()
    }
}

impl Whose {
    /// The browser of a session, or of a verifier: 43 to 128 characters.
    pub(crate) fn new(session_id: Option<SessionId>, verifier: Option<&str>) -> Self {
        Self { session_id, verifier: verifier.map(|verifier| hash(verifier.as_bytes())) }
    }
}

impl App {
    /// Redeems a page's code in the browser that the application made the page for, and answers the token of the link that leads there.
    /// Any other browser ends the page.
    pub(crate) async fn redeem_page(
        &self,
        actor: &Actor,
        id: PageId,
        code: Code,
        whose: Whose,
    ) -> Result<(HostedPage, Token), Error> {
        let mut page = self.page(actor, id).await?;
        let now = self.now();
        if !page.is_open(now) {
            return Err(Error::PageOver);
        }
        if page.browser != Some(code.hash()) || page.token != code.token.hash() {
            // Whoever leads people to the application with a code that they made up ends nothing.
            return Err(Error::invalid("/code", "is not this page's"));
        }
        let change =
            RedeemPage { id, browser: code.hash(), session_id: whose.session_id, verifier: whose.verifier, at: now };
        let event = self.page_event(EventKind::PageRedeemed, actor, &page);
        if self.commit(Change::RedeemPage(Box::new(change)), event).await? == Effect::Applied {
            page.redeemed_at = Some(now);
            return Ok((page, code.token));
        }
        if page.session_id == whose.session_id && page.code_challenge == whose.verifier {
            return Err(Error::Conflict("the code was redeemed before, or the page is over"));
        }
        self.refuse_page(Visit { actor: actor.clone(), page }).await
    }

    /// Ends a page that another browser opened than the one it was made for. One that was redeemed by the right one goes on.
    async fn refuse_page<T>(&self, visit: Visit) -> Result<T, Error> {
        let event = self
            .page_event(EventKind::PageRefused, &visit.actor, &visit.page)
            .with("reason", PageRefusal::OtherSession.name());
        self.commit(Change::FinishPage { id: visit.page.id, to: PageState::Refused }, event).await?;
        Err(Error::PageElsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t12_a_code_is_of_one_page_and_one_browser_and_gives_neither_away() {
        let (page, browser) = (Token::new([1; 32]), Token::new([2; 32]));
        let code = Code::of(&page, &browser);
        assert_ne!(code.hash(), Code::of(&browser, &page).hash());
        assert_ne!(code.hash(), Code::of(&page, &page).hash());
        assert!(code.hash() != browser.hash() && *code.made.bytes() != *browser.bytes());
        let text = code.text();
        assert_eq!(text.len(), 86);
        let read = Code::parse(&text).unwrap();
        assert_eq!((read.hash(), read.token.hash()), (code.hash(), page.hash()));
        for wrong in ["", &text[..85], &format!("{}A", *text), &"=".repeat(86)] {
            assert!(Code::parse(wrong).is_none(), "{wrong}");
        }
    }
}
