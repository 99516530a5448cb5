/** Colours of meaning, as theme tokens, so that light and dark follow. */
import { tokens } from '@fluentui/react-components';
import type { Severity } from '@/lib/severity';

export type Tone = 'good' | 'bad' | 'warn' | 'caution' | 'busy' | 'neutral';

export const toneColor: Record<Tone, string> = {
  good: tokens.colorStatusSuccessForeground3,
  bad: tokens.colorStatusDangerForeground3,
  warn: tokens.colorPaletteDarkOrangeForeground3,
  caution: tokens.colorPaletteMarigoldBackground3,
  busy: tokens.colorBrandForeground1,
  neutral: tokens.colorNeutralForeground4,
};

export const severityColor: Record<Severity, string> = {
  High: tokens.colorPaletteRedBackground3,
  Medium: tokens.colorPaletteDarkOrangeBackground3,
  Low: tokens.colorPaletteMarigoldBackground3,
  Informational: tokens.colorNeutralForeground4,
};
