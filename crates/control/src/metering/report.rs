//! The usage report of a subscription's month, in hours and money, as JSON and as CSV.

use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Records, RecordsError};
use serde_json::{Value, json};

use super::ledger::{Hours, month_of};
use super::{DATA, month, months};
use crate::arm::prices::{Prices, prices};

/// The meters, in the order of [`Hours`].
const METERS: [&str; 3] = ["serversP1", "serversP2", "posture"];

/// The report of `name`, a month such as `2026-11`.
pub(crate) async fn report(
    records: &Records,
    subscription: &ResourceId,
    name: &str,
    now: Ticks,
) -> Result<Value, RecordsError> {
    let book = month(records, name).await?;
    let prices = prices(records, subscription).await?;
    let mut total = Hours::default();
    let mut machines = Vec::new();
    for (id, hours) in &book.machines {
        let Ok(id) = ResourceId::parse(id) else { continue };
        if id.is_within(subscription) {
            total.add(hours);
            // As it is written now; a machine that is gone, as it was compared.
            let known = records.get(&id).await?.map(|found| found.id);
            machines.push(machine(&known.unwrap_or(id), hours, &prices));
        }
    }
    let days = book.days.iter().filter(|((at, _), _)| at == subscription.key());
    let days: Vec<Value> = days
        .map(|((_, day), hours)| json!({"date": day, "hours": meters(hours), "amount": amount(hours, &prices)}))
        .collect();
    let included = records.get_state(&format!("{DATA}{name}")).await?.unwrap_or_else(|| json!({}));
    let included: Vec<Value> = included
        .as_object()
        .into_iter()
        .flatten()
        .map(|(day, used)| {
            json!({"date": day, "usedMb": used["usedMb"], "allowanceMb": used["allowanceMb"], "machines": used["machines"]})
        })
        .collect();
    Ok(json!({
        "id": format!("{subscription}/providers/Bartizan.Security/usageReports/{name}"),
        "name": name,
        "type": "Bartizan.Security/usageReports",
        "properties": {
            "month": name,
            "complete": name < month_of(now).as_str(),
            "months": months(records, now).await?,
            "prices": prices.to_json(),
            "total": {"hours": meters(&total), "freeHours": free_meters(&total), "amount": amount(&total, &prices)},
            "machines": machines,
            "days": days,
            "includedData": included,
        },
    }))
}

fn machine(id: &ResourceId, hours: &Hours, prices: &Prices) -> Value {
    json!({
        "id": id, "name": id.name(), "resourceGroup": id.resource_group().unwrap_or_default(),
        "hours": meters(hours), "freeHours": free_meters(hours), "amount": amount(hours, prices),
    })
}

fn meters(hours: &Hours) -> Value {
    METERS.iter().zip(hours.paid).map(|(name, hours)| ((*name).to_owned(), json!(hours))).collect()
}

fn free_meters(hours: &Hours) -> Value {
    METERS.iter().zip(hours.free).map(|(name, hours)| ((*name).to_owned(), json!(hours))).collect()
}

fn amount(hours: &Hours, prices: &Prices) -> f64 {
    let sum: f64 = hours.paid.iter().zip(prices.per_hour()).map(|(hours, price)| *hours as f64 * price).sum();
    // To a hundredth of the smallest coin.
    (sum * 10_000.0).round() / 10_000.0
}

/// The machines of a report as CSV, with a line of sums.
pub(crate) fn csv(report: &Value) -> String {
    let properties = &report["properties"];
    let mut out = "machine,resourceGroup,serversP1Hours,serversP2Hours,postureHours,serversP1FreeHours,\
                   serversP2FreeHours,postureFreeHours,amount,currency,resourceId\r\n"
        .to_owned();
    let currency = properties["prices"]["currency"].as_str().unwrap_or_default();
    let mut line = |name: &str, group: &str, row: &Value, id: &str| {
        let mut cells = vec![quoted(name), quoted(group)];
        for kind in ["hours", "freeHours"] {
            cells.extend(METERS.iter().map(|meter| row[kind][*meter].to_string()));
        }
        cells.extend([row["amount"].to_string(), quoted(currency), quoted(id)]);
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    for machine in properties["machines"].as_array().into_iter().flatten() {
        let text = |name: &str| machine[name].as_str().unwrap_or_default();
        line(text("name"), text("resourceGroup"), machine, text("id"));
    }
    line("Total", "", &properties["total"], "");
    out
}

/// A cell. A name that a spreadsheet would take for a formula is made text.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_safe_and_sums_are_rounded_once() {
        assert_eq!(quoted("web-1"), "web-1");
        assert_eq!(quoted("=1+2"), "'=1+2");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        let hours = Hours { paid: [730, 0, 3], free: [9, 9, 9] };
        let prices =
            Prices::read(&json!({"serversP1Hour": 0.01, "serversP2Hour": 5.0, "postureHour": 0.00333}));
        assert_eq!(amount(&hours, &prices), 7.31, "free hours cost nothing");
    }
}
