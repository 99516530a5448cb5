//! Nodes of a Kubernetes cluster: `GET /api/v1/nodes`, a page at a time.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::error::{DiscoverError, shown};
use crate::http::{Http, HttpsOptions, PAGES_MAX};
use crate::machine::{Found, FoundMachine, MACHINES_MAX, Power, address, os_type};
use crate::secret::Secret;

const PAGE_SIZE: usize = 250;

/// A cluster's API server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesConnection {
    /// `https://api.cluster.example.org:6443`
    pub endpoint: String,
    /// Of a service account that may list nodes.
    pub token: Secret,
    /// What the cluster is called; the endpoint's host when empty.
    #[serde(default)]
    pub cluster: String,
    #[serde(default)]
    pub https: HttpsOptions,
}

impl KubernetesConnection {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.token.is_empty() { Err("`token` is empty".to_owned()) } else { Ok(()) }
    }
}

pub(crate) async fn discover(kubernetes: &KubernetesConnection) -> Result<Found, DiscoverError> {
    let http = Http::new("kubernetes", &kubernetes.endpoint, &kubernetes.https)?;
    let cluster = if kubernetes.cluster.is_empty() {
        http.endpoint.host_str().unwrap_or_default().to_owned()
    } else {
        kubernetes.cluster.clone()
    };
    match list(&http, kubernetes, &cluster).await? {
        Some(found) => Ok(found),
        // The list grew old while we read it (410 Gone): once more from the start, as the API asks for.
        None => list(&http, kubernetes, &cluster).await?.ok_or_else(|| {
            http.error("ended the list of nodes twice before its last page", "the next run tries again")
        }),
    }
}

/// All pages; `None` when the API server has forgotten where we were.
async fn list(
    http: &Http,
    kubernetes: &KubernetesConnection,
    cluster: &str,
) -> Result<Option<Found>, DiscoverError> {
    let mut found = Found::default();
    let mut token = String::new();
    for _ in 0..PAGES_MAX {
        let url = address_of_page(&http.endpoint, &token);
        let call = http
            .client()
            .get(url)
            .bearer_auth(kubernetes.token.reveal())
            .header("accept", "application/json");
        let answer = http.send(call).await?;
        match answer.status {
            StatusCode::GONE if !token.is_empty() => return Ok(None),
            StatusCode::UNAUTHORIZED => {
                return Err(http.error(
                    "answers 401: it does not know the token",
                    "make a new one with `kubectl create token`",
                ));
            }
            StatusCode::FORBIDDEN => {
                return Err(http.error(
                    "answers 403: the token may not list nodes",
                    "bind its service account to a ClusterRole with the verb `list` on `nodes`",
                ));
            }
            status if !status.is_success() => {
                let text = serde_json::from_str::<Value>(&answer.body).ok();
                let said =
                    text.as_ref().and_then(|body| body["message"].as_str()).map(shown).unwrap_or_default();
                return Err(http.error(format!("answers {status} {said}"), "the next run tries again"));
            }
            _ => {}
        }
        let (machines, next) = page(&answer.body, cluster).map_err(|what| {
            http.error(
                format!("answers with no list of nodes ({what})"),
                "check that `endpoint` is an API server",
            )
        })?;
        found.machines.extend(machines);
        if next.is_empty() || found.machines.len() > MACHINES_MAX {
            return Ok(Some(found));
        }
        token = next;
    }
    Err(http
        .error(format!("has more than {PAGES_MAX} pages of nodes"), "check that `endpoint` is an API server"))
}

/// Where a page is.
fn address_of_page(endpoint: &Url, token: &str) -> Url {
    let mut url = endpoint.clone();
    url.set_path(&format!("{}/api/v1/nodes", endpoint.path().trim_end_matches('/')));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &PAGE_SIZE.to_string());
    if !token.is_empty() {
        query.append_pair("continue", token);
    }
    url.set_query(Some(&query.finish()));
    url
}

/// The machines of a `NodeList`, and where the next page begins.
pub(crate) fn page(body: &str, cluster: &str) -> Result<(Vec<FoundMachine>, String), String> {
    let list: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let nodes = list["items"].as_array().ok_or("it has no `items`")?;
    let next = list["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    Ok((nodes.iter().filter_map(|node| machine(node, cluster)).collect(), next))
}

fn machine(node: &Value, cluster: &str) -> Option<FoundMachine> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (metadata, info) = (&node["metadata"], &node["status"]["nodeInfo"]);
    let name = text(&metadata["name"]);
    if name.is_empty() {
        return None;
    }
    let uid = text(&metadata["uid"]);
    let mut host_names = vec![name.clone()];
    let mut addresses = Vec::new();
    for entry in node["status"]["addresses"].as_array().into_iter().flatten() {
        let value = text(&entry["address"]);
        match address(&value) {
            Some(address) => addresses.push(address),
            None => host_names.push(value),
        }
    }
    let labels: BTreeMap<String, String> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let ready =
        node["status"]["conditions"].as_array().into_iter().flatten().find(|one| one["type"] == "Ready");
    let os = text(&info["osImage"]);
    // `operatingSystem` is Go's name for it: `linux` or `windows`.
    let family = text(&info["operatingSystem"]);
    // `aws:///eu-west-1a/i-0abc`: the last part is what the cloud calls the machine.
    let provider = text(&node["spec"]["providerID"]);
    let provider = provider.rsplit('/').next().unwrap_or_default().to_owned();
    Some(FoundMachine {
        native_id: if uid.is_empty() { name.clone() } else { uid },
        name,
        host_names,
        hardware_ids: vec![text(&info["systemUUID"]), text(&info["machineID"]), provider],
        addresses,
        os_type: if family.is_empty() { os_type(&os).to_owned() } else { family },
        os,
        // A node that is not ready may run all the same: only silence is told by `Unknown`.
        power: match ready.and_then(|ready| ready["status"].as_str()) {
            Some("True" | "False") => Power::Running,
            _ => Power::Unknown,
        },
        region: label("topology.kubernetes.io/region"),
        host: label("topology.kubernetes.io/zone"),
        tags: labels,
        cluster: cluster.to_owned(),
        ..FoundMachine::default()
    })
}
