import { Select, Tooltip } from '@fluentui/react-components';
import { useMemo, type ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { SessionContext, useSession } from '@/api/session';
import { useAnyWorkspaces } from '@/api/workspace';
import { sameId } from '@/lib/arm-id';

/**
 * A page that is about one workspace: the server's own, or the one that the address names by its id. What it shows asks
 * the session for the workspace. It is given the chooser, which is nothing while there is but one.
 */
export function WorkspaceScope({ children }: { children: (chooser: ReactNode) => ReactNode }) {
  const session = useSession();
  const workspaces = useAnyWorkspaces();
  const [params, setParams] = useSearchParams();
  const named = params.get('workspace');
  const all = workspaces.data ?? [];
  const chosen = all.find((row) => named !== null && sameId(row.customerId, named));
  // The id is enough to ask with; the resource id comes with the list.
  const [customer, resource] = [chosen?.customerId ?? named, chosen?.id ?? session.workspaceId];
  const shown = useMemo(
    () => (customer === null || sameId(customer, session.workspaceCustomerId) ? session : { ...session, workspaceCustomerId: customer, workspaceId: resource }),
    [session, customer, resource],
  );
  const choose = (id: string) =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      if (sameId(id, session.workspaceCustomerId)) next.delete('workspace');
      else next.set('workspace', id);
      return next;
    });
  const chooser = all.length > 1 && (
    <Tooltip relationship="description" content="The workspace that is asked">
      <Select aria-label="Workspace" value={shown.workspaceCustomerId} onChange={(_, data) => choose(data.value)}>
        {all.map((row) => <option key={row.id} value={row.customerId}>{row.name}</option>)}
      </Select>
    </Tooltip>
  );
  // Nothing of one workspace is left on the page of another.
  return <SessionContext key={`${shown.workspaceCustomerId} ${shown.workspaceId}`} value={shown}>{children(chooser)}</SessionContext>;
}
