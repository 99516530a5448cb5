import { makeStyles, Tab, TabList, tokens } from '@fluentui/react-components';

const useStyles = makeStyles({
  root: { borderBottom: `1px solid ${tokens.colorNeutralStroke2}`, marginLeft: '-12px' },
  count: { marginLeft: '6px', color: tokens.colorNeutralForeground3, fontVariantNumeric: 'tabular-nums' },
});

export interface TabItem {
  id: string;
  text: string;
  count?: number | undefined;
}

/** Tabs whose choice the page keeps in the address. */
export function TabStrip({ label, tabs, value, onChange }: { label: string; tabs: readonly TabItem[]; value: string; onChange: (id: string) => void }) {
  const styles = useStyles();
  return (
    <div className={styles.root}>
      <TabList aria-label={label} selectedValue={value} onTabSelect={(_, data) => onChange(String(data.value))}>
        {tabs.map((tab) => (
          <Tab key={tab.id} value={tab.id}>
            {tab.text}{tab.count !== undefined && <span className={styles.count}>{tab.count}</span>}
          </Tab>
        ))}
      </TabList>
    </div>
  );
}
