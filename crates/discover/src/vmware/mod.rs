//! vCenter and ESXi: all virtual machines through the property collector of the vSphere Web Services API, which both
//! have (the REST API is vCenter's alone, gives no page of guests and needs two calls for each machine).
//!
//! The session is ended whatever happens. Types, properties and the way through them are those that VMware documents
//! in "vSphere Web Services SDK Programming Guide".

mod machines;
mod soap;

use serde::Deserialize;

use crate::error::{DiscoverError, shown};
use crate::http::{HttpsOptions, PAGES_MAX};
use crate::machine::{Found, MACHINES_MAX};
use crate::secret::Secret;

use machines::Places;
pub(crate) use machines::objects;
use soap::{Service, View};

/// A vCenter, or one ESXi host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmwareConnection {
    /// `https://vcenter.example.org/`; `/sdk` is added.
    pub endpoint: String,
    /// Somebody with the role Read-only at the top.
    pub user: String,
    pub password: Secret,
    #[serde(default)]
    pub https: HttpsOptions,
}

impl VmwareConnection {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.user.is_empty() || self.password.is_empty() {
            return Err("`user` and `password` are empty".to_owned());
        }
        Ok(())
    }
}

pub(crate) async fn discover(vmware: &VmwareConnection) -> Result<Found, DiscoverError> {
    let endpoint = format!("{}/sdk", vmware.endpoint.trim_end_matches('/').trim_end_matches("/sdk"));
    let mut service = Service::open(&endpoint, &vmware.https).await?;
    service.log_in(&vmware.user, vmware.password.reveal()).await?;
    let found = list(&service).await;
    // Sessions are few, and one that nobody ends lasts for half an hour. All machines are told by now: that it
    // cannot be ended is not worth failing for.
    drop(service.log_out().await);
    found
}

async fn list(service: &Service) -> Result<Found, DiscoverError> {
    let mut places = Places::default();
    let (types, properties) = (&["HostSystem", "ComputeResource"], machines::PLACE_PROPERTIES);
    read(service, View { types, properties }, |object| {
        places.add(object);
        true
    })
    .await?;
    let mut found = Found::default();
    let mut left_out = 0;
    let view = View { types: &["VirtualMachine"], properties: machines::PROPERTIES };
    read(service, view, |object| {
        match object.machine(&places) {
            Ok(machine) => found.machines.extend(machine),
            Err(()) => left_out += 1,
        }
        found.machines.len() <= MACHINES_MAX
    })
    .await?;
    if left_out > 0 {
        found.shortfalls.push(format!(
            "{left_out} machines may not be read by the connector's user; give it the role Read-only at the top"
        ));
    }
    Ok(found)
}

/// Gives `take` every object of a view until it has had enough.
async fn read(
    service: &Service,
    view: View<'_>,
    mut take: impl FnMut(&machines::Object) -> bool,
) -> Result<(), DiscoverError> {
    let mut answer = service.retrieve(&view).await?;
    for _ in 0..PAGES_MAX {
        let (page, next) = objects(&answer).map_err(|what| {
            service.http.error(
                format!("answers RetrievePropertiesEx with what cannot be read ({})", shown(&what)),
                "check that `endpoint` is a vCenter or ESXi",
            )
        })?;
        let enough = page.iter().any(|object| !take(object));
        if next.is_empty() || enough {
            return Ok(());
        }
        answer = service.go_on(&next).await?;
    }
    Err(service
        .http
        .error(format!("has more than {PAGES_MAX} pages"), "divide the user's rights among connections"))
}
