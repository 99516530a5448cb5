//! VMware: govmomi's simulator of vCenter and ESXi where Go and Debian's package of it are there; and a double written
//! from the documented API for pages, refusals and what the simulator leaves empty.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use bartizan_discover::Power;
use tempfile::TempDir;

use crate::double::{Asked, Double};
use crate::program::{Program, script, works};
use crate::{ask, by_name};

const GOPATH: &str = "/usr/share/gocode";

/// The simulator, built once; none where it cannot be.
fn simulator() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<(TempDir, std::path::PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let source = Path::new(GOPATH).join("src/github.com/vmware/govmomi/simulator");
        if !source.is_dir() || !works("go", &["version"]) {
            println!("skipped: no Go, or not Debian's golang-github-vmware-govmomi-dev");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("vcenter");
        let status = Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(script("vcenter.go"))
            .env("GO111MODULE", "off")
            .env("GOPATH", GOPATH)
            .env("GOFLAGS", "")
            .env("GOCACHE", std::env::temp_dir().join("bartizan-go-cache"))
            .status()
            .unwrap();
        assert!(status.success(), "Go cannot build the simulator");
        Some((dir, program))
    });
    built.as_ref().map(|(_, program)| program.as_path())
}

#[tokio::test]
async fn machines_of_the_simulated_vcenter_and_host() {
    let Some(simulator) = simulator() else { return };
    for (kind, machines, cluster) in [("vpx", 14, "DC0_C0"), ("esx", 7, "localhost.localdomain")] {
        // A certificate of its own, as an appliance has that nobody has given another one.
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (ca, key) = (dir.path().join("ca.pem"), dir.path().join("key.pem"));
        std::fs::write(&ca, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut program = Program::start(Command::new(simulator).arg(kind).args([&ca, &key]));
        let url = program.line().replace("user:pass@", "");
        let yaml = |user: &str, https: &str| {
            format!("kind: vmware\nendpoint: {url}\nuser: {user}\npassword: pass\nhttps: {{{https}}}\n")
        };
        let trusted = format!("ca: {}", ca.display());
        let found = ask(&yaml("user", &trusted)).await.unwrap();
        assert_eq!((found.machines.len(), found.is_complete()), (machines, true), "{:?}", found.shortfalls);
        let first = if kind == "vpx" { "DC0_C0_RP0_VM0" } else { "ha-host_VM0" };
        let machine = by_name(&found, first);
        assert_eq!((machine.power, machine.cluster.as_str()), (Power::Running, cluster), "{machine:?}");
        assert!(
            !machine.host.is_empty() && machine.hardware_ids[0].len() == 36 && !machine.native_id.is_empty()
        );

        let error = ask(&yaml("stranger", &trusted)).await;
        // The simulator knows one user by its name and any password, or everybody, depending on its version.
        if let Err(error) = error {
            assert!(error.to_string().contains("check `user` and `password`"), "{error}");
        }
        let error = ask(&yaml("user", "")).await.unwrap_err().to_string();
        assert!(error.contains("certificate") && error.contains("`ca` in the connection's file"), "{error}");
        assert_eq!(ask(&yaml("user", "verify: false")).await.unwrap().machines.len(), machines);
    }
}

fn soap(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
}

fn content() -> String {
    soap(
        "<RetrieveServiceContentResponse xmlns=\"urn:vim25\"><returnval><rootFolder type=\"Folder\">group-d1</rootFolder>\
         <propertyCollector type=\"PropertyCollector\">pc</propertyCollector><viewManager type=\"ViewManager\">vm</viewManager>\
         <sessionManager type=\"SessionManager\">sm</sessionManager></returnval></RetrieveServiceContentResponse>",
    )
}

fn property(name: &str, value: &str) -> String {
    format!("<propSet><name>{name}</name><val>{value}</val></propSet>")
}

fn machine(name: &str, more: &str) -> String {
    format!("<objects><obj type=\"VirtualMachine\">vm-{name}</obj>{}{more}</objects>", property("name", name))
}

fn result(method: &str, token: &str, objects: &str) -> String {
    let token = if token.is_empty() { String::new() } else { format!("<token>{token}</token>") };
    soap(&format!(
        "<{method}Response xmlns=\"urn:vim25\"><returnval>{token}{objects}</returnval></{method}Response>"
    ))
}

fn fault(kind: &str, text: &str) -> String {
    soap(&format!(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>{text}</faultstring><detail>\
         <{kind} xmlns=\"urn:vim25\" xsi:type=\"{kind}\"/></detail></soapenv:Fault>"
    ))
}

/// The method of a SOAP message.
fn method(asked: &Asked) -> String {
    let body = asked.body.split("Body>").nth(1).unwrap();
    body.trim_start_matches('<').split([' ', '>']).next().unwrap().to_owned()
}

fn answer(asked: &Asked) -> (u16, Vec<(&'static str, String)>, String) {
    let session = "vmware_soap_session=\"abc\"";
    let method = method(asked);
    if method != "RetrieveServiceContent" && method != "Login" && asked.header("cookie") != session {
        return (500, vec![], fault("NotAuthenticated", "The session is not authenticated."));
    }
    let ok = |body: String| (200, vec![], body);
    match method.as_str() {
        "RetrieveServiceContent" => ok(content()),
        "Login" if !asked.body.contains("<password>p&amp;ss&lt;</password>") => (
            500,
            vec![],
            fault("InvalidLoginFault", "Cannot complete login due to an incorrect user name or password."),
        ),
        "Login" => (
            200,
            vec![("set-cookie", format!("{session}; Path=/; HttpOnly; Secure"))],
            soap("<LoginResponse/>"),
        ),
        "CreateContainerView" => {
            let view = if asked.body.contains("VirtualMachine") { "machines" } else { "places" };
            ok(soap(&format!(
                "<CreateContainerViewResponse><returnval type=\"ContainerView\">{view}</returnval></CreateContainerViewResponse>"
            )))
        }
        "RetrievePropertiesEx" if asked.body.contains(">places<") => {
            let host = format!(
                "<objects><obj type=\"HostSystem\">host-1</obj>{}{}</objects>",
                property("name", "esx1"),
                property("parent", "domain-c1")
            );
            let cluster = format!(
                "<objects><obj type=\"ClusterComputeResource\">domain-c1</obj>{}</objects>",
                property("name", "Production")
            );
            ok(result("RetrievePropertiesEx", "", &(host + &cluster)))
        }
        "RetrievePropertiesEx" => {
            let net = "<propSet><name>guest.net</name><val xsi:type=\"ArrayOfGuestNicInfo\"><GuestNicInfo><ipAddress>10.0.0.7</ipAddress>\
                <ipAddress>fe80::1</ipAddress><macAddress>00:50:56:aa:bb:cc</macAddress></GuestNicInfo></val></propSet>";
            let more = [
                property("config.uuid", "4213a8a6-0000-1111-2222-333344445555"),
                property("config.instanceUuid", "5013a8a6-0000-1111-2222-333344445555"),
                property("config.template", "false"),
                property("guest.guestFullName", "Microsoft Windows Server 2022 (64-bit)"),
                property("guest.hostName", "app.example.org"),
                property("runtime.powerState", "suspended"),
                property("runtime.host", "host-1"),
                net.to_owned(),
            ];
            let hidden = "<objects><obj type=\"VirtualMachine\">vm-h</obj><missingSet><path>name</path></missingSet></objects>";
            let page = machine("app", &more.concat())
                + &machine("golden", &property("config.template", "true"))
                + hidden;
            ok(result("RetrievePropertiesEx", "7 & 8".replace('&', "&amp;").as_str(), &page))
        }
        "ContinueRetrievePropertiesEx" if asked.body.contains("<token>7 &amp; 8</token>") => {
            ok(result("ContinueRetrievePropertiesEx", "", &machine("second", "")))
        }
        "Logout" => ok(soap("<LogoutResponse/>")),
        _ => (500, vec![], fault("NotSupported", "no")),
    }
}

fn yaml(url: &str, password: &str) -> String {
    format!("kind: vmware\nendpoint: {url}\nuser: reader@vsphere.local\npassword: \"{password}\"\n")
}

#[tokio::test]
async fn pages_templates_and_what_may_not_be_read() {
    let double = Double::start(answer).await;
    let found = ask(&yaml(&double.url, "p&ss<")).await.unwrap();
    let names: Vec<&str> = found.machines.iter().map(|machine| machine.name.as_str()).collect();
    assert_eq!(names, ["app", "second"], "no template");
    let app = &found.machines[0];
    assert_eq!(
        (app.host.as_str(), app.cluster.as_str(), app.power),
        ("esx1", "Production", Power::Suspended)
    );
    assert_eq!(
        (app.native_id.as_str(), app.os_type.as_str()),
        ("5013a8a6-0000-1111-2222-333344445555", "windows")
    );
    assert_eq!(app.addresses, ["10.0.0.7".parse::<std::net::IpAddr>().unwrap()], "no link-local one");
    assert_eq!(
        (app.macs.clone(), app.host_names.clone()),
        (vec!["00:50:56:aa:bb:cc".to_owned()], vec!["app.example.org".to_owned()])
    );
    assert_eq!(found.shortfalls.len(), 1);
    assert!(
        found.shortfalls[0].contains("1 machines may not be read")
            && found.shortfalls[0].contains("Read-only")
    );
    let methods: Vec<String> = double.asked().iter().map(method).collect();
    assert_eq!(methods.last().map(String::as_str), Some("Logout"));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let double = Double::start(answer).await;
    let error = ask(&yaml(&double.url, "hunter2")).await.unwrap_err().to_string();
    assert!(error.contains("refuses Login") && error.contains("check `user` and `password`"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let other = Double::start(|_| (200, vec![], "<html/>".to_owned())).await;
    let error = ask(&yaml(&other.url, "x")).await.unwrap_err().to_string();
    assert!(error.contains("has no `rootFolder`") && error.contains("is a vCenter or ESXi"), "{error}");
}

/// A session is ended even when listing fails.
#[tokio::test]
async fn sessions_are_ended() {
    let double = Double::start(|asked| match method(asked).as_str() {
        "CreateContainerView" => {
            (500, vec![], fault("NoPermissionFault", "Permission to perform this operation was denied."))
        }
        _ => answer(asked),
    })
    .await;
    let error = ask(&yaml(&double.url, "p&ss<")).await.unwrap_err().to_string();
    assert!(error.contains("give the connector's user the role Read-only"), "{error}");
    let methods: Vec<String> = double.asked().iter().map(method).collect();
    assert_eq!(methods.last().map(String::as_str), Some("Logout"));
}
