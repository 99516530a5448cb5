/**
 * Wire types, declared by hand until they are generated from the OpenAPI documents of `crates/api`
 * (which is the source of every shape here; the shapes are Azure's). Only fields the portal reads.
 */

export interface Resource<P> {
  id: string;
  name: string;
  type: string;
  etag?: string;
  location?: string;
  tags?: Record<string, string>;
  kind?: string;
  properties: P;
}

// crates/server: GET /portal/v1/session
export interface Session {
  name: string;
  objectId: string;
  tenantId: string;
  subscriptionId: string;
  subscriptionName: string;
  resourceGroup: string;
  location?: string;
  workspaceId: string;
  workspaceCustomerId: string;
  /** The outside provider at which invited people sign in. */
  signInProvider?: string;
  version: string;
}

// crates/api: Microsoft.HybridCompute/machines
export type Machine = Resource<{
  status?: string;
  lastStatusChange?: string;
  vmId?: string;
  /** `Direct` for a machine that was onboarded directly: it has the sensor only. */
  onboarding?: string;
  displayName?: string;
  machineFqdn?: string;
  agentVersion?: string;
  osName?: string;
  osSku?: string;
  osType?: string;
  osVersion?: string;
  provisioningState?: string;
  errorDetails?: { code?: string; message?: string }[];
  detectedProperties?: Record<string, string>;
  agentReport?: { location?: { address?: string | null; country?: string | null; countryCode?: string | null; reason?: string | null } };
  networkProfile?: { networkInterfaces?: { ipAddresses?: { address?: string }[] }[] };
}>;

// crates/api: Microsoft.HybridCompute/machines/extensions
export type MachineExtension = Resource<{
  publisher?: string;
  type?: string;
  typeHandlerVersion?: string;
  enableAutomaticUpgrade?: boolean;
  provisioningState?: string;
  instanceView?: {
    name?: string;
    type?: string;
    typeHandlerVersion?: string;
    status?: { code?: string; level?: string; displayStatus?: string; message?: string; time?: string };
    substatuses?: { code: string; level?: string; displayStatus?: string; message?: string; time?: string }[];
  };
}>;

// crates/control/src/plans/diagnosis.rs
export interface DiagnosisCheck {
  order: number;
  name: string;
  displayName: string;
  result: 'Passed' | 'InProgress' | 'Failed';
  evidence: string[];
  fix: string;
}
export interface Prerequisite {
  name: string;
  title: string;
  outcome: 'passed' | 'failed' | 'unknown';
  blocking: boolean;
  evidence: string;
  fix: string;
}
export type Diagnosis = Resource<{
  time: string;
  status: string;
  summary: string;
  checks: DiagnosisCheck[];
  prerequisites?: Prerequisite[];
  twoAgents?: { verdict: string; summary: string; fix: string };
}>;

// crates/control/src/arm/kinds/shared_views.rs
export type InventoryView = Resource<{ displayName: string; filters: string }>;
/** Whole percents by the value of the tag, in small letters. */
export type CoverageTargets = Resource<{ tag: string; targets: Record<string, number>; otherwise: number }>;

// crates/wire/src/test_alert.rs
export interface TestHop {
  name: string;
  displayName: string;
  outcome: 'Passed' | 'Waiting' | 'Failed' | 'NotReached';
  time: string | null;
  detail: string;
  fix: string;
}
export type TestAlert = Resource<{
  requested: string;
  requestedBy: string;
  state: 'Running' | 'Succeeded' | 'Failed';
  summary: string;
  hops: TestHop[];
  alertId: string | null;
  incidentId: string | null;
}>;

// crates/api: Microsoft.Security/pricings
export type Pricing = Resource<{
  pricingTier: 'Free' | 'Standard';
  subPlan?: string;
  enforce?: string;
  enablementTime?: string;
  freeTrialRemainingTime?: string;
  resourcesCoverageStatus?: string;
  deprecated?: boolean;
  inherited?: string;
  extensions?: { name: string; isEnabled: string; additionalExtensionProperties?: Record<string, string>; operationStatus?: { code: string; message?: string } }[];
  protection?: { state: 'Off' | 'On' | 'Partial' | 'NothingProtected'; protects: string; lacks: string; switchable: boolean };
}>;

