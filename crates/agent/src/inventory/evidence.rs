//! Sends evidence to the server: all topics at start, then each one as soon as it changed. Cheap inputs are
//! looked at every few seconds by their modification times; everything is collected anew every ten minutes.
//! The shapes are in `docs/reference/evidence.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use bartizan_wire::{EvidenceReport, ExtensionState};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::apt::{self, Updates};
use super::permission_watch::PermissionWatch;
use super::{accounts, autostart, dpkg, software, ssh_config, world_writable};
use crate::backoff::Backoff;
use crate::extension::Context;
use crate::protection::{self, Signs};
use crate::server::ServerClient;
use crate::upload::on_disk;

const CHECK_INTERVAL: Duration = Duration::from_secs(2);
const FULL_INTERVAL: Duration = Duration::from_secs(600);
/// Updates listed; the counts are always whole.
const UPDATES_LISTED_MAX: usize = 500;

/// Every topic, cheapest first, so that the first answers are with the server at once.
const TOPICS: [&str; 6] =
    ["ssh.config", "accounts", "endpointProtection", "autostart", "packages.updates", PERMISSIONS];
const PERMISSIONS: &str = "files.worldWritable";
/// Least time between two walks over all system files.
const WALK_PAUSE: Duration = Duration::from_secs(20);

