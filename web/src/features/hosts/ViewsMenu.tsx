import { Button, Field, Input, Menu, MenuDivider, MenuItem, MenuList, MenuPopover, MenuSplitGroup, MenuTrigger } from '@fluentui/react-components';
import { BookmarkRegular } from '@fluentui/react-icons/svg/bookmark';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { FormDialog } from '@/ui/FormDialog';
import { dropView, savedViews, saveView } from './views';

/** Saved views: the filters of the address by a name. */
export function ViewsMenu() {
  const [params, setParams] = useSearchParams();
  const [views, setViews] = useState(savedViews);
  const [name, setName] = useState<string>();
  const save = () => {
    if (!name?.trim()) return;
    setViews(saveView({ name: name.trim(), query: params.toString() }));
    setName(undefined);
  };
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button icon={<BookmarkRegular />}>Views</Button></MenuTrigger>
        <MenuPopover>
          <MenuList>
            {views.length === 0 && <MenuItem disabled>No view was saved in this browser yet</MenuItem>}
            {views.map((view) => (
              <MenuSplitGroup key={view.name}>
                <MenuItem onClick={() => setParams(new URLSearchParams(view.query))}>{view.name}</MenuItem>
                <MenuItem aria-label={`Delete the view ${view.name}`} icon={<DeleteRegular />} onClick={() => setViews(dropView(view.name))} />
              </MenuSplitGroup>
            ))}
            <MenuDivider />
            <MenuItem onClick={() => setName('')}>Save this view…</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      {name !== undefined && (
        <FormDialog title="Save view" submit="Save" disabled={!name.trim()} onSubmit={save} onClose={() => setName(undefined)}>
          <Field label="Name" required hint="Keeps the filters in this browser"><Input value={name} onChange={(_, data) => setName(data.value)} /></Field>
        </FormDialog>
      )}
    </>
  );
}
