//! First start: the tenant, the subscription, the default resources and the owner. Everything is written
//! under fixed names and only when missing, so an interrupted first start is completed by the next.

use bartizan_base::{ResourceId, SubscriptionId, TenantId, Timespan, WorkspaceId};
use bartizan_records::{
    Actor, Condition, NewSecret, Principal, PrincipalKind, Records, RecordsError, SecretKind, Write,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{find_role, random_secret};
use crate::app::Home;

const STATE_KEY: &str = "home";
const GROUP: &str = "bartizan";
const LOCATION: &str = "local";
/// A sign-in link that is not used ends after a day.
const SIGN_IN_SECONDS: i64 = 86_400;

/// The defaults, made where they are missing. Also says whether this is the first start.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn ensure_home(records: &Records) -> Result<(Home, bool), RecordsError> {
    let stored = records.get_state(STATE_KEY).await?;
    let first = stored.as_ref().is_none_or(|state| state["complete"] != true);
    let mut state = stored.unwrap_or_else(|| {
        json!({
            "tenant": Uuid::new_v4(),
            "subscription": Uuid::new_v4(),
            "workspace": Uuid::new_v4(),
            "rule": Uuid::new_v4().simple().to_string(),
            "owner": Uuid::new_v4(),
            "complete": false,
        })
    });
    records.put_state(STATE_KEY, state.clone()).await?;
    let home = home(&state).ok_or_else(|| RecordsError::Damaged(STATE_KEY.to_owned()))?;
    make_root_group(records, &home).await?;
    if first {
        let rule = format!("dcr-{}", state["rule"].as_str().unwrap_or_default());
        make_resources(records, &home, &rule).await?;
        make_owner(records, &home).await?;
        state["complete"] = true.into();
        records.put_state(STATE_KEY, state).await?;
    }
    Ok((home, first))
}

/// A new one-time sign-in code for the owner.
///
/// # Errors
/// When the records cannot be written.
pub async fn new_sign_in(
    records: &Records,
    home: &Home,
    now: bartizan_base::Ticks,
) -> Result<String, RecordsError> {
    let code = random_secret();
    let secret = NewSecret {
        kind: SecretKind::SignInCode,
        subject: home.owner.to_string(),
        data: json!({}),
        expires: now + Timespan::from_seconds(SIGN_IN_SECONDS),
        uses: Some(1),
    };
    records.put_secret(&code, secret).await?;
    Ok(code)
}

fn home(state: &Value) -> Option<Home> {
    let uuid = |name: &str| Uuid::parse_str(state[name].as_str()?).ok();
    let subscription = SubscriptionId(uuid("subscription")?);
    let group = ResourceId::parse(&format!("/subscriptions/{subscription}/resourceGroups/{GROUP}")).ok()?;
    Some(Home {
        tenant: TenantId(uuid("tenant")?),
        subscription,
        subscription_name: "Bartizan".to_owned(),
        resource_group: GROUP.to_owned(),
        location: LOCATION.to_owned(),
        workspace: group.join("providers/Microsoft.OperationalInsights/workspaces/bartizan").ok()?,
        customer: WorkspaceId(uuid("workspace")?),
        default_rule: group.join("providers/Microsoft.Insights/dataCollectionRules/bartizan-default").ok()?,
        owner: uuid("owner")?,
    })
}

/// The root of the management groups, and the owner's role at it. A data folder of an earlier version has none.
async fn make_root_group(records: &Records, home: &Home) -> Result<(), RecordsError> {
    let id = home.root_group();
    if records.get(&id).await?.is_some() {
        return Ok(());
    }
    // The role first: were the group there without it, nobody would add it.
    assign_role(records, home, home.owner, "Owner", &id, PrincipalKind::User).await?;
    let body = json!({"properties": {
        "tenantId": home.tenant, "displayName": "Tenant Root Group",
        "details": {"version": 1, "updatedTime": records.now(), "updatedBy": home.owner},
    }});
    put_missing(records, id, body).await
}

