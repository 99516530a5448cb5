import { Field, Select } from '@fluentui/react-components';
import { useAnyWorkspaces } from '@/api/workspace';
import { armName, sameId } from '@/lib/arm-id';

/** Which workspace, by resource id; nothing to choose while there is but one. */
export function WorkspaceField({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  const { data: all = [] } = useAnyWorkspaces();
  if (all.length < 2) return null;
  const known = all.find((row) => sameId(row.id, value));
  return (
    <Field label="Workspace">
      <Select aria-label="Workspace" value={known?.id ?? value} onChange={(_, data) => onChange(data.value)}>
        {!known && <option value={value}>{armName(value)}</option>}
        {all.map((row) => <option key={row.id} value={row.id}>{row.name}</option>)}
      </Select>
    </Field>
  );
}
