//! `countersign gateways`

use domain::{Clock, SystemClock};
use serde_json::json;

use super::Desk;
use crate::cli::GatewaysCommand;
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, moment, one_line};

/// Shows which gateways are switched away from, and has one used as before.
pub(crate) async fn gateways(desk: &Desk, command: GatewaysCommand) -> Result<(), Failure> {
    match command {
        GatewaysCommand::Switches { .. } => switches(desk).await,
        GatewaysCommand::SwitchBack { gateway, .. } => switch_back(desk, &gateway).await,
    }
}

async fn switches(desk: &Desk) -> Result<(), Failure> {
    let list = desk.client.get(&["v1", "gateway-switches"]).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("No gateway is switched away from.");
        return Ok(());
    }
    let now = SystemClock.now();
    let mut table = Table::new(["GATEWAY", "CHANNEL", "SINCE", "UNTIL"].map(Column::text));
    for switch in items(&list) {
        table.row([
            (Look::Strong, one_line(text(switch, "/gateway"))),
            (Look::Plain, text(switch, "/channel").to_owned()),
            (Look::Plain, moment(at(switch, "since").as_str(), now)),
            (Look::Warning, moment(at(switch, "until").as_str(), now)),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

async fn switch_back(desk: &Desk, gateway: &str) -> Result<(), Failure> {
    let name = one_line(gateway);
    match desk.client.post(&["v1", "gateway-switches", "end"], json!({ "gateway": gateway })).await {
        Ok(_) if desk.output.is_json() => desk.output.json(&json!({ "switched_back": gateway })),
        Ok(_) => desk.output.success(format_args!("{} is used as before", desk.output.paint(Look::Strong, name))),
        Err(refusal) if refusal.is("not-found") => {
            return Err(Failure::no(format!(
                "`{name}` is not switched away from: `countersign gateways switches` shows which ones are"
            )));
        }
        Err(refusal) => return Err(refusal.into()),
    }
    Ok(())
}
