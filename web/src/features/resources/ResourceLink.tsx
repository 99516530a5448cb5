import { isMachineId, parseArmId } from '@/lib/arm-id';
import { paths } from '@/lib/paths';
import { AppLink } from '@/ui/AppLink';

/** A resource's name, with a link where it has a page. */
export function ResourceLink({ id, name }: { id: string; name: string }) {
  const to = pageOf(id);
  return to ? <AppLink strong to={to} title={id}>{name}</AppLink> : <span title={id}>{name}</span>;
}

function pageOf(id: string): string | undefined {
  if (isMachineId(id)) return paths.machine(id);
  const { type, name, resourceGroup } = parseArmId(id);
  if (type === '' && resourceGroup) return paths.group(resourceGroup);
  return type.toLowerCase() === 'microsoft.insights/datacollectionrules' ? paths.collectionRule(name) : undefined;
}
