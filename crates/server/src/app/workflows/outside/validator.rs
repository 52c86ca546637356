//! `validator.http` and `validator.radius`: somebody else who knows whether a code is right.

use domain::UserId;
use gateway::radius;
use serde_json::{Map, Value, json};

use super::{Errand, Given, post, text, unsent};
use crate::app::App;
use crate::app::workflows::inside::Fault;

impl App {
    /// Asks by HTTP. An answer that does not say clearly is no yes and no no: the step fails.
    pub(super) async fn validator_http(&self, errand: &Errand) -> Given {
        let code = self.need_secret(errand, "code")?;
        let user = self.known_as(errand).await?;
        let url = text(errand, "url").unwrap_or_default();
        let mut request = post(url, &json!({ "user": user, "code": code.as_str() }))?;
        if let Some(bearer) = self.secret(errand, "bearer")? {
            let said = format!("Bearer {}", bearer.trim());
            request = request.header("authorization", &said).map_err(|error| unsent(&error))?;
        }
        let answer = self.ask(errand, request).await?;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match answer.get("accepted") {
            Some(Value::Bool(accepted)) => Ok(is_accepted(*accepted)),
            _ => Err(Fault::final_one("the answer does not say whether the code is right: it has no `accepted`")),
        }
    }

    /// Asks by RADIUS.
    pub(super) async fn validator_radius(&self, errand: &Errand) -> Given {
        let (code, secret) = (self.need_secret(errand, "code")?, self.need_secret(errand, "shared_secret")?);
        let user = self.known_as(errand).await?;
        let server = text(errand, "server").unwrap_or_default();
        let (code, secret) = (gateway::Secret::new(code.as_str()), gateway::Secret::new(secret.trim()));
        let asking = radius::Asking { server, secret: &secret, user: &user, code: &code };
        match radius::ask(&self.door()?, &asking, &*self.entropy).await {
            Ok(accepted) => Ok(is_accepted(accepted)),
            Err(radius::Fault::NoAnswer) => Err(Fault::for_now(radius::Fault::NoAnswer.to_string())),
            Err(radius::Fault::Outside(error)) => Err(unsent(&error)),
            Err(fault) => Err(Fault::final_one(fault.to_string())),
        }
    }

    /// What the user is called in other systems.
    async fn known_as(&self, errand: &Errand) -> Result<String, Fault> {
        let user = text(errand, "user").unwrap_or_default();
        let id: UserId = user.parse().map_err(|_| Fault::final_one(format!("`{user}` is no id of a user")))?;
        let found = self.store.user(id).await.map_err(|error| Fault::for_now(error.to_string()))?;
        let found = found.ok_or_else(|| Fault::final_one("there is no such user, or not any more"))?;
        Ok(found.external_id.as_given().to_owned())
    }
}

fn is_accepted(accepted: bool) -> Map<String, Value> {
    Map::from_iter([("accepted".to_owned(), accepted.into())])
}