async fn make_resources(records: &Records, home: &Home, rule: &str) -> Result<(), RecordsError> {
    let endpoint = "providers/Microsoft.Insights/dataCollectionEndpoints/bartizan";
    let onboarding = "providers/Microsoft.SecurityInsights/onboardingStates/default";
    let endpoint = home.group_id().join(endpoint).expect("fixed");
    let bodies = [
        (
            home.subscription_id(),
            json!({
                "subscriptionId": home.subscription, "displayName": home.subscription_name,
                "tenantId": home.tenant, "state": "Enabled",
            }),
        ),
        (home.group_id(), json!({"location": LOCATION, "properties": {"provisioningState": "Succeeded"}})),
        (
            home.workspace.clone(),
            json!({"location": LOCATION, "properties": {
                "provisioningState": "Succeeded", "customerId": home.customer,
                "sku": {"name": "PerGB2018"}, "retentionInDays": 90,
                "publicNetworkAccessForIngestion": "Enabled", "publicNetworkAccessForQuery": "Enabled",
            }}),
        ),
        (
            home.workspace.join(onboarding).expect("fixed"),
            json!({"properties": {"customerManagedKey": false}}),
        ),
        (
            endpoint.clone(),
            json!({"location": LOCATION, "properties": {
                "provisioningState": "Succeeded", "networkAcls": {"publicNetworkAccess": "Enabled"},
            }}),
        ),
        (
            home.default_rule.clone(),
            json!({"location": LOCATION, "properties": {
                "provisioningState": "Succeeded", "immutableId": rule,
                "description": "Takes every standard table as Microsoft-<Table> and every custom one as Custom-<Table>_CL.",
                "dataCollectionEndpointId": endpoint,
                "destinations": {"logAnalytics": [{
                    "name": "bartizan", "workspaceResourceId": home.workspace, "workspaceId": home.customer,
                }]},
                // No flows: every stream goes to the table it is named after.
                "dataFlows": [],
            }}),
        ),
    ];
    for (id, body) in bodies {
        put_missing(records, id, body).await?;
    }
    Ok(())
}

async fn make_owner(records: &Records, home: &Home) -> Result<(), RecordsError> {
    let now = records.now();
    if records.principal(home.owner).await?.is_none() {
        let owner = Principal {
            object_id: home.owner,
            app_id: None,
            name: "owner".to_owned(),
            kind: PrincipalKind::User,
            created: now,
            disabled: false,
            tokens_from: bartizan_base::Ticks(0),
        };
        records.put_principal(&owner).await?;
    }
    assign_role(records, home, home.owner, "Owner", &home.subscription_id(), PrincipalKind::User).await
}

/// Gives a principal a built-in role at `scope`, under a name that a repeat meets again.
///
/// # Errors
/// When there is no such role, or the records cannot be written.
pub async fn assign_role(
    records: &Records,
    home: &Home,
    principal: Uuid,
    role: &str,
    scope: &ResourceId,
    kind: PrincipalKind,
) -> Result<(), RecordsError> {
    let role = find_role(role).ok_or_else(|| RecordsError::Missing(format!("role {role}")))?;
    let name = Uuid::new_v5(&principal, role.id.as_bytes());
    let id = scope.join(&format!("providers/Microsoft.Authorization/roleAssignments/{name}")).expect("fixed");
    let definition =
        format!("{}/providers/Microsoft.Authorization/roleDefinitions/{}", home.subscription_id(), role.id);
    let body = json!({"properties": {
        "roleDefinitionId": definition, "principalId": principal, "principalType": kind.name(), "scope": scope,
    }});
    put_missing(records, id, body).await
}

async fn put_missing(records: &Records, id: ResourceId, body: Value) -> Result<(), RecordsError> {
    let write = Write {
        id,
        body,
        condition: Condition::IfNoneMatch,
        actor: Actor::system("first start"),
        audit: true,
    };
    match records.put(write).await {
        Ok(_) | Err(RecordsError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
