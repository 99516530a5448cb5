import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from '@fluentui/react-components';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { PersonAvailableRegular } from '@fluentui/react-icons/svg/person-available';
import { useState } from 'react';
import { useUpdateIncident } from '@/api/incidents';
import { useSession } from '@/api/session';
import type { Incident, IncidentProperties } from '@/api/types';
import { severities } from '@/lib/severity';
import { useNotify } from '@/ui/notify';
import { CloseDialog } from './CloseDialog';

/** Owner, severity and status of an incident. */
export function EditBar({ incident }: { incident: Incident }) {
  const session = useSession();
  const update = useUpdateIncident();
  const notify = useNotify();
  const [closing, setClosing] = useState(false);
  const { properties } = incident;
  const mine = properties.owner?.objectId === session.objectId;

  const change = (wanted: Partial<IncidentProperties>, done: string) =>
    update.mutate({ incident, change: wanted }, {
      onSuccess: () => notify.done(done),
      onError: (error) => notify.failed('The incident was not changed', error),
    });
  const assign = () => change({ owner: { assignedTo: session.name, objectId: session.objectId } }, 'Assigned to you');
  const reopen = (status: 'New' | 'Active') => {
    // A reopened incident keeps no classification.
    const { classification: _c, classificationReason: _r, classificationComment: _m, ...kept } = properties;
    update.mutate({ incident: { ...incident, properties: kept }, change: { status } }, {
      onSuccess: () => notify.done(`Status is ${status} now`),
      onError: (error) => notify.failed('The incident was not changed', error),
    });
  };
  return (
    <>
      <Button icon={<PersonAvailableRegular />} disabled={mine || update.isPending} title={mine ? 'It is assigned to you' : undefined} onClick={assign}>Assign to me</Button>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button disabled={update.isPending}>Owner <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} /></Button></MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItem disabled={mine} onClick={assign}>{session.name} (me)</MenuItem>
            <MenuItem disabled={!properties.owner?.objectId} onClick={() => change({ owner: {} }, 'Unassigned')}>Nobody</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button disabled={update.isPending}>Severity <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} /></Button></MenuTrigger>
        <MenuPopover>
          <MenuList>
            {severities.map((severity) => (
              <MenuItem key={severity} disabled={severity === properties.severity} onClick={() => change({ severity }, `Severity is ${severity} now`)}>{severity}</MenuItem>
            ))}
          </MenuList>
        </MenuPopover>
      </Menu>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button appearance="primary" disabled={update.isPending}>Status: {properties.status} <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} /></Button></MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItem disabled={properties.status === 'New'} onClick={() => reopen('New')}>New</MenuItem>
            <MenuItem disabled={properties.status === 'Active'} onClick={() => reopen('Active')}>Active</MenuItem>
            <MenuItem onClick={() => setClosing(true)}>Closed…</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      <CloseDialog open={closing} onCancel={() => setClosing(false)} onClose={(wanted) => {
        setClosing(false);
        change({ status: 'Closed', ...wanted }, 'Incident closed');
      }} />
    </>
  );
}
