//! Maker, model, processors, memory, and what kind of virtual machine this is.

use std::path::Path;

use bartizan_wire::MachineFacts;

use crate::files;

pub(super) fn fill(facts: &mut MachineFacts) {
    facts.manufacturer = dmi("sys_vendor");
    facts.model = dmi("product_name");
    facts.system_uuid = dmi("product_uuid");
    facts.asset_tag = dmi("board_asset_tag");
    let cpuinfo = proc_file("/proc/cpuinfo");
    facts.cpu_model = field(&cpuinfo, "model name").or_else(|| field(&cpuinfo, "Model")).unwrap_or_default();
    facts.cpu_count = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    facts.memory_bytes = memory("MemTotal").unwrap_or(0);
    let hypervisor = cpuinfo.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    facts.virtualization = virtualization(&facts.manufacturer, &facts.model, hypervisor, container());
    facts.cloud_provider =
        cloud(&facts.manufacturer, &facts.model, &dmi("chassis_asset_tag"), &dmi("bios_vendor"));
}

/// A line of /proc/meminfo, in bytes.
pub(super) fn memory(line: &str) -> Option<u64> {
    let value = field(&proc_file("/proc/meminfo"), line)?;
    value.trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn dmi(name: &str) -> String {
    files::read_line(&format!("/sys/class/dmi/id/{name}"))
}

fn proc_file(path: &str) -> String {
    let bytes = files::read_bounded(Path::new(path), 1 << 20).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn container() -> Option<&'static str> {
    if Path::new("/.dockerenv").exists() {
        return Some("docker");
    }
    Path::new("/run/.containerenv").exists().then_some("podman")
}

/// The words are those of systemd-detect-virt.
fn virtualization(maker: &str, model: &str, hypervisor: bool, container: Option<&str>) -> String {
    if let Some(container) = container {
        return container.to_owned();
    }
    let known = [
        ("VMware", "vmware"),
        ("QEMU", "kvm"),
        ("KVM", "kvm"),
        ("Google", "google"),
        ("Amazon EC2", "amazon"),
        ("innotek", "oracle"),
        ("Xen", "xen"),
        ("Virtual Machine", "microsoft"),
        ("Parallels", "parallels"),
    ];
    let found = known.iter().find(|(text, _)| maker.contains(text) || model.contains(text));
    match found {
        Some((_, name)) => (*name).to_owned(),
        None if hypervisor => "vm-other".to_owned(),
        None => "none".to_owned(),
    }
}

fn cloud(maker: &str, model: &str, asset_tag: &str, bios: &str) -> String {
    // This asset tag is what Azure gives all its virtual machines; Hyper-V elsewhere has another.
    const AZURE_ASSET_TAG: &str = "7783-7084-3265-9085-8269-3286-77";
    let name = if asset_tag == AZURE_ASSET_TAG {
        "azure"
    } else if maker.contains("Amazon") || bios.contains("Amazon") {
        "aws"
    } else if maker.contains("Google") {
        "gcp"
    } else if maker.contains("VMware") || model.contains("VMware") {
        "vmware"
    } else if maker.contains("Alibaba") {
        "alibaba"
    } else if maker.contains("DigitalOcean") {
        "digitalocean"
    } else if maker.contains("Hetzner") {
        "hetzner"
    } else {
        ""
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_tell_the_kind_of_machine() {
        assert_eq!(virtualization("VMware, Inc.", "VMware Virtual Platform", true, None), "vmware");
        assert_eq!(virtualization("Dell Inc.", "PowerEdge", false, None), "none");
        assert_eq!(virtualization("", "", true, None), "vm-other");
        assert_eq!(virtualization("QEMU", "Standard PC", true, Some("docker")), "docker");
        assert_eq!(cloud("Amazon EC2", "t3.small", "", ""), "aws");
        assert_eq!(cloud("Dell Inc.", "", "", ""), "");
    }
}
