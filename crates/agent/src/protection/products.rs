//! Other vendors' protection products: which are installed, and which of them run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bartizan_wire::ProtectionProduct;

use super::own::UnitFolders;
use crate::files;

/// A known product.
struct Product {
    name: &'static str,
    /// Whether it scans for malware.
    antivirus: bool,
    packages: &'static [&'static str],
    units: &'static [&'static str],
    /// As in `/proc/PID/comm`, at most 15 characters.
    processes: &'static [&'static str],
}

const fn product(
    name: &'static str,
    antivirus: bool,
    packages: &'static [&'static str],
    units: &'static [&'static str],
    processes: &'static [&'static str],
) -> Product {
    Product { name, antivirus, packages, units, processes }
}

#[rustfmt::skip]
const PRODUCTS: &[Product] = &[
    product("ClamAV", true, &["clamav-daemon", "clamav", "clamd"], &["clamav-daemon", "clamd@scan"], &["clamd"]),
    product("Microsoft Defender for Endpoint", true, &["mdatp"], &["mdatp"], &["wdavdaemon"]),
    product("CrowdStrike Falcon", true, &["falcon-sensor"], &["falcon-sensor"], &["falcon-sensor", "falcon-sensor-b"]),
    product("SentinelOne", true, &["sentinelagent"], &["sentinelone"], &["s1-agent"]),
    product("Sophos", true, &["sophos-av", "sophos-spl"], &["sophos-spl", "sav-protect"], &["savd", "sophos_managem"]),
    product("Trend Micro", true, &["ds-agent"], &["ds_agent"], &["ds_agent", "ds_am"]),
    product("ESET", true, &["efs", "eea"], &["efs", "eea"], &["oaeventd", "scand"]),
    product("Trellix", true, &["isectp", "mcafeetp", "trellixtp"], &["mfetpd"], &["isectpd", "mfetpd"]),
    product("Carbon Black", true, &["cb-psc-sensor", "cbagentd"], &["cbagentd"], &["cbagentd"]),
    product("Bitdefender", true, &["bitdefender-security-tools"], &["bdsec"], &["bdsecd"]),
    product("Wazuh", false, &["wazuh-agent"], &["wazuh-agent"], &["wazuh-syscheckd", "wazuh-agentd"]),
    product("Elastic Endpoint", true, &["elastic-endpoint"], &["ElasticEndpoint"], &["elastic-endpoin"]),
];

/// What tells that a product is there.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    /// Names of installed packages.
    pub packages: BTreeSet<String>,
    /// Names of unit files, without `.service`.
    pub units: BTreeSet<String>,
    /// Names of running processes.
    pub processes: BTreeSet<String>,
}

impl Signs {
    /// The signs that are cheap to read: units, processes, and dpkg's file lists of the products' own packages.
    /// A machine with another package database shows its products by their units.
    pub fn cheap() -> Self {
        Self {
            packages: dpkg_packages(Path::new("/var/lib/dpkg/info")),
            units: unit_names(&UnitFolders::default().units),
            processes: process_names(),
        }
    }
}

/// The products that are here. A package that was removed but for its settings is no installation where the
/// product's unit is known to come with it.
pub fn products(signs: &Signs) -> Vec<ProtectionProduct> {
    let any = |names: &[&str], present: &BTreeSet<String>| {
        names.iter().find(|name| present.contains(**name)).map(|name| (*name).to_owned())
    };
    let found = PRODUCTS.iter().map(|product| ProtectionProduct {
        name: product.name.to_owned(),
        antivirus: product.antivirus,
        package: any(product.packages, &signs.packages),
        unit: any(product.units, &signs.units),
        installed: true,
        running: any(product.processes, &signs.processes).is_some(),
    });
    found.filter(|product| product.running || product.package.is_some() || product.unit.is_some()).collect()
}

/// The products of this machine, by the cheap signs.
pub fn installed() -> Vec<ProtectionProduct> {
    products(&Signs::cheap())
}

fn dpkg_packages(info: &Path) -> BTreeSet<String> {
    let known = PRODUCTS.iter().flat_map(|product| product.packages);
    let here = known.filter(|name| {
        // A package that is installed has its checksums; one of which only settings are left has none.
        ["md5sums", "amd64.md5sums", "arm64.md5sums"].iter().any(|end| {
            let separator = if end.contains('.') { ':' } else { '.' };
            info.join(format!("{name}{separator}{end}")).is_file()
        })
    });
    here.map(|name| (*name).to_owned()).collect()
}

fn unit_names(folders: &[PathBuf]) -> BTreeSet<String> {
    let known = PRODUCTS.iter().flat_map(|product| product.units);
    let here =
        known.filter(|name| folders.iter().any(|folder| folder.join(format!("{name}.service")).exists()));
    here.map(|name| (*name).to_owned()).collect()
}

/// Names of all processes now.
pub fn process_names() -> BTreeSet<String> {
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

    fn names(of: &[&str]) -> BTreeSet<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_product_is_installed_by_package_or_unit_and_running_by_process() {
        let signs = Signs {
            packages: names(&["clamav-daemon", "bash"]),
            units: names(&["falcon-sensor"]),
            processes: names(&["wdavdaemon", "bash", "wazuh-agentd"]),
        };
        let found = products(&signs);
        let shown: Vec<_> = found
            .iter()
            .map(|found| (found.name.as_str(), found.antivirus, found.running, found.unit.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("ClamAV", true, false, None),
                ("Microsoft Defender for Endpoint", true, true, None),
                ("CrowdStrike Falcon", true, false, Some("falcon-sensor")),
                ("Wazuh", false, true, None),
            ]
        );
        assert!(products(&Signs::default()).is_empty());
    }

    #[test]
    fn packages_and_units_are_read_from_their_folders() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["clamav-daemon.md5sums", "mdatp:amd64.md5sums", "wazuh-agent.list", "bash.md5sums"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        // Wazuh was removed: only the list of its settings is left.
        assert_eq!(dpkg_packages(folder.path()), names(&["clamav-daemon", "mdatp"]));
        std::fs::write(folder.path().join("falcon-sensor.service"), "").unwrap();
        assert_eq!(unit_names(&[folder.path().to_owned()]), names(&["falcon-sensor"]));
    }
}
