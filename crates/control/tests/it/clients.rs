//! Unmodified clients of others, in Python and for Node.js. `cargo xtask test` installs them beside the build.

#![expect(clippy::print_stdout, reason = "what a test skipped is part of its answer")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bartizan_base::ResourceId;
use bartizan_records::{Actor, Condition, Write};

use bartizan_control::identity::service_principals;
use bartizan_testkit::in_process::InProcess;
use serde_json::json;

use crate::{eventually, owner, rows, server};

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

/// Runs a script of `tests/compat` as a principal with `role`, with more variables than the usual ones.
async fn run(s: &InProcess, folder: &Path, script: &str, role: &str, more: &[(&str, &str)]) {
    let (app, home) = (&s.server.app, &s.server.app.home);
    let scope = home.subscription_id();
    let made = service_principals::create(&app.records, home, role, role, &scope).await.unwrap();
    let (language, program) = match Path::new(script).extension().and_then(|end| end.to_str()) {
        Some("py") => ("python", folder.join("bin/python")),
        Some("mjs") => ("node", "node".into()),
        _ => ("az", "bash".into()),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat").join(language).join(script);
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
        .env("SUBSCRIPTION", home.subscription.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(more.iter().copied())
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
    run(&s, &python, "azure_monitor.py", "Owner", &[("DCR", &rule)]).await;
}

#[tokio::test]
async fn azure_monitors_clients_for_node_upload_and_query() {
    let Some(node) = clients("node") else { return };
    let s = server().await;
    let rule = door_rule(&s).await;
    run(&s, &node, "azure_monitor.mjs", "Owner", &[("DCR", &rule)]).await;
}

/// A server with a machine that is assessed and with an alert: variables that say where.
async fn posture() -> (InProcess, [(&'static str, String); 2]) {
    let s = server().await;
    let machine = s.enrol("compat-machine").await.unwrap().id;
    let home = &s.server.app.home;
    let alert = "0c6b8a8e-9f0e-4c8d-8d1d-3f6c5b7a9e01";
    let id =
        format!("{}/providers/Microsoft.Security/locations/local/alerts/{alert}", home.subscription_id());
    let write = Write {
        id: ResourceId::parse(&id).unwrap(),
        body: json!({"properties": {"alertDisplayName": "Compat", "severity": "High", "status": "Active"}}),
        condition: Condition::None,
        actor: Actor::system("test"),
        audit: false,
    };
    s.server.app.records.put(write).await.unwrap();
    let caller = owner(&s).await;
    let tasks = format!("{machine}/providers/Microsoft.Security/tasks");
    let score = format!("{}/providers/Microsoft.Security/secureScores/ascScore", home.subscription_id());
    eventually("the assessment of the machine", || async {
        let tasks = caller.get(&tasks).await.unwrap().json();
        let max = caller.get(&score).await.unwrap().json()["properties"]["score"]["max"].as_f64();
        tasks["value"].as_array().is_some_and(|tasks| !tasks.is_empty()) && max.is_some_and(|max| max > 0.0)
    })
    .await;
    let variables = [("MACHINE", machine.to_string()), ("ALERT", alert.to_owned())];
    (s, variables)
}

#[tokio::test]
async fn azures_management_libraries_for_python_work_unmodified() {
    let Some(python) = clients("python") else { return };
    let (s, variables) = posture().await;
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    for script in ["resources.py", "defender.py", "sentinel.py"] {
        run(&s, &python, script, "Owner", &variables).await;
    }
}

#[tokio::test]
async fn azures_management_libraries_for_node_work_unmodified() {
    let Some(node) = clients("node") else { return };
    let (s, _) = posture().await;
    run(&s, &node, "resources.mjs", "Owner", &[]).await;
}

#[tokio::test]
async fn azures_command_line_works_unmodified() {
    let Some(folder) = clients("az") else { return };
    let az = folder.join("bin/az");
    let (s, variables) = posture().await;
    let config = tempfile::tempdir().unwrap();
    let mut variables = variables.each_ref().map(|(name, value)| (*name, value.as_str())).to_vec();
    variables.extend([("AZ", az.to_str().unwrap()), ("AZURE_CONFIG_DIR", config.path().to_str().unwrap())]);
    run(&s, Path::new(""), "commands.sh", "Owner", &variables).await;
}

/// `EXAMPLES` asks for more requests an operation, for longer runs by hand.
#[tokio::test]
async fn no_request_that_schemathesis_makes_is_answered_with_a_failure() {
    let Some(python) = clients("python") else { return };
    let (s, variables) = posture().await;
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    run(&s, &python, "fuzz.py", "Owner", &variables).await;
}

#[tokio::test]
async fn kustos_client_works_unmodified() {
    let Some(python) = clients("python") else { return };
    let s = server().await;
    run(&s, &python, "kusto.py", "Log Analytics Reader", &[]).await;
}

#[tokio::test]
async fn opentelemetrys_sdk_sends_logs() {
    let Some(python) = clients("python") else { return };
    let s = server().await;
    let caller = owner(&s).await;
    run(&s, &python, "opentelemetry_sdk.py", "Monitoring Metrics Publisher", &[]).await;
    let query = "OTelLogs_CL | summarize count(), dcount(Message), sum(tolong(Attributes.n)) by ServiceName \
        | sort by ServiceName asc";
    assert_eq!(rows(&s, &caller, query).await, json!([["grpc", 100, 100, 4950], ["http", 100, 100, 4950]]));
}
