//! Kubernetes: a double of the documented API (`GET /api/v1/nodes` with `limit` and `continue`).

use std::sync::atomic::{AtomicUsize, Ordering};

use bartizan_discover::Power;
use serde_json::{Value, json};

use crate::double::{Asked, Double};
use crate::{ask, by_name};

fn node(name: &str, ready: &str) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "labels": {
            "topology.kubernetes.io/region": "eu-west-1", "topology.kubernetes.io/zone": "eu-west-1a",
        }},
        "spec": {"providerID": "aws:///eu-west-1a/i-0abc"},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "10.2.0.7"}, {"type": "Hostname", "address": format!("{name}.internal")},
            ],
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
            "nodeInfo": {"systemUUID": "EC2A1B2C-0000-1111-2222-333344445555", "machineID": "0123456789abcdef",
                "osImage": "Bottlerocket OS 1.20.0", "operatingSystem": "linux"},
        },
    })
}

fn list(nodes: &[Value], next: &str) -> String {
    json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {"continue": next}, "items": nodes})
        .to_string()
}

fn yaml(url: &str) -> String {
    format!("kind: kubernetes\nendpoint: {url}/k8s/clusters/c-1\ntoken: hunter2\ncluster: lab\n")
}

fn page(asked: &Asked) -> &str {
    asked
        .uri
        .query()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("continue=")))
        .unwrap_or_default()
}

#[tokio::test]
async fn nodes_of_all_pages() {
    let forgotten = AtomicUsize::new(0);
    let double = Double::start(move |asked| match page(asked) {
        _ if asked.header("authorization") != "Bearer hunter2" => (401, vec![], String::new()),
        "" => (200, vec![], list(&[node("n1", "True"), node("n2", "Unknown")], "a/b=")),
        // The first time the list is too old by then.
        "a%2Fb%3D" if forgotten.fetch_add(1, Ordering::SeqCst) == 0 => (410, vec![], "{}".to_owned()),
        "a%2Fb%3D" => (200, vec![], list(&[node("n3", "False")], "")),
        _ => (400, vec![], String::new()),
    })
    .await;
    let found = ask(&yaml(&double.url)).await.unwrap();
    assert_eq!((found.machines.len(), found.is_complete()), (3, true));
    let n1 = by_name(&found, "n1");
    assert_eq!((n1.power, n1.os_type.as_str(), n1.region.as_str()), (Power::Running, "linux", "eu-west-1"));
    assert_eq!((n1.cluster.as_str(), n1.native_id.as_str()), ("lab", "uid-n1"));
    assert!(
        n1.hardware_ids.contains(&"i-0abc".to_owned()) && n1.host_names.contains(&"n1.internal".to_owned())
    );
    assert_eq!((by_name(&found, "n2").power, by_name(&found, "n3").power), (Power::Unknown, Power::Running));
    let asked = double.asked();
    assert_eq!(asked.iter().map(page).collect::<Vec<_>>(), ["", "a%2Fb%3D", "", "a%2Fb%3D"]);
    assert!(asked.iter().all(|call| call.uri.path() == "/k8s/clusters/c-1/api/v1/nodes"));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (status, body, wanted) in [
        (401, "", "make a new one with `kubectl create token`"),
        (403, "", "the verb `list` on `nodes`"),
        (500, r#"{"kind":"Status","message":"etcd is away"}"#, "etcd is away"),
        (200, "<html>", "no list of nodes"),
        (200, r#"{"kind":"Status"}"#, "it has no `items`"),
    ] {
        let double = Double::start(move |_| (status, vec![], body.to_owned())).await;
        let error = ask(&yaml(&double.url)).await.unwrap_err().to_string();
        assert!(error.contains(wanted) && error.starts_with("kubernetes connector, `"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
