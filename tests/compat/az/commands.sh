#!/bin/bash
# azure-cli, unmodified: another cloud, a service principal, and the command groups that this server serves.
set -euo pipefail
az() { "$AZ" "$@" --only-show-errors --output tsv; }
fail() { echo "commands.sh: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "expected '$2', got '$1'"; }
refused() { # refused CODE COMMAND…: the command fails and says CODE
    local code=$1 said; shift
    said=$(az "$@" 2>&1) && fail "was not refused: $*"
    [[ $said == *"$code"* ]] || fail "refused without $code: $* : $said"
}
export AZURE_CORE_COLLECT_TELEMETRY=false AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no
GROUP=$(cut -d/ -f5 <<<"$WORKSPACE_ID") WORKSPACE_NAME=$(cut -d/ -f9 <<<"$WORKSPACE_ID")
MACHINE_NAME=${MACHINE##*/}

# No Microsoft host knows this one.
az config set core.instance_discovery=false >/dev/null
az cloud register --name Bartizan --endpoint-resource-manager "$URL" >/dev/null
az cloud set --name Bartizan >/dev/null
az login --service-principal --username "$APP_ID" --password "$SECRET" --tenant "$TENANT" >/dev/null
same "$(az account show --query id)" "$SUBSCRIPTION"
same "$(az account list --query 'length(@)')" 1
[ -n "$(az account get-access-token --query accessToken)" ] || fail "no token"
same "$(az account list-locations --query '[0].name')" local

az group create --name compat-az --location local --tags team=blue >/dev/null
same "$(az group exists --name compat-az)" true
same "$(az group show --name compat-az --query tags.team)" blue
az group update --name compat-az --set tags.team=red >/dev/null
same "$(az group list --query "[?name=='compat-az'].tags.team")" red
pack="/subscriptions/$SUBSCRIPTION/resourceGroups/compat-az/providers/Microsoft.OperationalInsights/queryPacks/pack"
az resource create --id "$pack" --location local --properties '{}' --api-version 2025-07-01 >/dev/null
same "$(az resource show --resource-group compat-az --resource-type Microsoft.OperationalInsights/queryPacks --name pack --query name)" pack
az resource tag --ids "$pack" --tags kind=test >/dev/null
same "$(az resource list --resource-group compat-az --query '[0].tags.kind')" test
az resource delete --ids "$pack" >/dev/null
az tag list --query '[].tagName' | grep -qx team || fail "the tag is not listed"
az group delete --name compat-az --yes

same "$(az role definition list --name Reader --query '[0].roleName')" Reader
principal=$(az role assignment list --all --query '[0].principalId')
scope="/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP"
az role assignment create --assignee-object-id "$principal" --assignee-principal-type User --role Reader --scope "$scope" >/dev/null
same "$(az role assignment list --scope "$scope" --role Reader --query '[0].roleDefinitionName')" Reader
az role assignment delete --assignee "$principal" --role Reader --scope "$scope"

definition=4eb909e7-6d64-656d-6465-2eeb297a1625
[ -n "$(az policy definition show --name "$definition" --query displayName)" ] || fail "no built-in definition"
az policy assignment create --name compat --policy "$definition" --enforcement-mode DoNotEnforce >/dev/null
az policy assignment list --query '[].name' | grep -qx compat || fail "the assignment is not listed"
az policy state list --top 5 >/dev/null
az policy state summarize --query 'policyAssignments' >/dev/null
az policy state trigger-scan >/dev/null
az policy event list --top 5 >/dev/null
az policy remediation create --name compat --policy-assignment compat --resource-discovery-mode ReEvaluateCompliance >/dev/null
same "$(az policy remediation show --name compat --query resourceDiscoveryMode)" ReEvaluateCompliance
az policy remediation list --query '[].name' | grep -qx compat || fail "the remediation is not listed"
az policy remediation deployment list --name compat >/dev/null
# It may have ended by itself.
az policy remediation cancel --name compat >/dev/null 2>&1 || true
az policy remediation delete --name compat >/dev/null
az policy assignment delete --name compat

az security pricing create --name VirtualMachines --tier Standard --subplan P2 >/dev/null
same "$(az security pricing show --name VirtualMachines --query subPlan)" P2
az security pricing list --query 'value[].name' | grep -qx KeyVaults || fail "not all plans are listed"
same "$(az security secure-scores list --query '[].name')" ascScore
[ -n "$(az security secure-score-controls list --query '[0].displayName')" ] || fail "no controls"
[ -n "$(az security assessment list --query '[0].displayName')" ] || fail "no assessments"
[ -n "$(az security assessment-metadata list --query '[0].displayName')" ] || fail "no metadata"
[ -n "$(az security task list --query '[0].name')" ] || fail "no tasks"
same "$(az security alert show --location local --name "$ALERT" --query alertDisplayName)" Compat
az security alert update --location local --name "$ALERT" --status Dismiss
same "$(az security alert list --query "[?name=='$ALERT'].status")" Dismissed
az security auto-provisioning-setting update --name default --auto-provision On >/dev/null
same "$(az security auto-provisioning-setting show --name default --query autoProvision)" On
az security setting list --query '[].name' | grep -qx WDATP || fail "no settings"
same "$(az security workspace-setting show --name default --query workspaceId)" "$WORKSPACE_ID"
same "$(az security location list --query '[0].name')" local
az security alerts-suppression-rule update --rule-name compat --alert-type compat --reason Other --state Enabled >/dev/null
same "$(az security alerts-suppression-rule list --query '[].name')" compat
refused NoRegisteredProviderFound security jit-policy list
refused NoRegisteredProviderFound security topology list

same "$(az monitor log-analytics workspace show --resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME" --query id)" "$WORKSPACE_ID"
same "$(az monitor log-analytics workspace list --query '[].name')" "$WORKSPACE_NAME"
az monitor log-analytics workspace update --resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME" --retention-time 90 >/dev/null
same "$(az monitor log-analytics workspace show --resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME" --query retentionInDays)" 90
table=(--resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME" --name CompatAz_CL)
az monitor log-analytics workspace table create "${table[@]}" --columns TimeGenerated=datetime Text=string --retention-time 30 >/dev/null
same "$(az monitor log-analytics workspace table show "${table[@]}" --query retentionInDays)" 30
az monitor log-analytics workspace table delete "${table[@]}" --yes
search=(--resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME" --name compat)
az monitor log-analytics workspace saved-search create "${search[@]}" --category Compat --display-name Beats --saved-query Heartbeat >/dev/null
same "$(az monitor log-analytics workspace saved-search show "${search[@]}" --query displayName)" Beats
az monitor log-analytics workspace saved-search delete "${search[@]}" --yes
[ -n "$(az monitor log-analytics workspace list-usages --resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME" --query '[0].unit')" ] || fail "no usages"
refused LocalAuthDisabled monitor log-analytics workspace get-shared-keys --resource-group "$GROUP" --workspace-name "$WORKSPACE_NAME"

same "$(az rest --method get --url "$MACHINE?api-version=2024-07-10" --query name)" "$MACHINE_NAME"
answer=$(az rest --method post --url "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01" \
    --body '{"query": "resources | where type =~ \"microsoft.hybridcompute/machines\" | project name"}' --query 'data[0].name')
same "$answer" "$MACHINE_NAME"
az logout
