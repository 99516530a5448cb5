//! Security connectors: what is found becomes resources, is joined with agents, and goes again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bartizan_records::ListQuery;
use bartizan_testkit::bartizan_server::{ServeOptions, Server};
use bartizan_testkit::in_process::{Caller, InProcess};
use serde_json::{Value, json};

use crate::{eventually, outcome, owner, rows, server};

const FOUND: &str = "Microsoft.Security/securityConnectors/securityEntityData";

/// A server with the connection `hosts`, an inventory file of three machines.
pub(crate) async fn start() -> InProcess {
    let dir = tempfile::tempdir().unwrap();
    let connections = dir.path().join("connections");
    std::fs::create_dir(&connections).unwrap();
    hosts(dir.path(), "web1 ansible_host=10.9.0.1 ansible_password=hunter2\nweb2 env=prod\n[db]\ndb1\n");
    let path = dir.path().join("hosts");
    connection(
        dir.path(),
        "hosts",
        &format!("kind: inventory\npath: {}\ntags: [env]\n", path.display()),
        0o600,
    );
    connection(dir.path(), "lab", "kind: libvirt\nuri: test:///default\n", 0o600);
    let options = ServeOptions {
        store: |store| store.reserve_bytes = 0,
        connections: Some(connections),
        ..ServeOptions::new(dir.path().join("data"), "127.0.0.1:0".parse().unwrap())
    };
    InProcess { server: Server::start(options).await.unwrap(), dir }
}

fn hosts(dir: &Path, text: &str) {
    std::fs::write(dir.join("hosts"), text).unwrap();
}

