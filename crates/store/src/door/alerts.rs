//! Alerts, their rules, and what was counted by them.

use domain::{Alert, AlertCursor, AlertGroup, AlertId, AlertRuleInForce, Page, PageRequest, Timestamp};

use crate::read::alerts;
use crate::{AlertFilter, Store, StoreError};

#[allow(clippy::missing_errors_doc, reason = "all fail alike, which the type says once")]
impl Store {
    /// How far events were counted for alerts, and how often anything of them was changed beside.
    pub async fn alert_cursor(&self) -> Result<AlertCursor, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::cursor(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// The rules of alerts that are in force, by name.
    pub async fn alert_rules(&self) -> Result<Vec<AlertRuleInForce>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::rules(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// What was counted of some groups, by rule and group; those of which nothing was are not there.
    pub async fn alert_groups(&self, groups: &[(String, String)]) -> Result<Vec<AlertGroup>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::groups(lease.connection(), groups).await?;
        lease.done();
        Ok(found)
    }

    /// The alerts of some rules that are not resolved.
    pub async fn open_alerts(&self, rules: &[String]) -> Result<Vec<Alert>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::open(lease.connection(), rules).await?;
        lease.done();
        Ok(found)
    }

    /// Some of the alerts that resolve by themselves at `now`, `at_most` so many.
    pub async fn alerts_over(&self, now: Timestamp, at_most: u32) -> Result<Vec<Alert>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::over(lease.connection(), now, at_most).await?;
        lease.done();
        Ok(found)
    }

    /// An alert.
    pub async fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// Alerts, the newest first.
    pub async fn alerts(
        &self,
        filter: &AlertFilter,
        page: PageRequest<AlertId>,
    ) -> Result<Page<Alert, AlertId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::list(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }
}
