import { Dropdown, makeStyles, Option, SearchBox, tokens } from '@fluentui/react-components';
import type { ReactNode } from 'react';

const useStyles = makeStyles({
  bar: { display: 'flex', gap: '10px', alignItems: 'center', flexWrap: 'wrap' },
  search: { width: '260px' },
  dropdown: { minWidth: '150px' },
  count: { marginLeft: 'auto', color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

export interface Filter {
  label: string;
  value: string;
  options: readonly { value: string; text: string }[];
  onChange: (value: string) => void;
}

interface FilterBarProps {
  search: string;
  onSearch: (text: string) => void;
  searchLabel: string;
  filters: readonly Filter[];
  count?: string;
  children?: ReactNode;
}

/** Search and drop-down filters above a list. An empty value means all. */
export function FilterBar({ search, onSearch, searchLabel, filters, count, children }: FilterBarProps) {
  const styles = useStyles();
  return (
    <div className={styles.bar} role="search">
      <SearchBox className={styles.search} value={search} placeholder={searchLabel} aria-label={searchLabel}
        onChange={(_, data) => onSearch(data.value)} />
      {filters.map((filter) => {
        const text = filter.options.find((option) => option.value === filter.value)?.text ?? 'All';
        return (
          <Dropdown key={filter.label} className={styles.dropdown} aria-label={filter.label}
            value={`${filter.label}: ${text}`} selectedOptions={[filter.value]}
            onOptionSelect={(_, data) => filter.onChange(data.optionValue ?? '')}>
            <Option value="">All</Option>
            {filter.options.map((option) => <Option key={option.value} value={option.value}>{option.text}</Option>)}
          </Dropdown>
        );
      })}
      {children}
      {count && <span className={styles.count} role="status">{count}</span>}
    </div>
  );
}
