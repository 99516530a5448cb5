//! The plain list of everything that is served: `operation  METHOD  path`.

use crate::types::{TYPES, TypeInfo};

/// Operations that are not reads and writes of a resource type.
const OTHERS: &[(&str, &str, &str)] = &[
    ("agent.desired", "GET", "/agent/v1/desired"),
    ("agent.disconnect", "POST", "/agent/v1/disconnect"),
    ("agent.enrol", "POST", "/agent/v1/enrol"),
    ("agent.evidence", "POST", "/agent/v1/evidence"),
    ("agent.renew", "POST", "/agent/v1/renew"),
    ("agent.status", "POST", "/agent/v1/status"),
    ("agent.testAlert", "GET", "/agent/v1/test-alerts/latest"),
    ("agent.testAlertStart", "POST", "/agent/v1/test-alerts"),
    ("agent.testAlertStarted", "POST", "/agent/v1/test-alerts/started"),
    (
        "alerts.activate",
        "POST",
        "{scope}/providers/Microsoft.Security/locations/{location}/alerts/{name}/activate",
    ),
    (
        "alerts.dismiss",
        "POST",
        "{scope}/providers/Microsoft.Security/locations/{location}/alerts/{name}/dismiss",
    ),
    (
        "alerts.inProgress",
        "POST",
        "{scope}/providers/Microsoft.Security/locations/{location}/alerts/{name}/inProgress",
    ),
    (
        "alerts.resolve",
        "POST",
        "{scope}/providers/Microsoft.Security/locations/{location}/alerts/{name}/resolve",
    ),
    (
        "alerts.simulate",
        "POST",
        "{scope}/providers/Microsoft.Security/locations/{location}/alerts/default/simulate",
    ),
    ("health", "GET", "/healthz"),
    (
        "securityConnectors.runDiscovery",
        "POST",
        "{scope}/providers/Microsoft.Security/securityConnectors/{name}/runDiscovery",
    ),
    ("account.password", "POST", "/portal/v1/account/password"),
    ("account.show", "GET", "/portal/v1/account"),
    ("account.signOut", "POST", "/portal/v1/account/signout"),
    ("account.totp", "POST", "/portal/v1/account/totp"),
    ("account.totpConfirm", "POST", "/portal/v1/account/totp/confirm"),
    ("account.totpRemove", "POST", "/portal/v1/account/totp/remove"),
    ("batch", "POST", "/batch"),
    ("directory.applicationCreate", "POST", "/v1.0/applications"),
    ("directory.byIds", "POST", "/v1.0/directoryObjects/getByIds"),
    ("directory.groups", "GET", "/v1.0/groups"),
    ("directory.me", "GET", "/v1.0/me"),
    ("directory.servicePrincipal", "GET", "/v1.0/servicePrincipals/{id}"),
    ("directory.servicePrincipalAddPassword", "POST", "/v1.0/servicePrincipals/{id}/addPassword"),
    ("directory.servicePrincipalDelete", "DELETE", "/v1.0/servicePrincipals/{id}"),
    ("directory.servicePrincipalUpdate", "PATCH", "/v1.0/servicePrincipals/{id}"),
    ("directory.servicePrincipals", "GET", "/v1.0/servicePrincipals"),
    ("directory.user", "GET", "/v1.0/users/{id}"),
    ("directory.userCreate", "POST", "/v1.0/users"),
    ("directory.userDelete", "DELETE", "/v1.0/users/{id}"),
    ("directory.userFactorDelete", "DELETE", "/v1.0/users/{id}/authentication/softwareOathMethods/{name}"),
    ("directory.userMethods", "GET", "/v1.0/users/{id}/authentication/methods"),
    ("directory.userPass", "POST", "/v1.0/users/{id}/authentication/temporaryAccessPassMethods"),
    ("directory.userRevoke", "POST", "/v1.0/users/{id}/revokeSignInSessions"),
    ("directory.userUpdate", "PATCH", "/v1.0/users/{id}"),
    ("directory.users", "GET", "/v1.0/users"),
    ("directory.invite", "POST", "/v1.0/invitations"),
    ("identity.authorize", "GET", "/{tenant}/oauth2/v2.0/authorize"),
    ("identity.consent", "POST", "/{tenant}/oauth2/v2.0/authorize"),
    ("identity.device", "GET", "/device"),
    ("identity.deviceConsent", "POST", "/device"),
    ("identity.deviceCode", "POST", "/{tenant}/oauth2/v2.0/devicecode"),
    ("identity.endpoints", "GET", "/metadata/endpoints"),
    ("identity.instance", "GET", "/{tenant}/discovery/instance"),
    ("identity.revoke", "POST", "/{tenant}/oauth2/v2.0/revoke"),
    ("identity.signInPage", "GET", "/identity/signin"),
    ("identity.signIn", "POST", "/identity/signin"),
    ("identity.discovery", "GET", "/{tenant}/v2.0/.well-known/openid-configuration"),
    ("identity.keys", "GET", "/{tenant}/discovery/v2.0/keys"),
    ("identity.token", "POST", "/{tenant}/oauth2/v2.0/token"),
    ("incidents.alerts", "POST", "{workspace}/providers/Microsoft.SecurityInsights/incidents/{id}/alerts"),
    (
        "incidents.bookmarks",
        "POST",
        "{workspace}/providers/Microsoft.SecurityInsights/incidents/{id}/bookmarks",
    ),
    (
        "incidents.entities",
        "POST",
        "{workspace}/providers/Microsoft.SecurityInsights/incidents/{id}/entities",
    ),
    ("ingestion.bulk", "POST", "/elastic/_bulk"),
    ("ingestion.otlp", "POST", "/v1/logs"),
    ("ingestion.upload", "POST", "/dataCollectionRules/{immutableId}/streams/{stream}"),
    ("kusto.authMetadata", "GET", "/v1/rest/auth/metadata"),
    ("kusto.management", "POST", "/v1/rest/mgmt"),
    ("kusto.query", "POST", "/v1/rest/query"),
    ("kusto.query", "POST", "/v2/rest/query"),
    ("logs.batch", "POST", "/v1/$batch"),
    ("logs.metadata", "GET", "/v1/workspaces/{customerId}/metadata"),
    ("logs.query", "GET", "/v1{workspaceResourceId}/query"),
    ("logs.query", "POST", "/v1{workspaceResourceId}/query"),
    ("logs.query", "GET", "/v1/workspaces/{customerId}/query"),
    ("logs.query", "POST", "/v1/workspaces/{customerId}/query"),
    ("automations.validate", "POST", "{scope}/providers/Microsoft.Security/automations/{name}/validate"),
    (
        "dataCollectionEndpoints.associations",
        "GET",
        "{scope}/providers/Microsoft.Insights/dataCollectionEndpoints/{name}/associations",
    ),
    (
        "dataCollectionRules.associations",
        "GET",
        "{scope}/providers/Microsoft.Insights/dataCollectionRules/{name}/associations",
    ),
    ("diagnosis.get", "GET", "{scope}/providers/Bartizan.Security/diagnosis/latest"),
    ("components.list", "GET", "{scope}/providers/Bartizan.Security/components"),
    ("features.list", "GET", "{scope}/providers/Bartizan.Security/features"),
    ("testAlerts.get", "GET", "{scope}/providers/Bartizan.Security/testAlerts/latest"),
    ("testAlerts.list", "GET", "{scope}/providers/Bartizan.Security/testAlerts"),
    ("testAlerts.start", "POST", "{scope}/providers/Bartizan.Security/testAlerts/latest/start"),
    ("usageReports.get", "GET", "{scope}/providers/Bartizan.Security/usageReports/{name}"),
    ("permissions.list", "GET", "{scope}/providers/Microsoft.Authorization/permissions"),
    (
        "policyRestrictions.check",
        "POST",
        "{scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
    ),
    (
        "policyEvents.queryResults",
        "POST",
        "{scope}/providers/Microsoft.PolicyInsights/policyEvents/default/queryResults",
    ),
    (
        "policyStates.evaluationResult",
        "GET",
        "{scope}/providers/Microsoft.PolicyInsights/asyncOperationResults/{name}",
    ),
    (
        "policyStates.triggerEvaluation",
        "POST",
        "{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation",
    ),
    (
        "policyStates.summarize",
        "POST",
        "{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize",
    ),
    (
        "policyStates.queryResults",
        "POST",
        "{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults",
    ),
    ("remediations.cancel", "POST", "{scope}/providers/Microsoft.PolicyInsights/remediations/{name}/cancel"),
    (
        "remediations.listDeployments",
        "POST",
        "{scope}/providers/Microsoft.PolicyInsights/remediations/{name}/listDeployments",
    ),
    ("portal.agentBinary", "GET", "/portal/agent/bartizan-agent"),
    ("portal.certificate", "GET", "/portal/agent/ca.pem"),
    ("portal.callForms", "POST", "/portal/v1/query/call"),
    ("portal.checkQuery", "POST", "/portal/v1/query/check"),
    ("portal.colourQuery", "POST", "/portal/v1/query/colours"),
    ("portal.completeQuery", "POST", "/portal/v1/query/complete"),
    ("portal.events", "GET", "/portal/v1/events"),
    ("portal.formatQuery", "POST", "/portal/v1/query/format"),
    ("portal.hoverQuery", "POST", "/portal/v1/query/hover"),
    ("portal.onboarding", "POST", "/portal/v1/onboarding"),
    ("portal.session", "GET", "/portal/v1/session"),
    ("portal.signIn", "POST", "/portal/v1/signin"),
    ("portal.signOut", "POST", "/portal/v1/signout"),
    ("portal.transformPreview", "POST", "/portal/v1/transform/preview"),
    ("resourceGraph.resources", "POST", "/providers/Microsoft.ResourceGraph/resources"),
    ("openapi.document", "GET", "/openapi/{document}"),
    ("openapi.list", "GET", "/openapi"),
    ("providers.get", "GET", "{scope}/providers/{namespace}"),
    ("providers.list", "GET", "{scope}/providers"),
    ("providers.register", "POST", "/subscriptions/{subscription}/providers/{namespace}/register"),
    ("resourceGroups.list", "GET", "/subscriptions/{subscription}/resourceGroups"),
    ("resources.list", "GET", "{scope}/resources"),
    ("subscriptions.get", "GET", "/subscriptions/{subscription}"),
    ("subscriptions.list", "GET", "/subscriptions"),
    ("subscriptions.locations", "GET", "/subscriptions/{subscription}/locations"),
    ("tags.delete", "DELETE", "{scope}/providers/Microsoft.Resources/tags/default"),
    ("tags.get", "GET", "{scope}/providers/Microsoft.Resources/tags/default"),
    ("tags.patch", "PATCH", "{scope}/providers/Microsoft.Resources/tags/default"),
    ("tags.put", "PUT", "{scope}/providers/Microsoft.Resources/tags/default"),
    ("tagNames.list", "GET", "/subscriptions/{subscription}/tagNames"),
    ("tenants.list", "GET", "/tenants"),
    ("workspaces.purge", "POST", "{scope}/providers/Microsoft.OperationalInsights/workspaces/{name}/purge"),
    (
        "workspaces.purgeStatus",
        "GET",
        "{scope}/providers/Microsoft.OperationalInsights/workspaces/{name}/operations/{purge}",
    ),
    (
        "workspaces.sharedKeys",
        "POST",
        "{scope}/providers/Microsoft.OperationalInsights/workspaces/{name}/sharedKeys",
    ),
    ("aliases.delete", "DELETE", "/providers/Microsoft.Subscription/aliases/{name}"),
    ("aliases.get", "GET", "/providers/Microsoft.Subscription/aliases/{name}"),
    ("aliases.list", "GET", "/providers/Microsoft.Subscription/aliases"),
    ("aliases.put", "PUT", "/providers/Microsoft.Subscription/aliases/{name}"),
    ("identity.rotateSigningKey", "POST", "/portal/v1/signing-keys/rotate"),
    (
        "managementGroups.checkNameAvailability",
        "POST",
        "/providers/Microsoft.Management/checkNameAvailability",
    ),
    ("managementGroups.delete", "DELETE", "/providers/Microsoft.Management/managementGroups/{name}"),
    (
        "managementGroups.descendants",
        "GET",
        "/providers/Microsoft.Management/managementGroups/{name}/descendants",
    ),
    ("managementGroups.getEntities", "POST", "/providers/Microsoft.Management/getEntities"),
    ("managementGroups.get", "GET", "/providers/Microsoft.Management/managementGroups/{name}"),
    ("managementGroups.list", "GET", "/providers/Microsoft.Management/managementGroups"),
    ("managementGroups.patch", "PATCH", "/providers/Microsoft.Management/managementGroups/{name}"),
    ("managementGroups.put", "PUT", "/providers/Microsoft.Management/managementGroups/{name}"),
    ("managementGroups.startTenantBackfill", "POST", "/providers/Microsoft.Management/startTenantBackfill"),
    (
        "managementGroups.subscriptions.delete",
        "DELETE",
        "/providers/Microsoft.Management/managementGroups/{name}/subscriptions/{subscription}",
    ),
    (
        "managementGroups.subscriptions.get",
        "GET",
        "/providers/Microsoft.Management/managementGroups/{name}/subscriptions/{subscription}",
    ),
    (
        "managementGroups.subscriptions.list",
        "GET",
        "/providers/Microsoft.Management/managementGroups/{name}/subscriptions",
    ),
    (
        "managementGroups.subscriptions.put",
        "PUT",
        "/providers/Microsoft.Management/managementGroups/{name}/subscriptions/{subscription}",
    ),
    ("managementGroups.tenantBackfillStatus", "POST", "/providers/Microsoft.Management/tenantBackfillStatus"),
    ("operations.result", "GET", "/subscriptions/{subscription}/operationResults/{id}"),
    ("operations.status", "GET", "/subscriptions/{subscription}/operationStatuses/{id}"),
    ("resources.move", "POST", "/subscriptions/{subscription}/resourceGroups/{name}/moveResources"),
    (
        "resources.validateMove",
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{name}/validateMoveResources",
    ),
    ("subscriptions.cancel", "POST", "/subscriptions/{subscription}/providers/Microsoft.Subscription/cancel"),
    ("subscriptions.enable", "POST", "/subscriptions/{subscription}/providers/Microsoft.Subscription/enable"),
    ("subscriptions.rename", "POST", "/subscriptions/{subscription}/providers/Microsoft.Subscription/rename"),
];

