//! Which country a machine is in, by its address: `properties.agentReport.location` of the machine.
//!
//! The address is the one from which the agent reaches this server, or, when that is of a private network, a public one
//! that the machine has itself. What a sender writes into `X-Forwarded-For` is not believed.

use std::net::IpAddr;

use bartizan_engine::addresses::{Country, country_of, is_public};
use bartizan_wire::MachineFacts;
use serde_json::{Value, json};

/// The location of a machine whose agent spoke from `from`. `before` is what the machine has: it stays while the country
/// is the same, because a network may send each request from another address, and each change is a write.
pub(super) fn of(from: Option<&str>, facts: &MachineFacts, before: &Value) -> Value {
    let now = location(from, facts);
    let told = ["countryCode", "reason"].iter().all(|name| before[*name] == now[*name]);
    if before.is_object() && told { before.clone() } else { now }
}

fn location(from: Option<&str>, facts: &MachineFacts) -> Value {
    let own = facts.addresses.iter().map(|address| address.address.as_str());
    let public = from.into_iter().chain(own).find(|text| parse(text).is_some_and(is_public));
    let Some(address) = public else {
        let reason = "The machine is heard from a private address, and has no public one of its own.";
        return json!({"address": from, "country": null, "countryCode": null, "reason": reason});
    };
    match parse(address).and_then(country_of) {
        Some(Country { code, name }) => {
            json!({"address": address, "country": name, "countryCode": code, "reason": null})
        }
        None => json!({
            "address": address, "country": null, "countryCode": null,
            "reason": "The table of countries by address does not have this address.",
        }),
    }
}

/// The name of the country of an address, if it is public and known.
pub(crate) fn country_name(address: &str) -> Option<&'static str> {
    parse(address).and_then(country_of).map(|country| country.name)
}

fn parse(address: &str) -> Option<IpAddr> {
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(addresses: &[&str]) -> MachineFacts {
        let of =
            |address: &&str| json!({"interface": "eth0", "mac": "", "address": address, "prefixLength": 24});
        let addresses: Vec<Value> = addresses.iter().map(of).collect();
        let mut facts = json!(MachineFacts::default());
        facts["addresses"] = addresses.into();
        serde_json::from_value(facts).unwrap()
    }

    #[test]
    fn the_address_it_is_heard_from_counts_before_its_own() {
        let found = of(Some("131.111.8.46"), &facts(&["129.132.1.1"]), &Value::Null);
        assert_eq!((&found["country"], &found["countryCode"]), (&json!("United Kingdom"), &json!("GB")));
        let found = of(Some("10.0.0.7"), &facts(&["fe80::1", "192.168.1.1", "129.132.1.1"]), &Value::Null);
        assert_eq!((&found["address"], &found["countryCode"]), (&json!("129.132.1.1"), &json!("CH")));
    }

    #[test]
    fn private_and_unknown_addresses_have_no_country_and_say_why() {
        let found = of(Some("127.0.0.1"), &facts(&["10.1.1.1"]), &Value::Null);
        assert!(
            found["country"].is_null() && found["reason"].as_str().unwrap().contains("private"),
            "{found}"
        );
        let found = of(None, &facts(&[]), &Value::Null);
        assert!(found["address"].is_null() && found["reason"].is_string(), "{found}");
        assert_eq!(country_name("10.0.0.1"), None);
        assert_eq!(country_name("no address"), None);
    }

    #[test]
    fn another_address_of_the_same_country_changes_nothing() {
        let first = of(Some("131.111.8.46"), &facts(&[]), &Value::Null);
        assert_eq!(of(Some("131.111.8.47"), &facts(&[]), &first), first);
        let moved = of(Some("129.132.1.1"), &facts(&[]), &first);
        assert_eq!(moved["address"], "129.132.1.1");
        assert!(of(Some("10.0.0.1"), &facts(&[]), &moved)["country"].is_null());
    }
}
