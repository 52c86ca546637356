//! Devices: what users hold.

use domain::event::About;
use domain::{Device, DeviceId, DeviceKind, EventKind, UserId};
use store::{Change, Effect};

use super::telling::With;
use super::{Actor, App, Error, Made, Once};

impl App {
    /// Makes a device known.
    pub(crate) async fn create_device(
        &self,
        actor: &Actor,
        user_id: UserId,
        name: String,
        kind: DeviceKind,
        once: Option<&Once>,
    ) -> Result<Made<Device>, Error> {
        let now = self.now();
        let device = Device { id: DeviceId::generate(now, &*self.entropy), user_id, name, kind, created_at: now };
        let event = self.event(EventKind::DeviceCreated, Some(actor), about(&device)).with("kind", kind.name());
        let record = Once::record(once, actor, device.id, now);
        let effect = self.commit_once(Change::CreateDevice(device.clone()), event, record).await?;
        Once::made(once, effect, device, Error::NotFound("user"))
    }

    /// A device.
    pub(crate) async fn device(&self, id: DeviceId) -> Result<Device, Error> {
        self.store.device(id).await?.ok_or(Error::NotFound("device"))
    }

    /// A user's devices, oldest first.
    pub(crate) async fn devices_of(&self, user: UserId) -> Result<Vec<Device>, Error> {
        self.user(user).await?;
        Ok(self.store.devices_of(user).await?)
    }

    /// Removes a device that no authenticator sits on.
    pub(crate) async fn delete_device(&self, actor: &Actor, id: DeviceId) -> Result<(), Error> {
        let device = self.device(id).await?;
        let event = self.event(EventKind::DeviceDeleted, Some(actor), about(&device));
        match self.commit(Change::DeleteDevice { id }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::Conflict("an authenticator sits on this device: revoke it first")),
        }
    }
}

fn about(device: &Device) -> About {
    About { user_id: Some(device.user_id), device_id: Some(device.id), ..About::default() }
}