// crates/control: Bartizan.Security/features
export type PlanFeature = Resource<{
  displayName: string;
  plans: ('Foundational' | 'P1' | 'P2' | 'CloudPosture')[];
  extension: string | null;
  state: 'On' | 'Off' | 'Pending' | 'Failed' | 'NotAvailable';
  reason: string;
  remedy: string;
}>;

// crates/control: GET {subscription}/providers/Bartizan.Security/components
export type PlanComponent = Resource<{
  displayName: string;
  description: string;
  extension: string;
  plan: string;
  /** Whether this server can deploy it at all. */
  available: boolean;
  switch: { resourceId: string; member: string; isOn: boolean } | null;
  state: 'On' | 'Partial' | 'Off' | 'NotAvailable';
  reason: string;
  remedy: string;
  features: { name: string; displayName: string; plans: PlanFeature['properties']['plans']; available: boolean }[];
  machines: { total: number; wanted: number; installed: number; pending: number; failed: number; missing: number; sensorOnly: number };
}>;

// crates/control: {root management group}/providers/Bartizan.Security/tenantSettings/default
export type TenantSettings = Resource<{ geoLocation: string | null; pseudonymizedExport: boolean }>;

export interface Score {
  max: number;
  current: number;
  percentage: number;
}

// crates/api: Microsoft.Security/secureScores
export type SecureScore = Resource<{ displayName: string; weight: number; score: Score }>;

// crates/api: Microsoft.Security/secureScores/secureScoreControls
export type SecureScoreControl = Resource<{
  displayName: string;
  healthyResourceCount: number;
  unhealthyResourceCount: number;
  notApplicableResourceCount: number;
  weight: number;
  score: Score;
  definition?: { properties?: { assessmentDefinitions?: { id: string }[] } };
}>;

export interface AssessmentMetadata {
  displayName: string;
  description?: string;
  remediationDescription?: string;
  severity: string;
  categories?: string[];
  userImpact?: string;
  implementationEffort?: string;
  threats?: string[];
  tactics?: string[];
  techniques?: string[];
  preview?: boolean;
  policyDefinitionId?: string;
}

// crates/api: Microsoft.Security/assessments
export type Assessment = Resource<{
  displayName: string;
  status: {
    code: 'Healthy' | 'Unhealthy' | 'NotApplicable';
    cause?: string;
    description?: string;
    firstEvaluationDate?: string;
    statusChangeDate?: string;
  };
  resourceDetails?: { source?: string; id?: string; Id?: string };
  additionalData?: Record<string, string>;
  metadata?: AssessmentMetadata;
}>;

// crates/api: Microsoft.Security/alerts
export type Alert = Resource<{
  alertType?: string;
  systemAlertId?: string;
  alertDisplayName: string;
  description?: string;
  severity: string;
  intent?: string;
  status: 'Active' | 'InProgress' | 'Resolved' | 'Dismissed';
  startTimeUtc?: string;
  endTimeUtc?: string;
  timeGeneratedUtc?: string;
  productName?: string;
  productComponentName?: string;
  compromisedEntity?: string;
  remediationSteps?: string[];
  resourceIdentifiers?: { type?: string; azureResourceId?: string }[];
  entities?: ({ type?: string } & Record<string, unknown>)[];
  extendedProperties?: Record<string, string>;
  techniques?: string[];
}>;

export type IncidentStatus = 'New' | 'Active' | 'Closed';

// crates/api: Microsoft.SecurityInsights/incidents
export interface IncidentProperties {
  title: string;
  description?: string;
  severity: string;
  status: IncidentStatus;
  classification?: string;
  classificationReason?: string;
  classificationComment?: string;
  owner?: { objectId?: string; assignedTo?: string; email?: string; userPrincipalName?: string };
  labels?: { labelName: string; labelType?: string }[];
  incidentNumber?: number;
  createdTimeUtc?: string;
  lastModifiedTimeUtc?: string;
  firstActivityTimeUtc?: string;
  lastActivityTimeUtc?: string;
  relatedAnalyticRuleIds?: string[];
  additionalData?: {
    alertsCount?: number;
    bookmarksCount?: number;
    commentsCount?: number;
    alertProductNames?: string[];
    tactics?: string[];
  };
}
export type Incident = Resource<IncidentProperties>;

