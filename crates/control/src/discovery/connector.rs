//! `Microsoft.Security/securityConnectors` as it is stored.

use std::time::Duration;

use bartizan_base::ResourceId;
use bartizan_records::{ListQuery, RecordsError, Resource};
use serde_json::Value;

use crate::app::App;

/// The resource type.
pub(crate) const CONNECTOR_TYPE: &str = "Microsoft.Security/securityConnectors";

/// `environmentName` and `environmentData.environmentType` for each kind of connection. `AWS` is Azure's; Azure has no
/// connectors for the others.
pub(crate) const ENVIRONMENTS: [(&str, &str, &str); 6] = [
    ("aws", "AWS", "AwsAccount"),
    ("inventory", "Inventory", "InventoryFile"),
    ("kubernetes", "Kubernetes", "KubernetesCluster"),
    ("libvirt", "Libvirt", "LibvirtHost"),
    ("network", "Network", "NetworkRange"),
    ("vmware", "VMware", "VmwareServer"),
];

/// Hours between two runs: least, unless said otherwise, most. Azure's, for AWS accounts.
pub(crate) const INTERVAL_HOURS: (u64, u64, u64) = (1, 4, 24);

/// What the schedule needs of a connector.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) id: ResourceId,
    pub(crate) location: String,
    /// The connection's name.
    pub(crate) connection: String,
    /// Regions to ask instead of the connection's own.
    pub(crate) regions: Vec<String>,
    pub(crate) interval: Duration,
}

impl Connector {
    /// Reads a stored connector; `None` when it is none, which `PUT` does not allow.
    pub(crate) fn of(resource: &Resource) -> Option<Self> {
        let data = resource.property("environmentData")?;
        let regions = data["regions"].as_array().into_iter().flatten();
        let hours = data["scanInterval"].as_u64().unwrap_or(INTERVAL_HOURS.1);
        Some(Self {
            id: resource.id.clone(),
            location: resource.body["location"].as_str().unwrap_or_default().to_owned(),
            connection: data["connection"].as_str()?.to_owned(),
            regions: regions.filter_map(|region| region.as_str().map(str::to_owned)).collect(),
            interval: Duration::from_secs(hours.clamp(INTERVAL_HOURS.0, INTERVAL_HOURS.2) * 3_600),
        })
    }
}

/// All connectors.
pub(super) async fn all(app: &App) -> Result<Vec<Connector>, RecordsError> {
    let stored = app.records.list_all(&ListQuery::tenant(), CONNECTOR_TYPE).await?;
    Ok(stored.iter().filter_map(Connector::of).collect())
}

/// What a connector's `properties.discovery` says of its last run; the server's to write.
pub(super) fn health(resource: &Resource) -> &Value {
    resource.property("discovery").unwrap_or(&Value::Null)
}
