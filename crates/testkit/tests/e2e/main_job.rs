//! The main job: from an empty folder to a closed incident.

use std::time::Duration;

use serde_json::json;

use crate::attacks::{Sshd, run_from_memory};
use crate::portal;
use bartizan_testkit::real::programs;
use bartizan_testkit::real::programs::{eventually, is_root};
use bartizan_testkit::real::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn one_command_protects_this_machine() -> anyhow::Result<()> {
    if !is_root() {
        println!("skipped: protecting this machine needs root");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let server = Server::start(&folder.path().join("server"))?;
    let owner = server.owner().await?;
    let state = folder.path().join("agent");
    let mut agent = server.connect(&state)?;

    // Connected, and not covered: nothing runs until a plan is on.
    let machines =
        format!("{}/providers/Microsoft.HybridCompute/machines?api-version=2024-07-10", owner.subscription());
    let (machine, _) = eventually("connected machine", Duration::from_secs(20), async || {
        let list = owner.get(&machines).await?;
        Ok(list["value"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|m| m["properties"]["status"] == "Connected")
            .cloned())
    })
    .await?;
    let machine_id = machine["id"].as_str().unwrap_or_default().to_owned();
    let extensions = format!("{machine_id}/extensions?api-version=2024-07-10");
    assert_eq!(owner.get(&extensions).await?["value"], json!([]));

    // Plan on → Compliant in under 60 s.
    owner.plan(true).await?;
    let (states, took) = eventually("compliance", Duration::from_secs(60), async || {
        let states = owner.policy_states().await?;
        let ours: Vec<_> = states
            .into_iter()
            .filter(|state| {
                state["resourceId"].as_str().unwrap_or_default().eq_ignore_ascii_case(&machine_id)
            })
            .collect();
        let compliant = ours.len() >= 3 && ours.iter().all(|state| state["complianceState"] == "Compliant");
        Ok(compliant.then_some(ours))
    })
    .await?;
    println!("compliant with {} policies after {took:?}", states.len());
    let list = owner.get(&extensions).await?;
    for extension in list["value"].as_array().into_iter().flatten() {
        assert_eq!(extension["properties"]["provisioningState"], "Succeeded", "{extension}");
    }

    // Heartbeat answers.
    let (beats, _) = eventually("heartbeat", Duration::from_secs(30), async || {
        let rows = owner.query("Heartbeat | summarize max(TimeGenerated) by Computer").await?;
        Ok((!rows.is_empty()).then_some(rows))
    })
    .await?;
    println!("{beats:?}");

    // Real failed sign-ins → incident in under 10 s.
    let sshd_folder = tempfile::tempdir()?;
    match Sshd::start(sshd_folder.path())? {
        None => println!("skipped: failed sign-ins need openssh-server and sshpass"),
        Some(sshd) => {
            for _ in 0..5 {
                sshd.fail("root")?;
            }
            let (incident, took) = eventually("incident", Duration::from_secs(10), async || {
                owner.incident("failed SSH sign-ins").await
            })
            .await?;
            println!("incident `{}` after {took:?}", incident["properties"]["title"]);
            close(&owner, &incident).await?;
        }
    }

    // A real exec from memory → alert.
    run_from_memory("e2e-memory-marker")?;
    let (alerts, took) = eventually("memory alert", Duration::from_secs(10), async || {
        let rows = owner
            .query("SecurityAlert | where AlertName startswith 'Program run from memory' | project AlertName, Entities, Tactics")
            .await?;
        Ok((!rows.is_empty()).then_some(rows))
    })
    .await?;
    println!("alert {} after {took:?}", alerts[0]["AlertName"]);
    let rows = owner.query("DeviceProcessEvents | where ProcessCommandLine has 'e2e-memory-marker'").await?;
    assert!(!rows.is_empty(), "the process itself is a row");

    // Posture: assessments decided and a score.
    let assessments = format!("{machine_id}/providers/Microsoft.Security/assessments?api-version=2021-06-01");
    let (assessed, _) = eventually("assessments", Duration::from_secs(30), async || {
        let list = owner.get(&assessments).await?;
        let items = list["value"].as_array().cloned().unwrap_or_default();
        let decided = items.iter().filter(|a| a["properties"]["status"]["code"] != "NotApplicable").count();
        Ok((decided >= 5).then_some(items))
    })
    .await?;
    println!("{} assessments", assessed.len());
    let score = owner
        .get(&format!(
            "{}/providers/Microsoft.Security/secureScores/ascScore?api-version=2020-01-01",
            owner.subscription()
        ))
        .await?;
    assert!(score["properties"]["score"]["max"].as_f64().unwrap_or(0.0) > 0.0, "{score}");

    // The portal shows all this in a real browser.
    portal::walk(&server).await?;

    // Plan off → extensions stop and go.
    owner.plan(false).await?;
    eventually("removal", Duration::from_secs(60), async || {
        let list = owner.get(&extensions).await?;
        Ok(list["value"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })
    .await?;

    // Every write is in AzureActivity.
    let (writes, _) = eventually("activity", Duration::from_secs(20), async || {
        let rows =
            owner.query("AzureActivity | where OperationNameValue has 'pricings' | project OperationNameValue, Caller").await?;
        Ok((rows.len() >= 2).then_some(rows))
    })
    .await?;
    println!("{writes:?}");
    agent.stop()?;
    Ok(())
}

async fn close(
    owner: &bartizan_testkit::real::server::Client,
    incident: &serde_json::Value,
) -> anyhow::Result<()> {
    let id = incident["name"].as_str().unwrap_or_default().to_owned();
    let path = format!("{}?api-version=2024-03-01", owner.insights(&format!("incidents/{id}")));
    let mut body = owner.get(&path).await?;
    body["properties"]["owner"] =
        json!({"objectId": owner.session("objectId"), "assignedTo": owner.session("name")});
    body["properties"]["status"] = "Active".into();
    let active = owner.put(&path, body).await?;
    assert_eq!(active["properties"]["status"], "Active");
    let mut body = active;
    body["properties"]["status"] = "Closed".into();
    body["properties"]["classification"] = "TruePositive".into();
    body["properties"]["classificationReason"] = "SuspiciousActivity".into();
    owner.put(&path, body).await?;
    programs::eventually("closed row", Duration::from_secs(10), async || {
        let rows = owner
            .query(&format!(
                "SecurityIncident | where IncidentName == '{id}' | summarize arg_max(TimeGenerated, Status, Classification) by IncidentName"
            ))
            .await?;
        Ok(rows.into_iter().find(|row| row["Status"] == "Closed" && row["Classification"] == "TruePositive"))
    })
    .await?;
    Ok(())
}
