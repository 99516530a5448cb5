import { toneColor } from '@/ui/palette';
import { SplitBar } from '@/ui/SplitBar';

export function HealthBar({ healthy, unhealthy, notApplicable }: { healthy: number; unhealthy: number; notApplicable: number }) {
  return (
    <SplitBar label="Resource health" slices={[
      { label: 'unhealthy', value: unhealthy, color: toneColor.bad },
      { label: 'healthy', value: healthy, color: toneColor.good },
      { label: 'not applicable', value: notApplicable, color: toneColor.neutral },
    ]} />
  );
}
