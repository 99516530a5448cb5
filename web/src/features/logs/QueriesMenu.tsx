import { Button, Menu, MenuDivider, MenuGroup, MenuGroupHeader, MenuItem, MenuList, MenuPopover, MenuSplitGroup, MenuTrigger } from '@fluentui/react-components';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { HistoryRegular } from '@fluentui/react-icons/svg/history';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { SaveRegular } from '@fluentui/react-icons/svg/save';
import { useState } from 'react';
import { useDeleteSearch, useSavedSearches } from '@/api/saved-searches';
import { useSession } from '@/api/session';
import type { SavedSearch } from '@/api/types';
import { useNotify } from '@/ui/notify';
import { forget, oneLine, recentQueries } from './history';
import { SaveDialog } from './SaveDialog';
import { samples } from './samples';

interface QueriesMenuProps {
  query: string;
  onOpen: (query: string) => void;
}

/** Queries and functions of the workspace, samples, and saving the one in the editor. */
export function QueriesMenu({ query, onOpen }: QueriesMenuProps) {
  const notify = useNotify();
  const list = useSavedSearches();
  const remove = useDeleteSearch();
  const [saving, setSaving] = useState(false);
  const workspace = useSession().workspaceCustomerId;
  const [recent, setRecent] = useState<readonly string[]>([]);
  const saved = list.data ?? [];
  const categories = [...new Set(saved.map((entry) => entry.properties.category))].sort();
  const groups = [...new Set(samples.map((sample) => sample.group))];
  const drop = (entry: SavedSearch) => remove.mutate(entry, { onError: (error) => notify.failed('The query was not deleted', error) });
  return (
    <>
      <Menu onOpenChange={(_, data) => { if (data.open) setRecent(recentQueries(workspace)); }}>
        <MenuTrigger disableButtonEnhancement><Button icon={<HistoryRegular />}>Recent</Button></MenuTrigger>
        <MenuPopover style={{ maxHeight: '70vh', maxWidth: '620px' }}>
          <MenuList>
            {recent.length === 0 && <MenuItem disabled>No query was run from this browser yet</MenuItem>}
            {recent.map((text) => <MenuItem key={text} title={text} onClick={() => onOpen(text)}>{oneLine(text)}</MenuItem>)}
            {recent.length > 0 && <MenuDivider />}
            {recent.length > 0 && <MenuItem icon={<DeleteRegular />} onClick={() => forget(workspace)}>Clear the list</MenuItem>}
          </MenuList>
        </MenuPopover>
      </Menu>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Button>Queries <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} /></Button></MenuTrigger>
        <MenuPopover style={{ maxHeight: '70vh' }}>
          <MenuList>
            {categories.map((category) => (
              <MenuGroup key={category}>
                <MenuGroupHeader>{category}</MenuGroupHeader>
                {saved.filter((entry) => entry.properties.category === category).map((entry) => (
                  <MenuSplitGroup key={entry.id}>
                    <MenuItem onClick={() => onOpen(entry.properties.query)}>{entry.properties.displayName}{entry.properties.functionAlias ? ' ƒ' : ''}</MenuItem>
                    <MenuItem aria-label={`Delete ${entry.properties.displayName}`} icon={<DeleteRegular />} onClick={() => drop(entry)} />
                  </MenuSplitGroup>
                ))}
                <MenuDivider />
              </MenuGroup>
            ))}
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
      {saving && <SaveDialog query={query} saved={saved} onClose={() => setSaving(false)} />}
    </>
  );
}
