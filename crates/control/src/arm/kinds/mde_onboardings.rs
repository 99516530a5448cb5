//! Microsoft.Security/mdeOnboardings: what a machine needs to have the endpoint sensor without being connected in full.
//!
//! For Linux that is the script of direct onboarding. It holds no secret: who runs it brings an onboarding token. There is
//! no agent for Windows, so there is no package for it either.

use async_trait::async_trait;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::app::App;
use crate::arm::kind::{Kind, computed};
use crate::arm::scope;
use crate::http::Failure;
use crate::portal;

/// The only one there is.
const NAME: &str = "default";

pub(super) struct MdeOnboardings;

#[async_trait]
impl Kind for MdeOnboardings {
    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        let Some(at) = id.parent().filter(|_| id.name().eq_ignore_ascii_case(NAME)) else { return Ok(None) };
        Ok(self.absent_all(app, &at).await?.pop())
    }

    async fn absent_all(&self, app: &App, at: &ResourceId) -> Result<Vec<Resource>, Failure> {
        if !scope::is_subscription(at) {
            return Ok(Vec::new());
        }
        let Ok(id) = at.join(&format!("providers/Microsoft.Security/mdeOnboardings/{NAME}")) else {
            return Ok(Vec::new());
        };
        let package = STANDARD.encode(portal::direct_package(app));
        Ok(vec![computed(id, json!({"properties": {"onboardingPackageLinux": package}}))])
    }
}
