import { Button, Field, Input, makeStyles, Menu, MenuDivider, MenuItem, MenuItemRadio, MenuList, MenuPopover, MenuTrigger, Popover, PopoverSurface, Tooltip } from '@fluentui/react-components';
import { ChevronDownRegular } from '@fluentui/react-icons/svg/chevron-down';
import { ClockRegular } from '@fluentui/react-icons/svg/clock';
import { useRef, useState } from 'react';
import { formatRange, presets, rangeLabel, type TimeRange } from '@/lib/time-range';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: '12px', width: '260px' },
  button: { whiteSpace: 'nowrap' },
});

interface TimeRangePickerProps {
  range: TimeRange;
  /** The query limits the time itself, so the range does not apply. */
  inQuery?: boolean;
  /** Without a query that people write, the range is all there is. */
  rangeOnly?: boolean;
  onChange: (range: TimeRange) => void;
}

export function TimeRangePicker({ range, inQuery, rangeOnly, onChange }: TimeRangePickerProps) {
  const styles = useStyles();
  const button = useRef<HTMLButtonElement>(null);
  const [custom, setCustom] = useState(false);
  const [start, setStart] = useState('');
  const [end, setEnd] = useState('');
  const valid = start !== '' && end !== '' && start < end;
  const choose = (key: string) => onChange(key === 'query' ? { kind: 'query' } : { kind: 'preset', key });
  if (inQuery) {
    return (
      <Tooltip relationship="description" content="The query compares its time column, and that is what applies. Without the comparison a range can be chosen here.">
        <Button className={styles.button} icon={<ClockRegular />} disabledFocusable aria-label="Time range: Set in query">Set in query</Button>
      </Tooltip>
    );
  }
  return (
    <>
      <Menu checkedValues={{ range: [formatRange(range)] }} onCheckedValueChange={(_, data) => choose(data.checkedItems[0] ?? '24h')}>
        <MenuTrigger disableButtonEnhancement>
          <Button ref={button} className={styles.button} icon={<ClockRegular />} aria-label={`Time range: ${rangeLabel(range)}`}>
            {rangeLabel(range)} <ChevronDownRegular fontSize={12} style={{ marginLeft: 6 }} />
          </Button>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {presets.map((preset) => <MenuItemRadio key={preset.key} name="range" value={preset.key}>{preset.label}</MenuItemRadio>)}
            {!rangeOnly && <MenuItemRadio name="range" value="query">Set in query</MenuItemRadio>}
            <MenuDivider />
            <MenuItem onClick={() => setCustom(true)}>Custom…</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      <Popover open={custom} onOpenChange={(_, data) => setCustom(data.open)} trapFocus positioning={{ target: button.current, position: 'below', align: 'end' }}>
        <PopoverSurface aria-label="Custom time range">
          <form className={styles.form} onSubmit={(event) => {
            event.preventDefault();
            if (!valid) return;
            onChange({ kind: 'custom', start: `${start}:00Z`, end: `${end}:00Z` });
            setCustom(false);
          }}>
            <Field label="From (UTC)"><Input type="datetime-local" value={start} onChange={(_, data) => setStart(data.value)} /></Field>
            <Field label="To (UTC)" {...(start && end && !valid ? { validationMessage: 'Must be later than the start' } : {})}>
              <Input type="datetime-local" value={end} onChange={(_, data) => setEnd(data.value)} />
            </Field>
            <Button appearance="primary" type="submit" disabled={!valid}>Apply</Button>
          </form>
        </PopoverSurface>
      </Popover>
    </>
  );
}
