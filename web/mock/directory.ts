/** People, programs, roles and who has them. */
import { session } from './threats.ts';
import { ago, resourceGroup, subscription, uuid } from './ids.ts';
import type { Item } from './hosts.ts';

type Reply = { status: number; body?: unknown } | undefined;

interface Person {
  id: string;
  displayName: string;
  accountEnabled: boolean;
  createdDateTime: string;
  userPrincipalName?: string;
  appId?: string;
  secondFactor: boolean;
}

const person = (name: string, more: Partial<Person> = {}): Person => ({ id: uuid(`user${name}`), displayName: name, userPrincipalName: name, accountEnabled: true, createdDateTime: ago(60 * 24 * 90), secondFactor: false, ...more });
const program = (name: string): Person => ({ id: uuid(`sp${name}`), displayName: name, appId: uuid(`app${name}`), accountEnabled: true, createdDateTime: ago(60 * 24 * 30), secondFactor: false });

const builtIn: readonly (readonly [string, string, string, object])[] = [
  ['8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', 'May do everything, and give others access.', { actions: ['*'], dataActions: ['*'] }],
  ['b24988ac-6180-42a0-ab88-20f7382dd24c', 'Contributor', 'May do everything but give others access.', { actions: ['*'], notActions: ['Microsoft.Authorization/*/write', 'Microsoft.Authorization/*/delete'] }],
  ['acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', 'Sees everything, changes nothing.', { actions: ['*/read'] }],
  ['39bc4728-0917-49c7-9d2c-d95423bc2eb4', 'Security Reader', 'Sees plans, policies, recommendations and alerts.', { actions: ['Microsoft.Security/*/read'] }],
  ['b64e21ea-ac4e-4cdf-9dc9-5b892992bee7', 'Azure Connected Machine Onboarding', 'Connects machines.', { actions: ['Microsoft.HybridCompute/machines/read', 'Microsoft.HybridCompute/machines/write'] }],
];

export function accessItems(): Item[] {
  const assignment = (scope: string, principal: string, role: number): Item => ({
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${uuid(scope + principal + role)}`, name: uuid(scope + principal + role), type: 'Microsoft.Authorization/roleAssignments',
    properties: { scope, principalId: principal, principalType: principal === uuid('sponboarding') ? 'ServicePrincipal' : 'User', roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${builtIn[role]?.[0]}` },
  });
  return [
    ...builtIn.map(([id, roleName, description, permissions]): Item => ({
      id: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${id}`, name: id, type: 'Microsoft.Authorization/roleDefinitions',
      properties: { roleName, description, type: 'BuiltInRole', assignableScopes: ['/'], permissions: [permissions] },
    })),
    assignment(subscription, session.objectId, 0), assignment(subscription, uuid('userwatch@example.internal'), 2), assignment(resourceGroup, uuid('sponboarding'), 4), assignment(resourceGroup, uuid('userops@example.internal'), 1),
    { id: `${resourceGroup}/providers/Microsoft.Authorization/locks/keep`, name: 'keep', type: 'Microsoft.Authorization/locks', properties: { level: 'CanNotDelete', notes: 'Holds the workspace.' } },
  ];
}

export class Directory {
  private people: Person[] = [];
  private account = { hasPassword: true, hasSecondFactor: false };

  reset(): void {
    this.people = [person(session.name, { id: session.objectId }), person('watch@example.internal', { secondFactor: true }), person('ops@example.internal'), person('former@example.internal', { accountEnabled: false }), program('onboarding'), program('backup report')];
    this.account = { hasPassword: true, hasSecondFactor: false };
  }

  graph(method: string, path: string, body: Record<string, unknown>): Reply {
    const [kind = '', id, ...rest] = path.split('/').slice(2);
    const programs = kind === 'servicePrincipals';
    if (method === 'POST' && kind === 'applications') return this.add(program(String(body['displayName'])));
    if (method === 'POST' && kind === 'invitations') {
      const invited = person(String(body['invitedUserDisplayName'] || body['invitedUserEmailAddress']), { createdDateTime: ago(0) });
      this.people.push(invited);
      return { status: 201, body: { inviteRedeemUrl: 'https://bartizan.example:9443/identity/outside/start', invitedUser: invited } };
    }
    if (kind !== 'users' && !programs) return undefined;
    if (method === 'POST' && id === undefined) {
      const name = String(body['userPrincipalName']);
      if (this.people.some((entry) => entry.displayName === name)) return { status: 409, body: { error: { code: 'Request_MultipleObjectsWithSameKeyValue', message: `There is a user \`${name}\` already.` } } };
      return this.add(person(name, { createdDateTime: ago(0) }));
    }
    if (id === undefined) return { status: 200, body: { value: this.people.filter((entry) => (entry.appId !== undefined) === programs) } };
    const found = this.people.find((entry) => entry.id === id);
    if (!found) return { status: 404, body: { error: { code: 'Request_ResourceNotFound', message: `There is no account \`${id}\`.` } } };
    if (rest[0] === 'authentication') return this.methods(method, rest[1], found);
    if (rest[0] === 'addPassword') return { status: 200, body: { secretText: 'mock-client-secret', endDateTime: (body['passwordCredential'] as { endDateTime: string }).endDateTime } };
    if (rest[0] === 'revokeSignInSessions') return { status: 200, body: { value: true } };
    if (method === 'DELETE') this.people = this.people.filter((entry) => entry !== found);
    if (typeof body['accountEnabled'] === 'boolean') found.accountEnabled = body['accountEnabled'];
    return method === 'GET' ? { status: 200, body: found } : { status: 204 };
  }

  portal(path: string): Reply {
    switch (path) {
      case '/portal/v1/account':
        return { status: 200, body: { name: session.name, ...this.account } };
      case '/portal/v1/account/totp':
        return { status: 200, body: { secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Bartizan:mock?secret=JBSWY3DPEHPK3PXP' } };
      case '/portal/v1/account/totp/confirm':
        this.account.hasSecondFactor = true;
        return { status: 204 };
      case '/portal/v1/account/totp/remove':
        this.account.hasSecondFactor = false;
        return { status: 204 };
      case '/portal/v1/account/password':
      case '/portal/v1/account/signout':
        return { status: 204 };
      default:
        return undefined;
    }
  }

  private add(entry: Person): Reply {
    this.people.push(entry);
    return { status: 201, body: entry };
  }

  private methods(method: string, what: string | undefined, found: Person): Reply {
    if (method === 'DELETE') found.secondFactor = false;
    if (method === 'DELETE') return { status: 204 };
    if (what === 'temporaryAccessPassMethods') return { status: 201, body: { temporaryAccessPass: 'mock-pass' } };
    const names = ['password', ...(found.secondFactor ? ['softwareOath'] : [])];
    return { status: 200, body: { value: names.map((name) => ({ '@odata.type': `#microsoft.graph.${name}AuthenticationMethod`, id: name })) } };
  }
}
