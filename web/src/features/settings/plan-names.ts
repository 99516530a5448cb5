/** Plans as the portal calls them; the key is the name of the pricing resource. */
export const planNames: Record<string, { title: string; covers: string; subPlans?: readonly string[] }> = {
  VirtualMachines: { title: 'Servers', covers: 'Endpoint sensor, log collection, inventory and threat detection on servers', subPlans: ['P1', 'P2'] },
  CloudPosture: { title: 'Defender CSPM', covers: 'Posture beyond the foundation' },
  SqlServerVirtualMachines: { title: 'SQL servers on machines', covers: 'Database activity on servers' },
  OpenSourceRelationalDatabases: { title: 'Open-source relational databases', covers: 'PostgreSQL, MySQL and MariaDB' },
  Containers: { title: 'Containers', covers: 'Container and Kubernetes nodes' },
  AppServices: { title: 'App Service', covers: 'Web applications' },
  StorageAccounts: { title: 'Storage', covers: 'Object and file storage' },
  KeyVaults: { title: 'Key Vault', covers: 'Secrets and keys' },
  Arm: { title: 'Resource Manager', covers: 'Changes to resources' },
  Dns: { title: 'DNS', covers: 'Name resolution' },
  Api: { title: 'APIs', covers: 'Published interfaces' },
};

/** What each Servers plan includes, shown beside the choice. */
export const serverFeatures: readonly { text: string; p1: boolean; p2: boolean }[] = [
  { text: 'Endpoint detection and response', p1: true, p2: true },
  { text: 'Automatic provisioning of the sensor', p1: true, p2: true },
  { text: 'Inventory and vulnerability assessment', p1: true, p2: true },
  { text: 'Detections from logs and the operating system', p1: false, p2: true },
  { text: 'Security policy and regulatory compliance', p1: false, p2: true },
  { text: 'File integrity monitoring', p1: false, p2: true },
  { text: '500 MB of data per server and day included', p1: false, p2: true },
];
