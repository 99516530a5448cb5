//! EC2: moto, which checks the signature; and a double where moto has no answer (pages, refusals, hostile bodies).

use std::path::PathBuf;
use std::process::Command;

use bartizan_discover::Power;
use serde_json::Value;

use crate::double::Double;
use crate::program::{Program, script, works};
use crate::{ask, by_name};

/// A Python that has moto: that of the stand-in for S3, which `cargo xtask test` installs, or the system's.
fn python() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let built = own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    let built = built.map(|folder| folder.join("clients/s3/bin/python"));
    let found = built
        .into_iter()
        .chain([PathBuf::from("python3")])
        .find(|python| works(python, &["-c", "import boto3, moto.server"]));
    if found.is_none() {
        println!("skipped: no Python has moto; `cargo xtask test` installs it");
    }
    found
}

fn yaml(endpoint: &str, regions: &str, key: &str, secret: &str) -> String {
    format!(
        "kind: aws\nregions: [{regions}]\naccess_key_id: {key}\nsecret_access_key: {secret}\nendpoint: {endpoint}/\n"
    )
}

#[tokio::test]
async fn moto_lists_machines_to_who_signs_and_may() {
    let Some(python) = python() else { return };
    let mut moto = Program::start(Command::new(python).arg(script("ec2.py")));
    let made: Value = serde_json::from_str(&moto.line()).unwrap();
    let text = |path: &str| made.pointer(path).and_then(Value::as_str).unwrap().to_owned();
    let (endpoint, reader) = (text("/endpoint"), [text("/keys/reader/0"), text("/keys/reader/1")]);

    let found = ask(&yaml(&endpoint, "eu-west-1, eu-central-1", &reader[0], &reader[1])).await.unwrap();
    assert_eq!(found.shortfalls, Vec::<String>::new());
    let mut ids: Vec<&str> = found.machines.iter().map(|machine| machine.native_id.as_str()).collect();
    let (stopped, running, database) = (text("/stopped"), text("/running"), text("/database"));
    let mut wanted = vec![stopped.as_str(), &running, &database];
    ids.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(ids, wanted, "both regions, without the terminated one");
    let at = |id: &str| found.machines.iter().find(|machine| machine.native_id == id).unwrap();
    assert_eq!((at(&stopped).power, at(&running).power), (Power::Stopped, Power::Running));
    let web = at(&running);
    assert_eq!(
        (web.name.as_str(), web.tags["env"].as_str(), web.region.as_str()),
        ("web", "a & b", "eu-west-1")
    );
    assert!(
        web.cluster.starts_with("eu-west-1") && !web.addresses.is_empty() && web.macs.len() == 1,
        "{web:?}"
    );
    assert_eq!(at(&database).region, "eu-central-1");

    // One bad region does not take the others away.
    let wrong = yaml(&endpoint, "eu-west-1", &reader[0], "wrong");
    let error = ask(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("SignatureDoesNotMatch") || error.contains("AuthFailure"), "{error}");
    assert!(error.contains("check `access_key_id`") && !error.contains("wrong"), "{error}");
    let stranger = yaml(&endpoint, "eu-west-1", &text("/keys/stranger/0"), &text("/keys/stranger/1"));
    let error = ask(&stranger).await.unwrap_err().to_string();
    assert!(error.contains("allow the key's user or role the action ec2:DescribeInstances"), "{error}");
}

fn instances(ids: &[&str], next: &str) -> String {
    let items: String = ids
        .iter()
        .map(|id| {
            format!(
                "<item><instanceId>{id}</instanceId><instanceState><name>running</name></instanceState>\
                 <platform>windows</platform><platformDetails>Windows</platformDetails>\
                 <networkInterfaceSet><item><macAddress>02:11:22:33:44:55</macAddress><privateIpAddressesSet>\
                 <item><privateIpAddress>10.0.0.8</privateIpAddress></item><item><privateIpAddress>10.0.0.9\
                 </privateIpAddress></item></privateIpAddressesSet></item></networkInterfaceSet></item>"
            )
        })
        .collect();
    format!(
        "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><reservationSet><item>\
         <ownerId>123456789012</ownerId><instancesSet>{items}</instancesSet></item></reservationSet>\
         <nextToken>{next}</nextToken></DescribeInstancesResponse>"
    )
}

#[tokio::test]
async fn pages_are_followed_and_a_region_that_fails_is_told() {
    let double = Double::start(|asked| {
        let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no\n way</Message></Error></Errors></Response>";
        match asked.body.as_str() {
            _ if asked.header("authorization").contains("/eu-north-1/") => (403, vec![], denied.to_owned()),
            body if body.contains("NextToken=two+%26") => (200, vec![], instances(&["i-3"], "")),
            _ => (200, vec![], instances(&["i-1", "i-2"], "two &amp; more")),
        }
    })
    .await;
    let found = ask(&yaml(&double.url, "eu-west-1, eu-north-1", "AKID", "key")).await.unwrap();
    let machine = by_name(&found, "i-3");
    assert_eq!(found.machines.len(), 3);
    assert_eq!(
        (machine.os_type.as_str(), machine.addresses.len(), machine.host.as_str()),
        ("windows", 2, "123456789012")
    );
    assert_eq!(found.shortfalls.len(), 1);
    assert!(
        found.shortfalls[0].contains("region `eu-north-1`")
            && found.shortfalls[0].contains("UnauthorizedOperation, no way")
    );
    let asked = double.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|call| call.method == "POST" && call.header("x-amz-date").len() == 16));
}

#[tokio::test]
async fn what_is_no_answer_is_refused() {
    for (body, wanted) in [
        ("<html>sign in</html>", "it is a `html`"),
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "cannot be read"),
        ("{}", "cannot be read"),
    ] {
        let double = Double::start(move |_| (200, vec![], body.to_owned())).await;
        let error = ask(&yaml(&double.url, "eu-west-1", "AKID", "hunter2")).await.unwrap_err().to_string();
        assert!(
            error.contains(wanted) && error.contains(&double.url) && !error.contains("hunter2"),
            "{error}"
        );
    }
    let same = Double::start(|_| (200, vec![], instances(&["i-1"], "again"))).await;
    let error = ask(&yaml(&same.url, "eu-west-1", "AKID", "key")).await.unwrap_err().to_string();
    assert!(error.contains("the same page for ever"), "{error}");
    let moved =
        Double::start(|_| (302, vec![("location", "http://127.0.0.1:9/".to_owned())], String::new())).await;
    let error = ask(&yaml(&moved.url, "eu-west-1", "AKID", "key")).await.unwrap_err().to_string();
    assert!(error.contains("redirects are not followed"), "{error}");
    let plain =
        ask(&yaml("http://ec2.example.org", "eu-west-1", "AKID", "key")).await.unwrap_err().to_string();
    assert!(plain.contains("credentials are only sent over TLS"), "{plain}");
}