/// One operation: what it is called, and how it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) method: &'static str,
    /// With `{parameters}`; `{scope}` stands for whatever a resource of the type can hang on.
    pub(crate) path: String,
}

/// The whole list, sorted, one operation a line.
pub fn listing() -> String {
    let line = |operation: &Operation| {
        format!("{:<64} {:<6} {}\n", operation.name, operation.method, operation.path)
    };
    let mut lines: Vec<String> = all().iter().map(line).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.concat()
}

/// Every operation, those that are no reads and writes of a type first.
pub(crate) fn all() -> Vec<Operation> {
    let others = OTHERS.iter().map(|(name, method, path)| operation((*name).to_owned(), method, path));
    others.chain(TYPES.iter().flat_map(of_type)).collect()
}

fn operation(name: String, method: &'static str, path: &str) -> Operation {
    Operation { name, method, path: path.to_owned() }
}

fn of_type(info: &TypeInfo) -> Vec<Operation> {
    let (namespace, types) = info.name.split_once('/').expect("a type has a namespace");
    let group = types.replace('/', ".");
    let (collection, item) = if info.name == "Microsoft.Resources/resourceGroups" {
        let item = "/subscriptions/{subscription}/resourceGroups/{name}".to_owned();
        (item.trim_end_matches("/{name}").to_owned(), item)
    } else {
        let parts: Vec<&str> = types.split('/').collect();
        let (last, parents) = parts.split_last().expect("a type has a part");
        let parents: String = parents.iter().map(|part| format!("/{part}/{{{part}Name}}")).collect();
        let collection = format!("{{scope}}/providers/{namespace}{parents}/{last}");
        (collection.clone(), format!("{collection}/{{name}}"))
    };
    let of = |verb: &str, method, path| operation(format!("{group}.{verb}"), method, path);
    let mut out = vec![of("list", "GET", &collection), of("get", "GET", &item)];
    if info.writable {
        out.push(of("put", "PUT", &item));
        out.push(of("patch", "PATCH", &item));
    }
    if info.deletable {
        out.push(of("delete", "DELETE", &item));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `UPDATE_GOLDEN=1` rewrites the file; its diff is what a reviewer reads.
    #[test]
    fn the_checked_in_list_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/operations.txt");
        let current = super::listing();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &current).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(stored, current, "run with UPDATE_GOLDEN=1 and review the diff");
    }
}
