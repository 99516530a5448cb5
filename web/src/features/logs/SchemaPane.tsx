import { makeStyles, SearchBox, tokens, Tree, TreeItem, TreeItemLayout } from '@fluentui/react-components';
import { TableRegular } from '@fluentui/react-icons/svg/table';
import type { UseQueryResult } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Metadata, MetadataTable } from '@/api/types';
import { Loaded } from '@/ui/states';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', minHeight: 0, height: '100%', gap: '8px', padding: '12px 0 0' },
  search: { margin: '0 12px', minWidth: 0, maxWidth: 'none' },
  list: { overflowY: 'auto', overflowX: 'hidden', flexGrow: 1, padding: '0 6px 12px' },
  layout: { minWidth: 0, overflow: 'hidden', whiteSpace: 'nowrap', textOverflow: 'ellipsis' },
  type: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
  note: { padding: '8px 12px', color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

interface SchemaPaneProps {
  metadata: UseQueryResult<Metadata>;
  /** A table or column was chosen with a double click or Enter. */
  onInsert: (name: string) => void;
}

/** Tables and their columns. Columns are rendered when a table is opened. */
export function SchemaPane({ metadata, onInsert }: SchemaPaneProps) {
  const styles = useStyles();
  const [search, setSearch] = useState('');
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const tables = useMemo(() => found(metadata.data?.tables ?? [], search), [metadata.data, search]);
  return (
    <div className={styles.root}>
      <SearchBox className={styles.search} size="small" placeholder="Find a table or column" aria-label="Find a table or column" value={search} onChange={(_, data) => setSearch(data.value)} />
      <div className={styles.list}>
        <Loaded query={metadata} what="the tables" rows={12}>
          {() => (
            <>
              <Tree aria-label="Tables" size="small" openItems={[...open]}
                onOpenChange={(_, data) => setOpen((all) => {
                  const next = new Set(all);
                  if (data.open) next.add(String(data.value));
                  else next.delete(String(data.value));
                  return next;
                })}>
                {tables.map((table) => (
                  <TreeItem key={table.name} value={table.name} itemType="branch" onDoubleClick={() => onInsert(table.name)}>
                    <TreeItemLayout iconBefore={<TableRegular />} title={table.description ?? table.name} main={{ className: styles.layout }}>{table.name}</TreeItemLayout>
                    <Tree>
                      {open.has(table.name) && table.columns.map((column) => (
                        <TreeItem key={column.name} value={`${table.name}.${column.name}`} itemType="leaf"
                          onDoubleClick={(event) => { event.stopPropagation(); onInsert(column.name); }}>
                          <TreeItemLayout title={column.description ?? column.name} main={{ className: styles.layout }}>
                            {column.name} <span className={styles.type}>{column.type}</span>
                          </TreeItemLayout>
                        </TreeItem>
                      ))}
                    </Tree>
                  </TreeItem>
                ))}
              </Tree>
              {tables.length === 0 && <div className={styles.note}>No table or column of that name.</div>}
            </>
          )}
        </Loaded>
      </div>
    </div>
  );
}

function found(tables: readonly MetadataTable[], search: string): MetadataTable[] {
  const wanted = search.trim().toLowerCase();
  return tables
    .filter((table) => !wanted || table.name.toLowerCase().includes(wanted) || table.columns.some((column) => column.name.toLowerCase().includes(wanted)))
    .sort((left, right) => left.name.localeCompare(right.name));
}
