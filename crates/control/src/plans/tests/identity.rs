//! What a policy may deploy follows from the roles of its assignment's identity.

use bartizan_records::{Principal, PrincipalKind, Resource};
use serde_json::json;
use uuid::Uuid;

use super::{House, SUBSCRIPTION, id_of};
use crate::access::{ROLE_ASSIGNMENT_TYPE, find_role};
use crate::plans::component::EXTENSION_TYPE;
use crate::plans::provisioning::ASSIGNMENT_TYPE;

const SENSOR: &str = "MDE.Linux: Creating";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";

impl House {
    async fn roles(&self) -> Vec<Resource> {
        let tenant = bartizan_records::ListQuery::tenant();
        self.ctx.records.list_all(&tenant, ROLE_ASSIGNMENT_TYPE).await.unwrap()
    }

    async fn drop_roles(&self) {
        for role in self.roles().await {
            self.ctx.records.delete(&role.id, &crate::plans::reconcile::actor(), None).await.unwrap();
        }
    }

    /// The plan's assignment that deploys the sensor: its name and its identity.
    async fn sensor(&self) -> (String, String) {
        let all = self.ctx.records.list_all(&id_of(SUBSCRIPTION), ASSIGNMENT_TYPE).await.unwrap();
        let sensor = crate::plans::component::COMPONENTS.iter().find(|c| c.extension == "MDE.Linux").unwrap();
        let own = all.iter().find(|a| a.id.name() == sensor.assignment).unwrap();
        (own.id.name().to_owned(), own.body["identity"]["principalId"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn a_plans_assignments_get_their_roles_and_lose_them() {
    let house = House::new().await;
    house.plan("Standard", Some("P2")).await;
    house.round().await;
    let roles = house.roles().await;
    assert_eq!(roles.len(), 3);
    for role in &roles {
        assert_eq!(role.id.parent().unwrap(), id_of(SUBSCRIPTION));
        assert!(role.property("roleDefinitionId").unwrap().as_str().unwrap().ends_with(CONTRIBUTOR));
    }
    let (_, sensor) = house.sensor().await;
    assert!(roles.iter().any(|role| role.property("principalId") == Some(&json!(sensor))));
    // Somebody else's role is not touched.
    house.role(&Uuid::new_v4().to_string(), "Reader", SUBSCRIPTION).await;
    house.plan("Free", None).await;
    house.round().await;
    assert_eq!(house.roles().await.len(), 1);
}

#[tokio::test]
async fn an_assignment_of_an_earlier_version_gets_its_roles_once() {
    let house = House::new().await;
    house.plan("Standard", Some("P2")).await;
    house.round().await;
    house.drop_roles().await;
    for assignment in house.ctx.records.list_all(&id_of(SUBSCRIPTION), ASSIGNMENT_TYPE).await.unwrap() {
        let mut body = assignment.body;
        body["properties"]["metadata"].as_object_mut().unwrap().shift_remove("rolesGiven");
        house.put(assignment.id.as_str(), body).await;
    }
    house.round().await;
    assert_eq!(house.roles().await.len(), 3);
    house.drop_roles().await;
    house.round().await;
    assert!(house.roles().await.is_empty(), "a role that was taken away is not given again");
}

#[tokio::test]
async fn a_missing_role_fails_the_deployment_and_granting_it_resolves() {
    let house = House::new().await;
    house.plan("Standard", Some("P1")).await;
    house.round().await;
    house.drop_roles().await;
    let web = house.machine("web-1", "Connected").await;
    let other = house.machine("web-2", "Connected").await;
    let (name, principal) = house.sensor().await;
    let refused = async || {
        house.round().await;
        assert!(house.extensions(&web).await.is_empty());
        let reason = house.reason(&web, &name).await;
        let expected = format!(
            "AuthorizationFailed: The client '{principal}' does not have authorization to perform action \
             '{EXTENSION_TYPE}/write' over scope '{web}/extensions/MDE.Linux'."
        );
        assert!(reason.starts_with(&expected), "{reason}");
        assert!(reason.contains("`Contributor`") && reason.contains(SUBSCRIPTION), "{reason}");
    };
    refused().await;
    // A role that does not write, one at another machine, one of somebody else.
    house.role(&principal, "Reader", SUBSCRIPTION).await;
    house.role(&principal, "Contributor", other.as_str()).await;
    house.role(&Uuid::new_v4().to_string(), "Owner", SUBSCRIPTION).await;
    refused().await;
    assert_eq!(house.extension_states(&other).await, [SENSOR]);
    let (check, fix) = house.first_failure(&web).await;
    assert_eq!(check, "extensionStatus");
    assert!(fix.starts_with("give the identity") && fix.contains("`Contributor`"), "{fix}");
    let told = async || {
        let answer = crate::plans::diagnosis::diagnose(&house.ctx.records, &web, house.ctx.clock.now()).await;
        answer
            .unwrap()
            .unwrap()
            .to_string()
            .contains(&format!("MDE.Linux: missing role; AuthorizationFailed: The client '{principal}'"))
    };
    assert!(told().await);

    house.role(&principal, "Contributor", &format!("{SUBSCRIPTION}/resourceGroups/bartizan")).await;
    house.round().await;
    assert_eq!(house.extension_states(&web).await, [SENSOR]);
    assert!(!told().await);
}

/// Whatever an assignment says, and a server of an earlier version kept.
#[tokio::test]
async fn a_policy_never_acts_as_somebody_in_the_directory() {
    let house = House::new().await;
    let web = house.machine("web-1", "Connected").await;
    let owner = Principal {
        object_id: Uuid::new_v4(),
        app_id: None,
        name: "owner".to_owned(),
        kind: PrincipalKind::User,
        created: house.ctx.clock.now(),
        disabled: false,
        tokens_from: bartizan_base::Ticks(0),
    };
    house.ctx.records.put_principal(&owner).await.unwrap();
    let id = owner.object_id.to_string();
    house.role(&id, "Owner", SUBSCRIPTION).await;
    let sensor = crate::plans::component::COMPONENTS.iter().find(|c| c.extension == "MDE.Linux").unwrap();
    let definition = format!("/providers/Microsoft.Authorization/policyDefinitions/{}", sensor.definition);
    let identities =
        [json!({"type": "SystemAssigned", "principalId": id}), json!({"type": "SystemAssigned"})];
    for identity in identities {
        let body = json!({"identity": identity, "properties": {"policyDefinitionId": definition}});
        house.put(&format!("{SUBSCRIPTION}/providers/{ASSIGNMENT_TYPE}/climb"), body).await;
        house.round().await;
        assert!(house.extensions(&web).await.is_empty());
        let reason = house.reason(&web, "climb").await;
        assert!(reason.starts_with("AuthorizationFailed") && reason.contains("write assignment"), "{reason}");
    }
    assert_eq!(find_role("Contributor").unwrap().id, CONTRIBUTOR);
}
