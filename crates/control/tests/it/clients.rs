//! Unmodified clients of others, in Python and for Node.js. `cargo xtask test` installs them beside the build.

#![expect(clippy::print_stdout, reason = "what a test skipped is part of its answer")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bartizan_control::identity::service_principals;
use bartizan_testkit::in_process::InProcess;
use serde_json::json;

use crate::{owner, rows, server};

/// The folder with the clients in a language, when they are installed: in `clients` of the build folder, or
/// where `BARTIZAN_CLIENTS` says.
pub(crate) fn clients(language: &str) -> Option<PathBuf> {
    let set = std::env::var_os("BARTIZAN_CLIENTS").map(PathBuf::from);
    let built = || {
        let own = std::env::current_exe().ok()?;
        Some(own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists())?.join("clients"))
    };
    let folder = set.or_else(built)?.join(language);
    // Written last, when everything is installed.
    let found = folder.join("installed.txt").exists();
    if !found {
        println!("skipped: no clients in `{}`; `cargo xtask test` installs them", folder.display());
    }
    found.then_some(folder)
}

/// Runs a script as a principal with `role`.
async fn run(s: &InProcess, folder: &Path, script: &str, role: &str, rule: &str) {
    let (app, home) = (&s.server.app, &s.server.app.home);
    let scope = home.subscription_id();
    let made = service_principals::create(&app.records, home, role, role, &scope).await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let program = if script.ends_with(".py") { folder.join("bin/python") } else { "node".into() };
    let output = tokio::process::Command::new(program)
        .arg(path)
        .env("URL", &s.server.ready.url)
        .env("CA", &s.server.ready.ca)
        .env("REQUESTS_CA_BUNDLE", &s.server.ready.ca)
        .env("NODE_EXTRA_CA_CERTS", &s.server.ready.ca)
        .env("MODULES", folder)
        .env("NO_PROXY", "localhost,127.0.0.1")
        .env("TENANT", home.tenant.to_string())
        .env("APP_ID", made.app_id.to_string())
        .env("SECRET", &made.secret)
        .env("WORKSPACE", home.customer.to_string())
        .env("WORKSPACE_ID", home.workspace.as_str())
        .env("DCR", rule)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {}{said}", String::from_utf8_lossy(&output.stdout));
}

/// The immutable id of a rule that fills `Doors_CL` from the stream `Custom-Door`.
async fn door_rule(s: &InProcess) -> String {
    let caller = owner(s).await;
    let rule =
        format!("{}/providers/Microsoft.Insights/dataCollectionRules/door", s.server.app.home.group_id());
    let body = json!({"location": "local", "properties": {
        "streamDeclarations": {"Custom-Door": {"columns": [
            {"name": "when", "type": "datetime"}, {"name": "door", "type": "string"}, {"name": "n", "type": "int"},
            {"name": "pad", "type": "string"},
        ]}},
        "destinations": {"logAnalytics": [{"name": "ws", "workspaceResourceId": s.server.app.home.workspace}]},
        "dataFlows": [{"streams": ["Custom-Door"], "destinations": ["ws"], "outputStream": "Custom-Doors_CL",
            "transformKql": "source | where n > 0 | project TimeGenerated = when, Door = toupper(door), n"}],
    }});
    let made = caller.put(&rule, body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["properties"]["immutableId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn azure_monitors_clients_for_python_upload_and_query() {
    let Some(python) = clients("python") else { return };
    let s = server().await;
    let rule = door_rule(&s).await;
    run(&s, &python, "azure_monitor.py", "Owner", &rule).await;
}

#[tokio::test]
async fn azure_monitors_clients_for_node_upload_and_query() {
    let Some(node) = clients("node") else { return };
    let s = server().await;
    let rule = door_rule(&s).await;
    run(&s, &node, "azure_monitor.mjs", "Owner", &rule).await;
}

#[tokio::test]
async fn kustos_client_works_unmodified() {
    let Some(python) = clients("python") else { return };
    let s = server().await;
    run(&s, &python, "kusto.py", "Log Analytics Reader", "").await;
}

#[tokio::test]
async fn opentelemetrys_sdk_sends_logs() {
    let Some(python) = clients("python") else { return };
    let s = server().await;
    let caller = owner(&s).await;
    run(&s, &python, "opentelemetry_sdk.py", "Monitoring Metrics Publisher", "").await;
    let query = "OTelLogs_CL | summarize count(), dcount(Message), sum(tolong(Attributes.n)) by ServiceName \
        | sort by ServiceName asc";
    assert_eq!(rows(&s, &caller, query).await, json!([["grpc", 100, 100, 4950], ["http", 100, 100, 4950]]));
}
