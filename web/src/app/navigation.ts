/** The menu: groups and names as in the Defender for Cloud and Sentinel portals. */
import { AlertRegular } from '@fluentui/react-icons/svg/alert';
import { BoardRegular } from '@fluentui/react-icons/svg/board';
import { CubeRegular } from '@fluentui/react-icons/svg/cube';
import { DatabaseRegular } from '@fluentui/react-icons/svg/database';
import { DataUsageRegular } from '@fluentui/react-icons/svg/data-usage';
import { DocumentSearchRegular } from '@fluentui/react-icons/svg/document-search';
import { FlowRegular } from '@fluentui/react-icons/svg/flow';
import { FlashRegular } from '@fluentui/react-icons/svg/flash';
import { FolderRegular } from '@fluentui/react-icons/svg/folder';
import { HistoryRegular } from '@fluentui/react-icons/svg/history';
import { LightbulbRegular } from '@fluentui/react-icons/svg/lightbulb';
import { OptionsRegular } from '@fluentui/react-icons/svg/options';
import { PeopleRegular } from '@fluentui/react-icons/svg/people';
import { PlugConnectedRegular } from '@fluentui/react-icons/svg/plug-connected';
import { ServerRegular } from '@fluentui/react-icons/svg/server';
import { ShieldErrorRegular } from '@fluentui/react-icons/svg/shield-error';
import { ShieldPersonRegular } from '@fluentui/react-icons/svg/shield-person';
import { TableRegular } from '@fluentui/react-icons/svg/table';
import { TagRegular } from '@fluentui/react-icons/svg/tag';
import type { ComponentType } from 'react';
import { paths } from '@/lib/paths';

export interface NavItem {
  text: string;
  to: string;
  icon: ComponentType;
}

export const navigation: readonly { group: string; items: readonly NavItem[] }[] = [
  {
    group: 'General',
    items: [
      { text: 'Overview', to: paths.overview(), icon: BoardRegular },
      { text: 'Recommendations', to: paths.recommendations(), icon: LightbulbRegular },
      { text: 'Inventory', to: paths.inventory(), icon: CubeRegular },
      { text: 'Logs', to: paths.logs(), icon: DocumentSearchRegular },
    ],
  },
  {
    group: 'Threat management',
    items: [
      { text: 'Incidents', to: paths.incidents(), icon: ShieldErrorRegular },
      { text: 'Security alerts', to: paths.alerts(), icon: AlertRegular },
    ],
  },
  {
    group: 'Data',
    items: [
      { text: 'Data connectors', to: paths.connectors(), icon: PlugConnectedRegular },
      { text: 'Data collection rules', to: paths.collectionRules(), icon: FlowRegular },
      { text: 'Tables', to: paths.tables(), icon: TableRegular },
      { text: 'Workspaces', to: paths.workspaces(), icon: DatabaseRegular },
      { text: 'Usage', to: paths.usage(), icon: DataUsageRegular },
    ],
  },
  {
    group: 'Configuration',
    items: [
      { text: 'Analytics', to: paths.analytics(), icon: FlashRegular },
      { text: 'Environment settings', to: paths.environment(), icon: OptionsRegular },
    ],
  },
  {
    group: 'Resources',
    items: [
      { text: 'Servers', to: paths.servers(), icon: ServerRegular },
      { text: 'Resource groups', to: paths.groups(), icon: FolderRegular },
      { text: 'Tags', to: paths.tags(), icon: TagRegular },
    ],
  },
  {
    group: 'Administration',
    items: [
      { text: 'Access control (IAM)', to: paths.access(), icon: ShieldPersonRegular },
      { text: 'Users', to: paths.users(), icon: PeopleRegular },
      { text: 'Activity log', to: paths.activity(), icon: HistoryRegular },
    ],
  },
];

/** The menu entry of an address: the longest that it starts with. */
export function activeItem(pathname: string): string | undefined {
  return navigation
    .flatMap((entry) => entry.items)
    .map((item) => item.to)
    .filter((to) => pathname === to || pathname.startsWith(`${to}/`))
    .sort((left, right) => right.length - left.length)[0];
}
