import { Button, Menu, MenuItemRadio, MenuList, MenuPopover, MenuTrigger } from '@fluentui/react-components';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { useSession, useSwitchSubscription } from '@/api/session';
import { useSubscriptions } from '@/api/tenant';

/** The subscription that the pages show, and the others. */
export function SubscriptionMenu() {
  const session = useSession();
  const choose = useSwitchSubscription();
  const all = useSubscriptions().data ?? [];
  if (all.length < 2) return <span title={`Subscription ${session.subscriptionId}`}>{session.subscriptionName}</span>;
  const pick = (id: string | undefined) => {
    const found = all.find((entry) => entry.subscriptionId === id);
    if (found) choose({ id: found.subscriptionId, name: found.displayName });
  };
  return (
    <Menu checkedValues={{ subscription: [session.subscriptionId] }} onCheckedValueChange={(_, data) => pick(data.checkedItems[0])}>
      <MenuTrigger disableButtonEnhancement>
        <Button size="small" appearance="subtle" aria-label={`Subscription: ${session.subscriptionName}`}>{session.subscriptionName} <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} /></Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>{all.map((entry) => <MenuItemRadio key={entry.id} name="subscription" value={entry.subscriptionId}>{entry.displayName}</MenuItemRadio>)}</MenuList>
      </MenuPopover>
    </Menu>
  );
}
