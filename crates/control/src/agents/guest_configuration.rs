//! Guest configuration: what audits of a machine's settings say, as resources below the machine.
//!
//! The inventory states facts; here they are judged, each time a topic is told. An audit is decided by one topic, and
//! has the name and the type that Azure's policies look for. A result is written when it differs from the one before.

use bartizan_base::{ResourceId, Ticks};
use bartizan_records::{Actor, Condition, Records, RecordsError, Resource, Write};
use serde_json::{Value, json};
use uuid::Uuid;

/// The type of a result.
pub(crate) const ASSIGNMENT_TYPE: &str = "Microsoft.GuestConfiguration/guestConfigurationAssignments";
/// The version of the audits, which a result names.
const VERSION: &str = "1.0.0.0";

/// What a machine does not satisfy: a code for programs, a sentence for people. Empty when it satisfies all.
type Reasons = Vec<(&'static str, String)>;

struct Audit {
    /// As in Azure.
    name: &'static str,
    /// What it looks at, for people.
    looks_at: &'static str,
    /// The topic of evidence that decides it.
    topic: &'static str,
    judge: fn(&Value) -> Reasons,
}

const AUDITS: &[Audit] = &[
    Audit {
        name: "PasswordPolicy_msid121",
        looks_at: "Permissions of /etc/passwd",
        topic: "accounts",
        judge: passwd_permissions,
    },
    Audit {
        name: "PasswordPolicy_msid232",
        looks_at: "Accounts without passwords",
        topic: "accounts",
        judge: accounts_without_passwords,
    },
    Audit {
        name: "PasswordPolicy_msid110",
        looks_at: "Remote sign-in of accounts without passwords",
        topic: "ssh.config",
        judge: remote_without_passwords,
    },
];

fn passwd_permissions(accounts: &Value) -> Reasons {
    let files = accounts["files"].as_array().into_iter().flatten();
    let mode =
        files.clone().find(|file| file["path"] == "/etc/passwd").and_then(|file| file["mode"].as_str());
    match mode {
        Some("0644") => Vec::new(),
        Some(mode) => {
            vec![("PasswdPermissions:Mode", format!("The mode of /etc/passwd is {mode}; it must be 0644."))]
        }
        None => vec![("PasswdPermissions:Missing", "The mode of /etc/passwd cannot be read.".to_owned())],
    }
}

fn accounts_without_passwords(accounts: &Value) -> Reasons {
    let count = accounts["withoutPasswordCount"].as_u64().unwrap_or_default();
    let names = accounts["withoutPassword"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut reasons: Reasons = names
        .take(20)
        .map(|name| ("AccountPassword:Empty", format!("The account `{name}` has no password.")))
        .collect();
    let more = count.saturating_sub(reasons.len() as u64);
    if more > 0 {
        reasons.push(("AccountPassword:Empty", format!("{more} more accounts have no password.")));
    }
    reasons
}

fn remote_without_passwords(ssh: &Value) -> Reasons {
    const NAME: &str = "permitEmptyPasswords";
    let mut reasons = Reasons::new();
    if ssh[NAME] == "yes" {
        let text = "The SSH server lets accounts without passwords in: PermitEmptyPasswords is yes.";
        reasons.push(("SshSettings:PermitEmptyPasswords", text.to_owned()));
    }
    let mut matched = ssh["matchBlocks"][NAME].as_array().into_iter().flatten();
    if matched.any(|value| value == "yes") {
        let text =
            "Below a Match, the SSH server lets accounts without passwords in: PermitEmptyPasswords is yes.";
        reasons.push(("SshSettings:MatchPermitEmptyPasswords", text.to_owned()));
    }
    reasons
}

/// Judges what a machine told, and writes the results that are new.
///
/// # Errors
/// When the records cannot be read or written.
pub(super) async fn judge(
    records: &Records,
    machine: &ResourceId,
    actor: &Actor,
    topic: &str,
    facts: &Value,
    at: Ticks,
) -> Result<(), RecordsError> {
    let audits: Vec<&Audit> = AUDITS.iter().filter(|audit| audit.topic == topic).collect();
    if audits.is_empty() {
        return Ok(());
    }
    // Nothing is hung on a machine that has gone meanwhile.
    let Some(machine) = records.get(machine).await? else { return Ok(()) };
    for audit in audits {
        let Ok(id) = machine.id.join(&format!("providers/{ASSIGNMENT_TYPE}/{}", audit.name)) else {
            continue;
        };
        let body = result(audit, &machine, facts, at);
        let stored = records.get(&id).await?;
        let same =
            |stored: &Resource| stored.property("resourceHash") == Some(&body["properties"]["resourceHash"]);
        if stored.as_ref().is_some_and(same) {
            continue;
        }
        let write = Write { id, body, condition: Condition::None, actor: actor.clone(), audit: false };
        records.put(write).await?;
    }
    Ok(())
}

fn result(audit: &Audit, machine: &Resource, facts: &Value, at: Ticks) -> Value {
    let unknown = facts["status"] == "unknown";
    let reasons = if unknown { Reasons::new() } else { (audit.judge)(facts) };
    let (status, phrase) = match (unknown, reasons.is_empty()) {
        (true, _) => ("Pending", facts["reason"].as_str().unwrap_or_default().chars().take(500).collect()),
        (false, true) => ("Compliant", String::new()),
        (false, false) => ("NonCompliant", String::new()),
    };
    let reasons: Vec<Value> = match unknown {
        true => vec![json!({"code": "Audit:Unknown", "phrase": phrase})],
        false => reasons.iter().map(|(code, phrase)| json!({"code": code, "phrase": phrase})).collect(),
    };
    // What is the same has the same hash, whenever it was found.
    let said = json!([VERSION, status, reasons]).to_string();
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, said.as_bytes());
    let report = Uuid::new_v5(&hash, format!("{} {} {at}", machine.id.key(), audit.name).as_bytes());
    let configuration = json!({"name": audit.name, "version": VERSION, "kind": "BuiltIn"});
    json!({
        "location": machine.body.get("location").cloned().unwrap_or_default(),
        "properties": {
            "guestConfiguration": configuration,
            "assignmentType": "Audit",
            "provisioningState": "Succeeded",
            "complianceStatus": status,
            "lastComplianceStatusChecked": at,
            "latestReportId": report,
            "resourceHash": hash.simple().to_string(),
            "targetResourceId": machine.id,
            "latestAssignmentReport": {
                "id": report,
                "reportId": report,
                "assignment": {"name": audit.name, "configuration": configuration},
                "vm": {"id": machine.id, "uuid": machine.property("vmId")},
                "startTime": at,
                "endTime": at,
                "complianceStatus": status,
                "operationType": "Consistency",
                "resources": [{
                    "resourceId": audit.looks_at,
                    "complianceStatus": status,
                    "reasons": reasons,
                }],
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(reasons: &Reasons) -> Vec<&'static str> {
        reasons.iter().map(|(code, _)| *code).collect()
    }

    #[test]
    fn permissions_must_be_as_they_are_made() {
        let with =
            |mode: Value| passwd_permissions(&json!({"files": [{"path": "/etc/passwd", "mode": mode}]}));
        assert!(with(json!("0644")).is_empty());
        assert_eq!(codes(&with(json!("0666"))), ["PasswdPermissions:Mode"]);
        assert_eq!(codes(&with(Value::Null)), ["PasswdPermissions:Missing"]);
        assert_eq!(codes(&passwd_permissions(&json!(7))), ["PasswdPermissions:Missing"]);
    }

    #[test]
    fn accounts_are_named_up_to_a_bound() {
        let of = |names: &[&str], count: u64| {
            accounts_without_passwords(&json!({"withoutPassword": names, "withoutPasswordCount": count}))
        };
        assert!(of(&[], 0).is_empty());
        assert!(of(&["bob"], 1)[0].1.contains("`bob`"));
        let many = of(&["u"; 100], 500);
        assert_eq!(many.len(), 21);
        assert!(many[20].1.starts_with("480 more"), "{}", many[20].1);
    }

    #[test]
    fn a_match_block_counts_too() {
        assert!(remote_without_passwords(&json!({"installed": false})).is_empty());
        assert!(
            remote_without_passwords(&json!({"permitEmptyPasswords": "no", "matchBlocks": {}})).is_empty()
        );
        let ssh =
            json!({"permitEmptyPasswords": "yes", "matchBlocks": {"permitEmptyPasswords": ["no", "yes"]}});
        assert_eq!(remote_without_passwords(&ssh).len(), 2);
    }
}
