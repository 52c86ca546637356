//! Users: making them known, finding them, suspending and erasing them.

use domain::event::About;
use domain::{Event, EventKind, ExternalId, Page, PageRequest, Standing, User, UserId, UserKind, UserState};
use store::{Change, Effect, UserFilter};

use super::telling::With;
use super::{Actor, App, Error, Made, Once, UserRef};

/// A user to make known.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    /// The application's id for it.
    pub(crate) external_id: ExternalId,
    /// What it is called.
    pub(crate) display_name: Option<String>,
    /// Person or service account.
    pub(crate) kind: UserKind,
}

/// What to change of a user; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserPatch {
    /// What it is called; `Some(None)` takes the name away.
    #[allow(clippy::option_option, reason = "taking a name away is not leaving it as it is (RFC 7396)")]
    pub(crate) display_name: Option<Option<String>>,
    /// Person or service account.
    pub(crate) kind: Option<UserKind>,
}

impl App {
    /// Makes a user known. Nobody is called by what reads as an id of ours: where people are told apart by either, that could be somebody else's.
    pub(crate) async fn create_user(
        &self,
        actor: &Actor,
        new: NewUser,
        once: Option<&Once>,
    ) -> Result<Made<User>, Error> {
        if new.external_id.is_like_an_id() {
            return Err(Error::invalid(
                "/external_id",
                "reads as an id that is given here (`usr_…`): take one of your own",
            ));
        }
        let now = self.now();
        let user = User {
            id: UserId::generate(now, &*self.entropy),
            external_id: new.external_id,
            display_name: new.display_name,
            kind: new.kind,
            state: UserState::Active,
            created_at: now,
            standing: Standing::default(),
        };
        let event = self.event(EventKind::UserCreated, Some(actor), about(user.id)).with("kind", user.kind.name());
        let record = Once::record(once, actor, user.id, now);
        let effect = self.commit_once(Change::CreateUser(user.clone()), event, record).await?;
        Once::made(once, effect, user, Error::Exists("there is a user with this external id already"))
    }

    /// Makes a user known, or changes the one that is known by this external id. Says whether it is new.
    pub(crate) async fn upsert_user(
        &self,
        actor: &Actor,
        external_id: ExternalId,
        patch: UserPatch,
    ) -> Result<(User, bool), Error> {
        if let Some(user) = self.store.user_by_external_id(&external_id).await? {
            return Ok((self.update_user(actor, user.id, patch).await?, false));
        }
        let new = NewUser {
            external_id: external_id.clone(),
            display_name: patch.display_name.clone().flatten(),
            kind: patch.kind.unwrap_or(UserKind::Person),
        };
        match self.create_user(actor, new, None).await {
            Ok(Made::New(user)) => Ok((user, true)),
            // Somebody else made it known between our read and our write.
            Err(Error::Exists(_)) | Ok(Made::Before(_)) => {
                let user = self.store.user_by_external_id(&external_id).await?.ok_or(Error::NotFound("user"))?;
                Ok((self.update_user(actor, user.id, patch).await?, false))
            }
            Err(error) => Err(error),
        }
    }

    /// A user.
    pub(crate) async fn user(&self, id: UserId) -> Result<User, Error> {
        self.store.user(id).await?.ok_or(Error::NotFound("user"))
    }

    /// A user by either id, if there is one.
    pub(crate) async fn find_user(&self, user: &UserRef) -> Result<Option<User>, Error> {
        Ok(match user {
            UserRef::Id(id) => self.store.user(*id).await?,
            UserRef::External(id) => self.store.user_by_external_id(id).await?,
        })
    }

    /// Users, oldest first.
    pub(crate) async fn users(
        &self,
        filter: &UserFilter,
        page: PageRequest<UserId>,
    ) -> Result<Page<User, UserId>, Error> {
        Ok(self.store.users(filter, page).await?)
    }

    /// Changes a user's name or kind.
    pub(crate) async fn update_user(&self, actor: &Actor, id: UserId, patch: UserPatch) -> Result<User, Error> {
        let mut user = self.user(id).await?;
        let before = user.clone();
        user.display_name = patch.display_name.unwrap_or(user.display_name);
        user.kind = patch.kind.unwrap_or(user.kind);
        if user == before {
            return Ok(user);
        }
        let event = self.event(EventKind::UserUpdated, Some(actor), about(id)).with("kind", user.kind.name());
        let change = Change::UpdateUser { id, display_name: user.display_name.clone(), kind: user.kind };
        match self.commit(change, event).await? {
            Effect::Applied => Ok(user),
            _ => Err(Error::NotFound("user")),
        }
    }

    /// Suspends or resumes a user. One that is in that state already stays in it; from being locked by a run a person takes it over.
    pub(crate) async fn set_user_state(&self, actor: &Actor, id: UserId, to: UserState) -> Result<User, Error> {
        let mut user = self.user(id).await?;
        let (change, event) = self.user_in_state(Some(actor), id, to);
        if self.commit(change, event).await? != Effect::Applied {
            // They were in it already, by a person where they were suspended: that is nothing new, and not told. Or they were erased meanwhile.
            user = self.user(id).await?;
        }
        user.state = to;
        Ok(user)
    }

    /// What suspends or resumes a user, and what is told of it. By a workflow where nobody asks.
    pub(in crate::app) fn user_in_state(&self, actor: Option<&Actor>, id: UserId, to: UserState) -> (Change, Event) {
        let kind = match to {
            UserState::Active => EventKind::UserResumed,
            UserState::Suspended => EventKind::UserSuspended,
        };
        let event = self.event(kind, actor, about(id)).with("reason", "requested");
        (Change::SetUserState { id, to }, event.detailed(actor.and_then(|actor| self.origin(actor))))
    }

    /// Erases everything about a user but the bare facts in the events.
    pub(crate) async fn erase_user(&self, actor: &Actor, id: UserId) -> Result<(), Error> {
        let event = self.event(EventKind::UserErased, Some(actor), about(id));
        match self.commit(Change::EraseUser { id }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::NotFound("user")),
        }
    }
}

fn about(user: UserId) -> About {
    About { user_id: Some(user), ..About::default() }
}
