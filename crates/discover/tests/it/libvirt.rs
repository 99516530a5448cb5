//! libvirt: its test driver, which `virsh` brings along.

use std::path::Path;

use bartizan_discover::Power;

use crate::program::works;
use crate::{ask, by_name};

/// A host of the test driver with these domains, as a file.
fn host(dir: &Path) -> String {
    let domain = |name: &str, number: u32, state: &str| {
        format!(
            "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>{name}</name><uuid>7e5c2c62-5dd0-4d6f-8f0d-{number:012}</uuid>\
             <metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>\
             <libosinfo:os id='http://ubuntu.com/ubuntu/24.04'/></libosinfo:libosinfo></metadata>\
             <memory>1024</memory><os><type>hvm</type></os><devices><interface type='network'>\
             <source network='default'/><mac address='52:54:00:00:00:{number:02}'/></interface></devices>\
             <test:runstate>{state}</test:runstate></domain>"
        )
    };
    // States as libvirt numbers them: 1 running, 3 paused, 5 shut off.
    let few = [domain("web &amp; shop", 1, "1"), domain("paused", 2, "3"), domain("off", 3, "5")];
    // More than one call of virsh describes.
    let many = (10..70).map(|number| domain(&format!("n{number}"), number, "5"));
    let domains: String = few.into_iter().chain(many).collect();
    let text = format!(
        "<node><cpu><mhz>1000</mhz><nodes>1</nodes><sockets>1</sockets><cores>1</cores>\
        <threads>1</threads><active>1</active><memory>8000000</memory></cpu>{domains}</node>"
    );
    let path = dir.join("host.xml");
    std::fs::write(&path, text).unwrap();
    format!("kind: libvirt\nuri: test://{}\n", path.display())
}

fn has_virsh() -> bool {
    let there = works("virsh", &["--version"]);
    if !there {
        println!("skipped: no `virsh`; Debian has it in libvirt-clients");
    }
    there
}

#[tokio::test]
async fn domains_of_the_test_driver() {
    if !has_virsh() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let found = ask(&host(dir.path())).await.unwrap();
    assert_eq!((found.machines.len(), found.is_complete()), (63, true), "{:?}", found.shortfalls);
    let web = by_name(&found, "web & shop");
    assert_eq!((web.power, web.os.as_str(), web.os_type.as_str()), (Power::Running, "ubuntu 24.04", "linux"));
    assert_eq!(web.native_id, "7e5c2c62-5dd0-4d6f-8f0d-000000000001");
    assert_eq!(
        (web.macs.clone(), web.hardware_ids.clone()),
        (vec!["52:54:00:00:00:01".to_owned()], vec![web.native_id.clone()])
    );
    assert_eq!(
        (by_name(&found, "paused").power, by_name(&found, "off").power),
        (Power::Suspended, Power::Stopped)
    );
}

#[tokio::test]
async fn a_host_that_is_away_is_told_in_virshs_words() {
    if has_virsh() {
        let error = ask("kind: libvirt\nuri: test:///nowhere/host.xml\n").await.unwrap_err().to_string();
        assert!(error.contains("virsh says:") && error.contains("virsh -r -c URI list --all"), "{error}");
    }
    let error =
        ask("kind: libvirt\nuri: test:///default\nprogram: /nowhere/virsh\n").await.unwrap_err().to_string();
    assert!(error.contains("cannot start `/nowhere/virsh`") && error.contains("libvirt-clients"), "{error}");
}

/// What is written in an address goes to virsh as one argument, whatever it is.
#[tokio::test]
async fn an_address_is_never_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    let uri = format!("test:///default; touch {}", made.display());
    assert!(ask(&format!("kind: libvirt\nuri: \"{uri}\"\n")).await.is_err());
    assert!(!made.exists());
}
