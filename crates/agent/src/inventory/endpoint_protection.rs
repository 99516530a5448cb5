//! Which protection products are installed, and which of them run.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::dpkg::Package;
use crate::files;

/// A known product: name, packages, processes (as in `/proc/PID/comm`, at most 15 characters).
const PRODUCTS: &[(&str, &[&str], &[&str])] = &[
    ("ClamAV", &["clamav-daemon", "clamav", "clamd"], &["clamd"]),
    ("Microsoft Defender for Endpoint", &["mdatp"], &["wdavdaemon"]),
    ("CrowdStrike Falcon", &["falcon-sensor"], &["falcon-sensor", "falcon-sensor-b"]),
    ("SentinelOne", &["sentinelagent"], &["s1-agent"]),
    ("Sophos", &["sophos-av", "sophos-spl"], &["savd", "sophos_managem"]),
    ("Trend Micro", &["ds-agent"], &["ds_agent", "ds_am"]),
    ("ESET", &["efs", "eea"], &["oaeventd", "scand"]),
    ("Trellix", &["isectp", "mcafeetp", "trellixtp"], &["isectpd", "mfetpd"]),
    ("Carbon Black", &["cb-psc-sensor", "cbagentd"], &["cbagentd"]),
    ("Bitdefender", &["bitdefender-security-tools"], &["bdsecd"]),
    ("Wazuh", &["wazuh-agent"], &["wazuh-syscheckd", "wazuh-agentd"]),
    ("Elastic Endpoint", &["elastic-endpoint"], &["elastic-endpoin"]),
];

/// The topic `endpointProtection`.
pub(super) fn evidence(packages: &[Package], sensor_running: bool) -> Value {
    products(packages, &process_names(), sensor_running)
}

fn products(packages: &[Package], running: &BTreeSet<String>, sensor_running: bool) -> Value {
    let installed: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for (name, package_names, processes) in PRODUCTS {
        let runs = processes.iter().any(|process| running.contains(*process));
        let package = package_names.iter().find(|package| installed.contains(*package));
        if runs || package.is_some() {
            found.push(json!({"name": name, "package": package, "installed": true, "running": runs}));
        }
    }
    json!({"products": found, "sensorRunning": sensor_running})
}

/// Names of all processes now.
pub(super) fn process_names() -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return BTreeSet::new() };
    entries
        .flatten()
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .map(|entry| {
            files::read_line(&Path::new("/proc").join(entry.file_name()).join("comm").to_string_lossy())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_installed_by_package_and_running_by_process() {
        let package = |name: &str| Package { name: name.to_owned(), ..Package::default() };
        let running = BTreeSet::from(["wdavdaemon".to_owned(), "bash".to_owned()]);
        let found = products(&[package("clamav-daemon"), package("bash")], &running, true);
        let shown: Vec<_> = found["products"]
            .as_array()
            .unwrap()
            .iter()
            .map(|product| (product["name"].as_str().unwrap(), product["running"].as_bool().unwrap()))
            .collect();
        assert_eq!(shown, [("ClamAV", false), ("Microsoft Defender for Endpoint", true)]);
        assert_eq!(found["sensorRunning"], true);
    }
}