fn connection(dir: &Path, name: &str, text: &str, mode: u32) {
    let path = dir.join("connections").join(format!("{name}.yaml"));
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn path(s: &InProcess, name: &str) -> String {
    format!("{}/providers/Microsoft.Security/securityConnectors/{name}", s.server.app.home.group_id())
}

fn body(environment: &str, connection: &str) -> Value {
    json!({"location": "local", "properties": {
        "environmentName": environment, "offerings": [], "environmentData": {"connection": connection},
        "discovery": {"state": "Succeeded", "machines": 7},
    }})
}

async fn health(caller: &Caller, path: &str) -> Value {
    caller.get(path).await.unwrap().json()["properties"]["discovery"].clone()
}

/// Asks for a run and waits until one that began later has ended.
async fn run(caller: &Caller, path: &str) -> Value {
    let before = health(caller, path).await["lastRun"].clone();
    let asked = caller.post(&format!("{path}/runDiscovery"), json!({})).await.unwrap();
    assert_eq!(asked.status, 202, "{}", asked.text);
    eventually("a run", || async {
        let health = health(caller, path).await;
        health["lastRun"] != before && health["state"] != "Running"
    })
    .await;
    health(caller, path).await
}

/// Name, status and joined machine of all that was found.
async fn found(caller: &Caller, path: &str) -> Vec<(String, String, String)> {
    let list = caller.get(&format!("{path}/securityEntityData")).await.unwrap().json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| &found["properties"])
        .map(|found| (text(&found["displayName"]), text(&found["status"]), text(&found["machineId"])))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn machines_are_found_joined_and_gone() {
    let s = start().await;
    let caller = owner(&s).await;
    let hosts_path = path(&s, "inventory");
    let made = caller.put(&hosts_path, body("inventory", "hosts")).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(made["properties"]["environmentName"], "Inventory");
    assert_eq!(
        made["properties"]["environmentData"],
        json!({"connection": "hosts", "environmentType": "InventoryFile", "scanInterval": 4})
    );
    eventually("the first run", || async { health(&caller, &hosts_path).await["state"] == "Succeeded" })
        .await;
    let first = health(&caller, &hosts_path).await;
    assert_eq!(
        (&first["machines"], &first["unmonitored"]),
        (&json!(3), &json!(3)),
        "what the client said of it is dropped"
    );
    let list = caller.get(&format!("{hosts_path}/securityEntityData")).await.unwrap();
    assert!(!list.text.contains("hunter2"), "variables that nobody named stay in the file");
    let web2 = list.json()["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["properties"]["displayName"] == "web2")
        .cloned();
    let web2 = web2.unwrap();
    assert_eq!((&web2["tags"]["env"], &web2["properties"]["source"]), (&json!("prod"), &json!("inventory")));
    let query = json!({"query": format!("union resources, securityresources | where type =~ '{FOUND}' and properties.status == 'Unmonitored' | count")});
    let asked = caller
        .post("/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01", query)
        .await
        .unwrap();
    assert_eq!(asked.json()["data"][0]["Count"], 3, "{}", asked.text);

    // An agent appears on one of them, and it is the same machine.
    let machine = s.enrol("web1").await.unwrap();
    let second = run(&caller, &hosts_path).await;
    assert_eq!((&second["machines"], &second["unmonitored"]), (&json!(3), &json!(2)));
    let now = found(&caller, &hosts_path).await;
    assert_eq!(now[1], ("web1".to_owned(), "Monitored".to_owned(), machine.id.to_string()));
    assert_eq!(now[2].1, "Unmonitored");

    // A machine that is missing once may only be away.
    hosts(s.dir.path(), "web1\nweb2 env=test\n");
    for _ in 0..2 {
        run(&caller, &hosts_path).await;
        assert_eq!(found(&caller, &hosts_path).await.len(), 3);
    }
    // A source that cannot be read takes nothing away and does not count.
    hosts(s.dir.path(), "[web\n");
    let failed = run(&caller, &hosts_path).await;
    assert_eq!(failed["state"], "Failed");
    let said = failed["message"].as_str().unwrap();
    assert!(
        said.contains("inventory connector, `")
            && said.contains("line 1")
            && said.contains("correct the file"),
        "{said}"
    );
    assert_eq!(found(&caller, &hosts_path).await.len(), 3);
    hosts(s.dir.path(), "web1\nweb2 env=test\n");
    let third = run(&caller, &hosts_path).await;
    assert_eq!((&third["state"], &third["machines"]), (&json!("Succeeded"), &json!(2)));
    let names: Vec<String> = found(&caller, &hosts_path).await.into_iter().map(|found| found.0).collect();
    assert_eq!(names, ["web1", "web2"]);

    let operation = "Operation | where OperationCategory == 'Discovery' | summarize arg_min(TimeGenerated, Detail) by OperationStatus | order by OperationStatus asc | project OperationStatus, Detail";
    eventually("rows in Operation", || async {
        rows(&s, &caller, operation).await.as_array().unwrap().len() == 2
    })
    .await;
    let told = rows(&s, &caller, operation).await;
    assert!(
        told[0][1].as_str().unwrap().contains("could not ask its source") && told[0][0] == "Error",
        "{told}"
    );
    assert!(
        told[1][1].as_str().unwrap().contains("knows 3 machines, 3 of them without an agent: 3 are new"),
        "{told}"
    );

    // The agent leaves: the machine is unmonitored again.
    assert_eq!(machine.caller.post("/agent/v1/disconnect", json!({})).await.unwrap().status, 204);
    run(&caller, &hosts_path).await;
    assert_eq!(found(&caller, &hosts_path).await[0].1, "Unmonitored");

    assert_eq!(caller.delete(&hosts_path).await.unwrap().status, 200);
    let rest = s.server.app.records.list_all(&ListQuery::tenant(), FOUND).await.unwrap();
    assert!(rest.is_empty(), "what a connector found goes with it");
}

#[tokio::test]
async fn connectors_ask_only_what_the_operator_laid_out() {
    let s = start().await;
    let caller = owner(&s).await;
    connection(s.dir.path(), "open", "kind: libvirt\nuri: test:///default\n", 0o644);
    for (environment, connection, wanted) in [
        ("Azure", "hosts", "is not one of AWS, Inventory, Kubernetes, Libvirt, Network, VMware"),
        ("AWS", "hosts", "of the kind `inventory`, not `aws`"),
        ("Inventory", "../hosts", "no name for a connection"),
        ("Inventory", "gone", "connections of this server: hosts, lab, open"),
        ("Libvirt", "open", "chmod o-rwx"),
        ("Inventory", "", "no name for a connection"),
    ] {
        let answer = caller.put(&path(&s, "x"), body(environment, connection)).await.unwrap();
        assert!(
            answer.status == 400 && answer.text.contains(wanted),
            "{environment} {connection}: {}",
            answer.text
        );
    }
    for (name, value, wanted) in [
        ("scanInterval", json!(0), "1 to 24 hours"),
        ("scanInterval", json!("4"), "1 to 24 hours"),
        ("regions", json!(["eu-west-1"]), "only AWS has regions"),
        ("regions", json!("eu-west-1"), "`regions` is a list"),
        ("environmentType", json!("AwsAccount"), "is not one of InventoryFile"),
    ] {
        let mut wrong = body("Inventory", "hosts");
        wrong["properties"]["environmentData"][name] = value;
        let answer = caller.put(&path(&s, "x"), wrong).await.unwrap();
        assert!(answer.status == 400 && answer.text.contains(wanted), "{name}: {}", answer.text);
    }
    assert_eq!(caller.put(&path(&s, "one"), body("Inventory", "hosts")).await.unwrap().status, 201);
    let second = caller.put(&path(&s, "two"), body("Inventory", "hosts")).await.unwrap();
    assert!(second.text.contains("the connector `one` asks this connection already"), "{}", second.text);

    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(
        outcome(reader.put(&path(&s, "two"), body("Libvirt", "lab")).await.unwrap()),
        "403 AuthorizationFailed"
    );
    let run = format!("{}/runDiscovery", path(&s, "one"));
    assert_eq!(outcome(reader.post(&run, json!({})).await.unwrap()), "403 AuthorizationFailed");
    let gone = format!("{}/runDiscovery", path(&s, "gone"));
    assert_eq!(outcome(caller.post(&gone, json!({})).await.unwrap()), "404 ResourceNotFound");
    // What is found is the server's to write.
    let forged = format!("{}/securityEntityData/forged", path(&s, "one"));
    assert_eq!(
        outcome(caller.put(&forged, json!({"properties": {}})).await.unwrap()),
        "400 OperationNotSupported"
    );
}

#[tokio::test]
async fn a_server_without_connections_says_how_to_get_them() {
    let s = server().await;
    let answer = owner(&s).await.put(&path(&s, "x"), body("Inventory", "hosts")).await.unwrap();
    assert!(answer.status == 400 && answer.text.contains("serve --discover-with DIR"), "{}", answer.text);
}
