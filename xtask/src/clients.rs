//! Clients of others that tests run unmodified, in folders of the build: Azure's and OpenTelemetry's for Python,
//! Azure's for Node.js, and a store that stands for S3.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::command::{command, execute, target};

/// From the Python package index, at the versions that were tried.
const PYTHON: &[&str] = &[
    "azure-identity==1.27.0",
    "azure-kusto-data==6.0.4",
    "azure-monitor-ingestion==1.1.0",
    "azure-monitor-query==2.0.0",
    "opentelemetry-exporter-otlp==1.45.2",
    "opentelemetry-sdk==1.45.2",
];
/// A store that answers as S3 does, from the same index.
const S3: &[&str] = &["moto[server]==5.2.5"];
/// From the npm registry, likewise.
const NODE: &[&str] =
    &["@azure/identity@4.14.1", "@azure/monitor-ingestion@1.2.0", "@azure/monitor-query-logs@1.0.0"];

/// Installs them if that is possible; the tests that need them skip themselves otherwise.
pub(crate) fn try_install() {
    let clients = target().join("clients");
    for (name, packages, commands) in
        [("python", PYTHON, python as fn(&Path) -> [Command; 2]), ("s3", S3, python), ("node", NODE, node)]
    {
        let folder = clients.join(name);
        if let Err(error) = install(&folder, packages, commands) {
            println!("going on without the clients in `{}`: {error:#}", folder.display());
        }
    }
}

/// Runs both commands, the second one with the packages' names, unless that was done before.
fn install(folder: &Path, packages: &[&str], commands: fn(&Path) -> [Command; 2]) -> anyhow::Result<()> {
    let installed = folder.join("installed.txt");
    let wanted = packages.join("\n");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("Installing clients for the tests into {} …", folder.display());
    fs::create_dir_all(folder).context("cannot make the folder")?;
    if installed.exists() {
        fs::remove_file(&installed).context("cannot begin anew")?;
    }
    let [prepare, mut add] = commands(folder);
    execute(prepare)?;
    add.args(packages);
    execute(add).context("they come from a package registry")?;
    fs::write(&installed, wanted).context("cannot note what is installed")
}

fn python(folder: &Path) -> [Command; 2] {
    let program = folder.join("bin/python");
    [
        command("python3", &["-m", "venv", &folder.to_string_lossy()]),
        command(&program.to_string_lossy(), &["-m", "pip", "install", "--quiet"]),
    ]
}

fn node(folder: &Path) -> [Command; 2] {
    let npm = |arguments: &[&str]| {
        let mut npm = command("npm", arguments);
        npm.current_dir(folder);
        npm
    };
    [
        npm(&["init", "--yes", "--silent"]),
        npm(&["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]),
    ]
}