// crates/api: Microsoft.SecurityInsights/entities, kind SecurityAlert
export type SecurityAlert = Resource<{
  alertDisplayName: string;
  description?: string;
  severity?: string;
  status?: string;
  systemAlertId?: string;
  productName?: string;
  compromisedEntity?: string;
  startTimeUtc?: string;
  endTimeUtc?: string;
  timeGenerated?: string;
  tactics?: string[];
  remediationSteps?: string[];
  additionalData?: Record<string, unknown>;
}>;

// crates/api: Microsoft.SecurityInsights/entities
export type Entity = Resource<Record<string, unknown> & { friendlyName?: string }>;

export interface EntitiesAnswer {
  entities?: Entity[];
  metaData?: { entityKind?: string; count?: number }[];
}

// crates/api: Microsoft.SecurityInsights/incidents/comments
export type IncidentComment = Resource<{
  message: string;
  createdTimeUtc?: string;
  author?: { name?: string; objectId?: string; email?: string; userPrincipalName?: string };
}>;

// crates/api: Microsoft.SecurityInsights/alertRules. `health` is this server's own: what keeps the rule from running.
export interface AlertRuleProperties {
  displayName?: string;
  description?: string;
  enabled?: boolean;
  severity?: string;
  query?: string;
  queryFrequency?: string;
  queryPeriod?: string;
  tactics?: string[];
  techniques?: string[];
  lastModifiedUtc?: string;
  health?: { status?: string; message?: string; since?: string };
}
export type AlertRule = Resource<AlertRuleProperties>;

// crates/api: Microsoft.Authorization/policyAssignments
export type PolicyAssignment = Resource<{
  displayName?: string;
  description?: string;
  policyDefinitionId?: string;
  scope?: string;
  enforcementMode?: string;
}>;

// crates/api: Microsoft.PolicyInsights/policyStates (flat, not a resource)
export interface PolicyState {
  timestamp?: string;
  resourceId: string;
  policyAssignmentId: string;
  policyAssignmentName?: string;
  policyDefinitionId?: string;
  policyDefinitionName?: string;
  policyDefinitionAction?: string;
  complianceState?: string;
  isCompliant?: boolean;
}

// crates/control: Microsoft.PolicyInsights/remediations
export type Remediation = Resource<{
  policyAssignmentId: string;
  provisioningState: string;
  resourceDiscoveryMode?: string;
  createdOn?: string;
  statusMessage?: string;
  deploymentStatus?: { totalDeployments: number; successfulDeployments: number; failedDeployments: number };
}>;

// crates/control: remediations/{name}/listDeployments
export interface RemediationDeployment {
  remediatedResourceId: string;
  deploymentId?: string;
  status: string;
  lastUpdatedOn?: string;
  error?: { code: string; message: string };
}

// crates/control: Microsoft.Authorization/policyExemptions
export type PolicyExemption = Resource<{
  policyAssignmentId: string;
  exemptionCategory: 'Waiver' | 'Mitigated';
  displayName?: string;
  description?: string;
  expiresOn?: string;
}>;

// crates/api: Microsoft.OperationalInsights/workspaces
export type Workspace = Resource<{
  customerId?: string;
  workspaceCapping?: { dailyQuotaGb: number; quotaNextResetTime: string; dataIngestionStatus: string };
  provisioningState?: string;
  retentionInDays?: number;
  createdDate?: string;
  sku?: { name?: string };
}>;

// crates/control: Microsoft.OperationalInsights/workspaces/tables
export type WorkspaceTable = Resource<{
  plan?: string;
  provisioningState?: string;
  retentionInDays?: number;
  totalRetentionInDays?: number;
  schema: {
    name: string;
    description?: string;
    tableType?: string;
    columns?: { name: string; type: string; description?: string }[];
    standardColumns?: { name: string; type: string; description?: string }[];
  };
}>;

