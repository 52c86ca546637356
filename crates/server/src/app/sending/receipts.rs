//! What networks say some seconds later of a message that was sent.

use domain::EventKind;
use gateway::sms::{InvalidReceipt, Posted, ReceiptState};
use store::Change;

use crate::app::telling::With;
use crate::app::{App, Error};

impl App {
    /// Takes a receipt, if it is from whom it should be. `None` where it is not.
    pub(crate) async fn take_receipt(&self, gateway: &str, posted: &Posted<'_>) -> Result<Option<()>, Error> {
        let post = self.post.as_ref().ok_or(Error::NotFound("gateway"))?;
        let receipt = match post.gateways().receipt(gateway, posted) {
            Ok(receipt) => receipt,
            Err(InvalidReceipt::None) => return Err(Error::NotFound("gateway")),
            Err(InvalidReceipt::Malformed) => return Err(Error::invalid("", InvalidReceipt::Malformed.to_string())),
            Err(InvalidReceipt::Signature | InvalidReceipt::Old) => return Ok(None),
        };
        let kind = match receipt.state {
            ReceiptState::OnItsWay => return Ok(Some(())),
            ReceiptState::Delivered => EventKind::CodeDelivered,
            ReceiptState::Failed => EventKind::CodeUndelivered,
        };
        metrics::counter!("countersign_receipts_total", "gateway" => gateway.to_owned(), "event" => kind.name())
            .increment(1);
        let about = post.awaited(gateway, &receipt.reference).unwrap_or_default();
        let mut event =
            self.event(kind, None, about).with("gateway", gateway).with("reference", receipt.reference.as_str());
        if let Some(code) = receipt.code {
            event = event.with("reason", code);
        }
        self.commit(Change::Tell, event).await?;
        Ok(Some(()))
    }
}
