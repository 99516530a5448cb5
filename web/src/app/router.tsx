import { createBrowserRouter, Navigate, useParams, type RouteObject } from 'react-router';
import { paths, routes } from '@/lib/paths';
import { Loading, NotFound, PageError } from './errors';
import { SessionGate } from './SessionGate';
import { Shell } from './Shell';

/** A page that is fetched when first visited. */
function page(path: string, load: () => Promise<{ default: React.ComponentType }>): RouteObject {
  return { path, lazy: async () => ({ Component: (await load()).default }) };
}

function AlertLink() {
  const { alert = '' } = useParams();
  return <Navigate to={paths.alerts({ alert })} replace />;
}

const pages: RouteObject[] = [
  page(routes.overview, () => import('@/features/overview/OverviewPage')),
  page(routes.inventory, () => import('@/features/hosts/InventoryPage')),
  page(routes.servers, () => import('@/features/hosts/ServersPage')),
  page(routes.addServers, () => import('@/features/hosts/AddServersPage')),
  { path: routes.addServersBefore, element: <Navigate to={paths.addServers()} replace /> },
  page(routes.machine, () => import('@/features/hosts/MachinePage')),
  page(routes.recommendations, () => import('@/features/recommendations/RecommendationsPage')),
  page(routes.recommendation, () => import('@/features/recommendations/RecommendationPage')),
  page(routes.alerts, () => import('@/features/alerts/AlertsPage')),
  { path: routes.alert, Component: AlertLink },
  page(routes.environment, () => import('@/features/settings/EnvironmentPage')),
  page(routes.tenant, () => import('@/features/settings/TenantPage')),
  page(routes.plans, () => import('@/features/settings/PlansPage')),
  page(routes.provisioning, () => import('@/features/settings/ProvisioningPage')),
  page(routes.policy, () => import('@/features/settings/PolicyPage')),
  page(routes.workspaceSettings, () => import('@/features/settings/WorkspacePage')),
  page(routes.coverage, () => import('@/features/settings/CoveragePage')),
  page(routes.groups, () => import('@/features/resources/GroupsPage')),
  page(routes.group, () => import('@/features/resources/GroupPage')),
  page(routes.tags, () => import('@/features/resources/TagsPage')),
  page(routes.access, () => import('@/features/access/AccessPage')),
  page(routes.users, () => import('@/features/directory/UsersPage')),
  page(routes.account, () => import('@/features/account/AccountPage')),
  page(routes.activity, () => import('@/features/activity/ActivityPage')),
  page(routes.logs, () => import('@/features/logs/LogsPage')),
  page(routes.incidents, () => import('@/features/incidents/IncidentsPage')),
  page(routes.incident, () => import('@/features/incidents/IncidentPage')),
  page(routes.analytics, () => import('@/features/rules/AnalyticsPage')),
  page(routes.connectors, () => import('@/features/connectors/ConnectorsPage')),
  page(routes.collectionRules, () => import('@/features/collection/RulesPage')),
  page(routes.collectionRule, () => import('@/features/collection/RulePage')),
  page(routes.tables, () => import('@/features/tables/TablesPage')),
  page(routes.workspaces, () => import('@/features/workspaces/WorkspacesPage')),
  page(routes.usage, () => import('@/features/usage/UsagePage')),
];

export const router = createBrowserRouter([
  { ...page(routes.signIn, () => import('@/features/signin/SignInPage')), ErrorBoundary: PageError, HydrateFallback: Loading },
  {
    Component: SessionGate,
    ErrorBoundary: PageError,
    HydrateFallback: Loading,
    children: [
      {
        Component: Shell,
        children: [
          { index: true, element: <Navigate to={paths.overview()} replace /> },
          { ErrorBoundary: PageError, children: [...pages, { path: '*', Component: NotFound }] },
        ],
      },
    ],
  },
]);
