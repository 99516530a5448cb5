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
  CosmosDbs: { title: 'Cosmos DB', covers: 'Document databases' },
  SqlServers: { title: 'Azure SQL databases', covers: 'Managed databases' },
  Api: { title: 'APIs', covers: 'Published interfaces' },
};
