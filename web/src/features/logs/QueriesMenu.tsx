import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, Menu, MenuDivider, MenuGroup, MenuGroupHeader, MenuItem, MenuList, MenuPopover, MenuTrigger,
} from '@fluentui/react-components';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { useState } from 'react';
import { samples } from './samples';
import { useSavedQueries } from './saved';

interface QueriesMenuProps {
  query: string;
  onOpen: (query: string) => void;
}

/** Sample queries, own queries, and saving the one in the editor. */
export function QueriesMenu({ query, onOpen }: QueriesMenuProps) {
  const [saved, setSaved] = useSavedQueries();
  const [saving, setSaving] = useState(false);
  const [name, setName] = useState('');
  const groups = [...new Set(samples.map((sample) => sample.group))];
  const save = () => {
    setSaved([...saved.filter((entry) => entry.name !== name.trim()), { name: name.trim(), query }]);
    setSaving(false);
    setName('');
  };
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button>Queries <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} /></Button></MenuTrigger>
        <MenuPopover style={{ maxHeight: '70vh' }}>
          <MenuList>
            {saved.length > 0 && (
              <MenuGroup>
                <MenuGroupHeader>Saved in this browser</MenuGroupHeader>
                {saved.map((entry) => (
                  <MenuItem key={entry.name} onClick={() => onOpen(entry.query)}
                    secondaryContent={
                      <DeleteRegular role="button" aria-label={`Delete ${entry.name}`} onClick={(event: React.MouseEvent) => {
                        event.stopPropagation();
                        setSaved(saved.filter((other) => other !== entry));
                      }} />
                    }>{entry.name}</MenuItem>
                ))}
                <MenuDivider />
              </MenuGroup>
            )}
            {groups.map((group) => (
              <MenuGroup key={group}>
                <MenuGroupHeader>{group}</MenuGroupHeader>
                {samples.filter((sample) => sample.group === group).map((sample) => <MenuItem key={sample.name} onClick={() => onOpen(sample.query)}>{sample.name}</MenuItem>)}
              </MenuGroup>
            ))}
          </MenuList>
        </MenuPopover>
      </Menu>
      <Button icon={<SaveRegular />} disabled={!query.trim()} onClick={() => setSaving(true)}>Save</Button>
      <Dialog open={saving} onOpenChange={(_, data) => setSaving(data.open)}>
        <DialogSurface style={{ maxWidth: 440 }}>
          <form onSubmit={(event) => { event.preventDefault(); if (name.trim()) save(); }}>
            <DialogBody>
              <DialogTitle>Save query</DialogTitle>
              <DialogContent><Field label="Name" required><Input value={name} onChange={(_, data) => setName(data.value)} /></Field></DialogContent>
              <DialogActions>
                <Button onClick={() => setSaving(false)}>Cancel</Button>
                <Button appearance="primary" type="submit" disabled={!name.trim()}>Save</Button>
              </DialogActions>
            </DialogBody>
          </form>
        </DialogSurface>
      </Dialog>
    </>
  );
}