pub(super) async fn run(context: Context) -> Result<()> {
    let client = ServerClient::for_machine(&context.configuration.identity)?;
    let mut told: BTreeMap<&str, Value> = BTreeMap::new();
    let mut inputs: BTreeMap<&str, Inputs> = BTreeMap::new();
    let mut collected_at: BTreeMap<&str, Instant> = BTreeMap::new();
    let mut permissions = on_disk(|| PermissionWatch::start(&world_writable::ROOTS.map(PathBuf::from)))
        .await
        .inspect_err(|error| tracing::warn!(%error, "permissions are looked at every ten minutes only"))
        .ok();
    let mut permissions_wrong = false;
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        let mut wait = CHECK_INTERVAL;
        if let Some(watch) = &mut permissions {
            permissions_wrong |= watch.contradicts(&exposed_paths(told.get(PERMISSIONS)));
        }
        for topic in TOPICS {
            let seen = inputs_of(topic, &context);
            let age = collected_at.get(topic).map(Instant::elapsed);
            let old = age.is_none_or(|age| age >= FULL_INTERVAL);
            // Somebody who opens and closes files in turn must not keep us walking.
            let wrong = topic == PERMISSIONS && permissions_wrong && age >= Some(WALK_PAUSE);
            if !old && !wrong && inputs.get(topic) == Some(&seen) {
                continue;
            }
            permissions_wrong &= topic != PERMISSIONS;
            let facts = collect(topic, &context).await;
            let report = EvidenceReport {
                time: context.clock.now(),
                topics: BTreeMap::from([(topic.to_owned(), facts.clone())]),
            };
            // Sent again with every full collection too, so that a server that lost it learns it.
            if told.get(topic) != Some(&facts) || old {
                if let Err(error) = client.evidence(&report).await {
                    context.health.issue("evidence", Some(error.chain()));
                    wait = backoff.next_wait();
                    break;
                }
                backoff.reset();
                context.health.issue("evidence", None);
                context.health.count("evidenceReports", 1);
                told.insert(topic, facts);
            }
            inputs.insert(topic, seen);
            collected_at.insert(topic, Instant::now());
        }
        tokio::select! {
            () = context.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// The paths in a report of [`PERMISSIONS`].
fn exposed_paths(report: Option<&Value>) -> BTreeSet<PathBuf> {
    let files = report.and_then(|report| report["files"].as_array()).into_iter().flatten();
    files.filter_map(|file| file["path"].as_str().map(PathBuf::from)).collect()
}

async fn collect(topic: &str, context: &Context) -> Value {
    let blocking = |work: fn() -> Value| on_disk(move || Ok(work()));
    let result = match topic {
        "ssh.config" => blocking(ssh_config::evidence).await,
        "accounts" => blocking(|| accounts::evidence(Path::new("/"))).await,
        "autostart" => blocking(autostart::evidence).await,
        PERMISSIONS => blocking(world_writable::evidence).await,
        "packages.updates" => return packages_updates().await,
        _ => {
            let packages = software::installed().await.unwrap_or_default();
            let sensor = sensor_running(context);
            on_disk(move || Ok(endpoint_protection(packages, sensor))).await
        }
    };
    result.unwrap_or_else(|error| json!({"status": "unknown", "reason": error.to_string()}))
}

/// The topic `endpointProtection`: by the package databases, units and processes.
fn endpoint_protection(packages: Vec<dpkg::Package>, sensor_running: bool) -> Value {
    let mut signs = Signs::cheap();
    signs.packages.extend(packages.into_iter().map(|package| package.name));
    json!({"products": protection::products(&signs), "sensorRunning": sensor_running})
}

async fn packages_updates() -> Value {
    let reboot_required =
        Path::new("/run/reboot-required").exists() || Path::new("/var/run/reboot-required").exists();
    let unknown =
        |reason: String| json!({"status": "unknown", "reason": reason, "rebootRequired": reboot_required});
    if !Path::new(dpkg::STATUS).exists() {
        return unknown("pending updates are known only for apt so far".to_owned());
    }
    let installed = match software::installed().await {
        Ok(installed) => installed,
        Err(reason) => return unknown(reason),
    };
    let updates = on_disk(move || apt::pending_updates(&installed, Path::new(apt::LISTS))).await;
    let mut updates = match updates {
        Ok(Updates::Known(updates)) => updates,
        Ok(Updates::Unknown(reason)) => return unknown(reason),
        Err(error) => return unknown(error.to_string()),
    };
    let security = updates.iter().filter(|update| update.security).count();
    let count = updates.len();
    // Security updates first, so that the bound never hides one.
    updates.sort_by_key(|update| !update.security);
    updates.truncate(UPDATES_LISTED_MAX);
    json!({
        "status": "known",
        "source": "apt",
        "count": count,
        "securityCount": security,
        "updates": updates,
        "rebootRequired": reboot_required,
    })
}

fn sensor_running(context: &Context) -> bool {
    let siblings = context.siblings.borrow();
    siblings.iter().any(|extension| {
        let is_sensor = extension.health.as_ref().is_some_and(|health| !health.tier.is_empty());
        is_sensor && extension.state == ExtensionState::Running
    })
}

/// Modification times (and other cheap signs) whose change means that a topic must be collected again.
type Inputs = Vec<(PathBuf, Option<SystemTime>)>;

fn inputs_of(topic: &str, context: &Context) -> Inputs {
    let paths: Vec<PathBuf> = match topic {
        "ssh.config" => {
            let mut paths = vec![PathBuf::from(ssh_config::CONFIG), PathBuf::from("/etc/ssh/sshd_config.d")];
            paths.extend(entries_of("/etc/ssh/sshd_config.d"));
            // The server appears and goes with its package and its process id file.
            paths.extend(["/usr/sbin/sshd", "/run/sshd.pid"].map(PathBuf::from));
            paths
        }
        "endpointProtection" => {
            let mut paths = vec![PathBuf::from(dpkg::STATUS)];
            let mark = if sensor_running(context) { "sensor" } else { "no sensor" };
            paths.push(PathBuf::from(mark));
            paths
        }
        "packages.updates" => {
            vec![
                dpkg::STATUS.into(),
                apt::LISTS.into(),
                "/run/reboot-required".into(),
                "/var/run/reboot-required".into(),
            ]
        }
        // Changed permissions do not change these times; the full collection finds them.
        "accounts" => [accounts::PASSWD, accounts::SHADOW].map(PathBuf::from).to_vec(),
        "autostart" => autostart::FOLDERS.iter().chain(&autostart::FILES).map(PathBuf::from).collect(),
        // Permissions leave no trace in times: the watch tells, and the full collection.
        _ => Vec::new(),
    };
    let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    paths
        .into_iter()
        .map(|path| {
            let time = modified(&path);
            (path, time)
        })
        .collect()
}

fn entries_of(folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
