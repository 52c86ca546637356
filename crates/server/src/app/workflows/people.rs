//! Whom runs know by a text, which may be an id of ours or the application's name for a user.

use domain::{ExternalId, User, UserId};

use crate::app::{App, Error};

impl App {
    /// The user whom a text names: by our id, or else as the application calls them. A text that looks like an id and is nobody's names nobody.
    pub(super) async fn user_called(&self, name: &str) -> Result<Option<User>, Error> {
        if let Ok(id) = name.parse::<UserId>()
            && let Some(user) = self.store.user(id).await?
        {
            return Ok(Some(user));
        }
        let Ok(external) = ExternalId::parse(name) else { return Ok(None) };
        Ok(self.store.user_by_external_id(&external).await?)
    }
}
