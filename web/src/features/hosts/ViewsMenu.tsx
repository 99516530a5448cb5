import { Button, Field, Input, Menu, MenuDivider, MenuItem, MenuList, MenuPopover, MenuSplitGroup, MenuTrigger } from '@fluentui/react-components';
import { BookmarkRegular } from '@fluentui/react-icons/svg/bookmark';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { useDeleteView, useInventoryViews, useSaveView } from '@/api/shared-views';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';

/** Saved views: the filters of the address by a name, for everybody who sees the subscription. */
export function ViewsMenu() {
  const [params, setParams] = useSearchParams();
  const notify = useNotify();
  const views = useInventoryViews();
  const save = useSaveView();
  const drop = useDeleteView();
  const [name, setName] = useState<string>();
  const all = [...(views.data ?? [])].sort((left, right) => left.properties.displayName.localeCompare(right.properties.displayName));
  const submit = () => {
    const displayName = name?.trim();
    if (!displayName) return;
    const id = all.find((view) => view.properties.displayName === displayName)?.id;
    save.mutate({ id, displayName, filters: params.toString() }, { onSuccess: () => setName(undefined), onError: (error) => notify.failed('The view was not saved', error) });
  };
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button icon={<BookmarkRegular />}>Views</Button></MenuTrigger>
        <MenuPopover>
          <MenuList>
            {views.error ? <MenuItem disabled>The views cannot be read: {views.error.message}</MenuItem> : all.length === 0 && <MenuItem disabled>{views.isPending ? 'Loading…' : 'Nobody has saved a view yet'}</MenuItem>}
            {all.map((view) => (
              <MenuSplitGroup key={view.id}>
                <MenuItem onClick={() => setParams(new URLSearchParams(view.properties.filters))}>{view.properties.displayName}</MenuItem>
                <MenuItem aria-label={`Delete the view ${view.properties.displayName}`} icon={<DeleteRegular />} onClick={() => drop.mutate(view, { onError: (error) => notify.failed('The view was not deleted', error) })} />
              </MenuSplitGroup>
            ))}
            <MenuDivider />
            <MenuItem onClick={() => setName('')}>Save this view…</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      {name !== undefined && (
        <FormDialog title="Save view" submit="Save" disabled={!name.trim() || save.isPending} onSubmit={submit} onClose={() => setName(undefined)}>
          <Field label="Name" required hint="Everybody who sees the subscription finds it under Views"><Input value={name} onChange={(_, data) => setName(data.value)} /></Field>
        </FormDialog>
      )}
    </>
  );
}
