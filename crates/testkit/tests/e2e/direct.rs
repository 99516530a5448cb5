//! Direct onboarding with the real programs: the sensor only, an alert from it, and the same machine when it is connected
//! fully; then a server on another port, and readers that stop reading.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bartizan_testkit::real::programs::{capture, eventually, is_root, program};
use bartizan_testkit::real::server::{Client, Server, run_agent};
use serde_json::{Value, json};

/// Installing and reporting, on a machine that does much else.
const SOON: Duration = Duration::from_secs(120);

fn bartizan(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new(program("bartizan"));
    command.args(words).arg("--data").arg(&server.data);
    command
}

fn agent(state: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program("bartizan-agent"));
    command.args(words).arg("--state").arg(state);
    command
}

/// Connects with a token; what it prints.
fn connect(server: &Server, state: &Path, token: &str) -> anyhow::Result<String> {
    let mut command = agent(state, &["connect", "--resource-name", "edge-1", "--server", &server.url]);
    command.arg("--ca").arg(&server.ca);
    capture(command.env("BARTIZAN_TOKEN", token.trim()))
}

async fn machines(owner: &Client) -> anyhow::Result<Vec<Value>> {
    let path =
        format!("{}/providers/Microsoft.HybridCompute/machines?api-version=2024-07-10", owner.subscription());
    Ok(owner.get(&path).await?["value"].as_array().cloned().unwrap_or_default())
}

async fn extensions(owner: &Client, machine: &str) -> anyhow::Result<Vec<(String, String)>> {
    let list = owner.get(&format!("{machine}/extensions?api-version=2024-07-10")).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = list["value"].as_array().into_iter().flatten();
    let mut out: Vec<_> =
        all.map(|found| (text(&found["name"]), text(&found["properties"]["provisioningState"]))).collect();
    out.sort();
    Ok(out)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_the_sensor_only_becomes_a_whole_one() -> anyhow::Result<()> {
    if !is_root() {
        println!("skipped: the sensor needs root");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let server = Server::start(&folder.path().join("server"))?;
    let owner = server.owner().await?;
    let state = folder.path().join("agent");

    // Off, it says so to who asks for a token.
    let off = bartizan(&server, &["onboarding-token", "--direct"]).output()?;
    let said = String::from_utf8_lossy(&off.stderr).into_owned();
    ensure!(!off.status.success() && said.contains("direct onboarding is off"), "{said}");
    let pricing = format!(
        "{}/providers/Microsoft.Security/pricings/VirtualMachines?api-version=2024-01-01",
        owner.subscription()
    );
    let designated = json!([{"name": "MdeDesignatedSubscription", "isEnabled": "True"}]);
    let plan = json!({"properties": {"pricingTier": "Standard", "subPlan": "P2", "extensions": designated}});
    owner.put(&pricing, plan).await?;

    let token = capture(&mut bartizan(&server, &["onboarding-token", "--direct"]))?;
    let printed = connect(&server, &state, &token)?;
    ensure!(printed.contains("onboarded directly"), "{printed}");
    let mut running = run_agent(&state)?;
    let found = machines(&owner).await?;
    ensure!(found.len() == 1 && found[0]["properties"]["onboarding"] == "Direct", "{found:?}");
    let id = found[0]["id"].as_str().context("no id")?.to_owned();
    let vm_id = found[0]["properties"]["vmId"].clone();
    ensure!(id.contains("/resourceGroups/direct-onboarding/"), "{id}");
    let sensor = vec![("MDE.Linux".to_owned(), "Succeeded".to_owned())];
    eventually("the sensor", SOON, async || Ok((extensions(&owner, &id).await? == sensor).then_some(())))
        .await?;

    // It is whole as it is, and its alerts come.
    eventually("a healthy diagnosis", SOON, async || {
        let ended = bartizan(&server, &["diagnose", "edge-1"]).output()?;
        Ok(ended.status.success().then_some(()))
    })
    .await?;
    let test = capture(&mut agent(&state, &["test-alert"]))?;
    ensure!(test.contains("succeeded: incident"), "{test}");
    ensure!(extensions(&owner, &id).await? == sensor, "no policy gave it more");
    let shown = capture(&mut agent(&state, &["status"]))?;
    ensure!(shown.contains("direct: the sensor only"), "{shown}");

    // Connected fully: one machine, the same, with everything that the plan brings.
    let token = capture(&mut bartizan(&server, &["onboarding-token"]))?;
    let printed = connect(&server, &state, &token)?;
    ensure!(printed.starts_with("connected as"), "{printed}");
    // The agent that runs takes it over: nobody has to start it again.
    let found = machines(&owner).await?;
    ensure!(found.len() == 1, "a second machine: {found:?}");
    ensure!(found[0]["properties"]["vmId"] == vm_id, "another machine: {found:?}");
    ensure!(found[0]["properties"]["onboarding"].is_null(), "{found:?}");
    let id = found[0]["id"].as_str().context("no id")?.to_owned();
    eventually("everything of the plan", SOON, async || {
        let all = extensions(&owner, &id).await?;
        Ok((all.len() == 3 && all.iter().all(|(_, state)| state == "Succeeded")).then_some(()))
    })
    .await?;
    // It begins anew as the other resource within seconds; a process that runs in that very moment may be missed.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let test = capture(&mut agent(&state, &["test-alert"]))?;
    ensure!(test.contains("succeeded: incident"), "{test}");
    running.stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_follows_its_server_to_another_port_and_a_closed_pipe_is_no_error() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut first = Server::start(&folder.path().join("server"))?;
    let state = folder.path().join("agent");
    let token = capture(&mut bartizan(&first, &["onboarding-token"]))?;
    connect(&first, &state, &token)?;
    let machine = machines(&first.owner().await?).await?[0]["id"].as_str().context("no id")?.to_owned();

    // Whoever reads one line only is served like all others, and the verdict is still the exit code.
    let mut child =
        bartizan(&first, &["diagnose", "edge-1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let ended = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(ended.status.code() == Some(1) && !said.contains("panicked"), "{:?}: {said}", ended.status);

    let mut running = run_agent(&state)?;
    first.process.stop()?;
    let second = Server::start(&first.data)?;
    ensure!(second.url != first.url, "the port is another one");
    let elsewhere = Server::start(&folder.path().join("another"))?;
    let refused = agent(&state, &["reconnect", "--server", &elsewhere.url]).output()?;
    ensure!(!refused.status.success(), "another server is not this machine's");
    let said = capture(&mut agent(&state, &["reconnect", "--server", &second.url]))?;
    ensure!(said.contains(&second.url) && said.contains(&first.url), "{said}");
    let shown: Value = serde_json::from_str(&capture(&mut agent(&state, &["status", "--json"]))?)?;
    ensure!(shown["server"] == second.url.as_str(), "{shown}");
    // The agent that runs goes there too, without being started again.
    let (http, token) = (second.http()?, second.token("Reader").await?);
    eventually("its report to the new address", SOON, async || {
        let path = format!("{}{machine}?api-version=2024-07-10", second.url);
        let found: Value = http.get(path).bearer_auth(&token).send().await?.json().await?;
        let mut endpoints =
            found["properties"]["agentReport"]["connectivity"]["endpoints"].as_array().into_iter().flatten();
        let url = |endpoint: &Value| endpoint["url"].as_str().is_some_and(|url| url.starts_with(&second.url));
        Ok(endpoints.any(url).then_some(()))
    })
    .await?;
    running.stop()?;
    capture(&mut agent(&state, &["disconnect"])).map(drop)
}
