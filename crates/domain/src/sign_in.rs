//! Browsers that are signed in at a site behind a proxy, which asks us about each of their requests.

use std::time::Duration;

use crate::{ApplicationId, ReturnUrl, SessionId, SignInId, Timestamp, TokenHash, UserId};

/// One browser at one site. The login makes it with a link, which is good once, for a short time, and in the browser that the site sent to
/// the login (T-12). From then on the browser keeps a secret that stands for the session: for as long as that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Ours.
    pub id: SignInId,
    /// Who made it: the application of the session.
    pub application_id: ApplicationId,
    /// Who is signed in.
    pub user_id: UserId,
    /// In which session. It counts for nothing once that is over.
    pub session_id: SessionId,
    /// At which site, by its name in the configuration.
    pub site: String,
    /// The groups that the user is in, as the application says.
    pub groups: Vec<String>,
    /// Where the browser goes once it is signed in.
    pub return_url: ReturnUrl,
    /// SHA-256 of the code in the link: 32 random bytes, so a plain hash is enough.
    pub code: TokenHash,
    /// SHA-256 of what the browser keeps that the site sent to the login.
    pub state: TokenHash,
    /// SHA-256 of what the browser keeps that is signed in; `None` before that.
    pub browser: Option<TokenHash>,
    /// When it last asked for something, as far as that was noted: see [`SignIn::NOTED_EACH`].
    pub seen_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// The link is of no use from here on; once it was used, neither is what the browser keeps.
    pub expires_at: Timestamp,
}

impl SignIn {
    /// How long the link is good.
    pub const LINK_LIFETIME: Duration = Duration::from_mins(1);
    /// How often it is noted that the browser asked for something.
    pub const NOTED_EACH: Duration = Duration::from_mins(1);
    /// The most groups of a user.
    pub const MOST_GROUPS: usize = 64;

    /// Whether a group can be called this. Names of groups travel in a list with commas.
    pub fn is_group(name: &str) -> bool {
        (1..=256).contains(&name.len()) && name.trim() == name && !name.chars().any(|c| c.is_control() || c == ',')
    }
}
