//! Policy definitions, initiatives, assignments and exemptions: what the policy engine could not read is refused here,
//! so that it never meets an assignment it must pass over.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Definition, Exemption, Initiative, Parameters};
use bartizan_records::{ListQuery, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::arm::scope::is_tenant_level;
use crate::http::Failure;
use crate::plans::reconcile::{DEFINITION_TYPE, SET_TYPE};
use crate::plans::{builtin, identity};

const MODES: [&str; 2] = ["Default", "DoNotEnforce"];
const CATEGORIES: [&str; 2] = ["Waiver", "Mitigated"];

pub(super) struct Definitions;

#[async_trait]
impl Kind for Definitions {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        Definition::parse(draft.id.as_str(), &draft.body["properties"])
            .map_err(|error| ApiError::field("properties.policyRule", error.to_string()))?;
        draft.set("policyType", "Custom");
        Ok(())
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        // Built-in definitions answer at tenant level, and, as in Azure, below a subscription too.
        match builtin::definition(id.name()).and_then(of_value) {
            Some(shipped) => Ok(Some(shipped)),
            None => imported(app, DEFINITION_TYPE, id.name()).await,
        }
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let mut all: Vec<Resource> = builtin::definitions().iter().filter_map(of_value).collect();
        all.extend(all_imported(app, scope, DEFINITION_TYPE).await?);
        Ok(all)
    }
}

/// What was imported stands at the tenant, as what is built in does, and is for everybody to read.
async fn imported(app: &App, kind: &str, name: &str) -> Result<Option<Resource>, Failure> {
    match ResourceId::parse(&format!("/providers/{kind}/{name}")) {
        Ok(id) => Ok(app.records.get(&id).await?),
        Err(_) => Ok(None),
    }
}

/// All of it, for lists at the tenant; those below have what is above them anyway.
async fn all_imported(app: &App, scope: &ResourceId, kind: &str) -> Result<Vec<Resource>, Failure> {
    if !is_tenant_level(scope) {
        return Ok(Vec::new());
    }
    let query = ListQuery { direct: true, ..ListQuery::of_type(ListQuery::tenant(), kind) };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = app.records.list(ListQuery { after, ..query.clone() }).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn of_value(definition: &Value) -> Option<Resource> {
    let id = ResourceId::parse(definition["id"].as_str()?).ok()?;
    Some(computed(id, serde_json::json!({"properties": definition["properties"]})))
}

pub(super) struct Initiatives;

#[async_trait]
impl Kind for Initiatives {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let set = Initiative::parse(draft.id.as_str(), &draft.body["properties"])
            .map_err(|error| ApiError::field("properties.policyDefinitions", error.to_string()))?;
        for (at, member) in set.members.iter().enumerate() {
            let path = format!("properties.policyDefinitions[{at}].policyDefinitionId");
            let id = ResourceId::parse(&member.definition_id)
                .map_err(|_| ApiError::field(&path, "it must be the id of a policy definition"))?;
            if app.records.get(&id).await?.is_none() && builtin::definition(id.name()).is_none() {
                let text = format!("there is no policy definition `{id}`; write or import it first");
                return Err(ApiError::field(&path, text).into());
            }
        }
        draft.set("policyType", "Custom");
        Ok(())
    }

    async fn absent(&self, app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        imported(app, SET_TYPE, id.name()).await
    }

    async fn absent_all(&self, app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        all_imported(app, scope, SET_TYPE).await
    }
}

pub(super) struct Assignments;

#[async_trait]
impl Kind for Assignments {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let path = "properties.policyDefinitionId";
        let id = ResourceId::parse(draft.text("policyDefinitionId")).map_err(|_| {
            ApiError::field(path, "`policyDefinitionId` must be the id of a policy definition")
        })?;
        let stored = app.records.get(&id).await?.map(|found| found.body);
        let Some(assigned) = stored.or_else(|| builtin::definition(id.name()).cloned()) else {
            return Err(ApiError::field(path, format!("there is no policy definition `{id}`")).into());
        };
        let mode = draft.property("enforcementMode").clone();
        if mode.is_null() {
            draft.set("enforcementMode", "Default");
        } else if !mode.as_str().is_some_and(|mode| MODES.contains(&mode)) {
            return Err(not_one_of("properties.enforcementMode", &mode, &MODES).into());
        }
        let scope = draft.id.parent().map(String::from).unwrap_or_default();
        draft.set("scope", scope);
        name_identity(app, draft).await?;
        let assignment = Assignment::parse(draft.id, &draft.body)
            .map_err(|error| ApiError::field("properties", error.to_string()))?;
        let declared = Parameters::parse(assigned["properties"].get("parameters"), "/properties/parameters");
        // One that is stored was read when it was written.
        if let Ok(declared) = declared {
            declared
                .values(&assignment.parameters)
                .map_err(|error| ApiError::field("properties.parameters", error.to_string()))?;
        }
        Ok(())
    }
}

/// The principal of an assignment's identity is the server's to name: who could choose it would deploy as anybody.
async fn name_identity(app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
    let kind = draft.body["identity"]["type"].as_str().unwrap_or_default().to_owned();
    if kind.is_empty() || kind.eq_ignore_ascii_case("None") {
        if let Some(body) = draft.body.as_object_mut().filter(|body| body.contains_key("identity")) {
            body.insert("identity".to_owned(), json!({"type": "None"}));
        }
        return Ok(());
    }
    if !kind.eq_ignore_ascii_case("SystemAssigned") {
        let text =
            format!("identity `{kind}` is not supported; use `SystemAssigned` and give that identity roles");
        return Err(ApiError::field("identity.type", text).into());
    }
    let kept = match draft.before {
        Some(before) => identity::own_principal(&app.records, &before.body).await?,
        None => None,
    };
    // A new one each time: what its namesake was given, before it was deleted, is not inherited.
    let principal = kept.unwrap_or_else(Uuid::new_v4);
    draft.body["identity"] =
        json!({"type": "SystemAssigned", "principalId": principal, "tenantId": app.home.tenant});
    Ok(())
}

pub(super) struct Exemptions;

#[async_trait]
impl Kind for Exemptions {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let category = draft.property("exemptionCategory");
        if !category.as_str().is_some_and(|category| CATEGORIES.contains(&category)) {
            return Err(not_one_of("properties.exemptionCategory", category, &CATEGORIES).into());
        }
        Exemption::parse(draft.id, &draft.body)
            .map_err(|error| ApiError::field("properties", error.to_string()))?;
        Ok(())
    }
}