// crates/control: Microsoft.Insights/dataCollectionRules
export interface DataFlow {
  streams: string[];
  destinations: string[];
  transformKql?: string;
  outputStream?: string;
}
export type CollectionRule = Resource<{
  immutableId?: string;
  description?: string;
  provisioningState?: string;
  streamDeclarations?: Record<string, { columns: { name: string; type: string }[] }>;
  dataSources?: Record<string, unknown>;
  destinations?: { logAnalytics?: { name: string; workspaceResourceId: string }[] };
  dataFlows?: DataFlow[];
}>;

// crates/control: Microsoft.Insights/dataCollectionRuleAssociations, a child of the machine
export type RuleAssociation = Resource<{ dataCollectionRuleId?: string; description?: string }>;

// crates/api: POST /portal/v1/transform/preview
export interface TransformPreview {
  source: Record<string, unknown>[];
  columns: QueryColumn[];
  rows: Record<string, unknown>[];
  rowsIn: number;
  rejectedCells: number;
  unknownFields: number;
}

// crates/api: Microsoft.Security/workspaceSettings
export type WorkspaceSetting = Resource<{ workspaceId: string; scope: string }>;

// crates/server: POST /portal/v1/onboarding
export interface OnboardingRequest {
  subscriptionId: string;
  resourceGroup: string;
  location: string;
  tags: Record<string, string>;
  proxy: string | null;
  servicePrincipalId?: string;
  /** The sensor only, at the designated subscription. */
  direct?: boolean;
}
export interface Onboarding {
  token?: string;
  expiresOn?: string;
  script: string;
}

// Microsoft.OperationalInsights/workspaces/savedSearches
export interface SavedSearch {
  id: string;
  name: string;
  properties: {
    category: string;
    displayName: string;
    query: string;
    functionAlias?: string;
    functionParameters?: string;
  };
}

// crates/server: POST /v1/workspaces/{id}/query
export interface QueryColumn {
  name: string;
  type: string;
}
export interface QueryTable {
  name: string;
  columns: QueryColumn[];
  rows: unknown[][];
}
export interface QueryRender {
  visualization?: string;
  title?: string | null;
  xColumn?: string | null;
  yColumns?: string[] | string | null;
  series?: string[] | string | null;
  kind?: string | null;
  anomalyColumns?: string[] | string | null;
}
export interface QueryAnswer {
  tables: QueryTable[];
  render?: QueryRender;
  statistics?: { query?: { executionTime?: number } };
  error?: { code?: string; message?: string; details?: { code?: string; message?: string }[] };
}

// crates/server: GET /v1/workspaces/{id}/metadata
export interface MetadataTable {
  name: string;
  description?: string;
  columns: { name: string; type: string; description?: string }[];
  tableGroups?: string[];
}
export interface Metadata {
  tables: MetadataTable[];
  functions?: { name: string; body?: string; parameters?: string; description?: string }[];
}

// crates/server: POST /portal/v1/query/check. Offsets are in bytes of UTF-8.
export interface QueryDiagnostic {
  code: string;
  severity: string;
  start: number;
  end: number;
  message: string;
  hint?: string | null;
}
export interface QueryCheck {
  diagnostics: QueryDiagnostic[];
  columns?: QueryColumn[] | null;
}

// crates/api: POST /portal/v1/query/complete, /hover, /call, /format, /colours. Offsets are in bytes of UTF-8.
export interface CompletionItem {
  label: string;
  kind: string;
  detail?: string;
  documentation?: string;
  insert: string;
  start: number;
  end: number;
}
export interface Completions {
  items: CompletionItem[];
  incomplete: boolean;
}
export interface HoverText {
  start: number;
  end: number;
  text: string;
}
export interface CallForms {
  forms: { label: string; parameters: [number, number][] }[];
  form: number;
  parameter: number;
  documentation: string;
}
export interface FormattedQuery {
  query: string | null;
  diagnostics: QueryDiagnostic[];
}
export interface QueryColours {
  pieces: [number, number, number][];
  kinds: string[];
}
