import { Field, Input, Switch } from '@fluentui/react-components';
import { useState } from 'react';
import { useSaveSearch } from '@/api/saved-searches';
import type { SavedSearch } from '@/api/types';
import { FormDialog } from '@/ui/FormDialog';
import { useNotify } from '@/ui/notify';

interface SaveDialogProps {
  query: string;
  saved: readonly SavedSearch[];
  onClose: () => void;
}

/** Saves the query for everyone in the workspace, by a name, or as a function that other queries call. */
export function SaveDialog({ query, saved, onClose }: SaveDialogProps) {
  const notify = useNotify();
  const save = useSaveSearch();
  const [title, setTitle] = useState('');
  const [category, setCategory] = useState('My queries');
  const [isFunction, setIsFunction] = useState(false);
  const [parameters, setParameters] = useState('');
  const displayName = title.trim();
  const replaced = saved.find((entry) => entry.properties.displayName === displayName);
  const badName = isFunction && displayName !== '' && !/^[A-Za-z_]\w*$/.test(displayName);
  const submit = () => {
    const properties = {
      category: category.trim(), displayName, query,
      ...(isFunction ? { functionAlias: displayName, functionParameters: parameters.trim() } : {}),
    };
    save.mutate({ name: replaced?.name ?? crypto.randomUUID(), properties }, {
      onSuccess: () => {
        notify.done(isFunction ? `Function ${displayName} saved` : `Query ${displayName} saved`);
        onClose();
      },
    });
  };
  return (
    <FormDialog title="Save query" submit="Save" busy={save.isPending} disabled={!displayName || !category.trim() || badName} error={save.error} failed="The query was not saved" onSubmit={submit} onClose={onClose}>
      <Field label="Name" required validationState={badName ? 'error' : 'none'} validationMessage={badName ? 'A function is called by its name: letters, digits and _ only.' : replaced ? 'Replaces the one with this name.' : undefined}>
        <Input value={title} onChange={(_, data) => setTitle(data.value)} />
      </Field>
      <Field label="Category" required><Input value={category} onChange={(_, data) => setCategory(data.value)} /></Field>
      <Switch label="Save as a function that queries and rules can call" checked={isFunction} onChange={(_, data) => setIsFunction(data.checked)} />
      {isFunction && (
        <Field label="Parameters" hint="As KQL declares them, such as: since:timespan = 1d, name:string">
          <Input value={parameters} onChange={(_, data) => setParameters(data.value)} />
        </Field>
      )}
    </FormDialog>
  );
}
