import { makeStyles, tokens } from '@fluentui/react-components';
import {
  Area, AreaChart, Bar, BarChart, CartesianGrid, Cell, Legend, Line, LineChart, Pie, PieChart, ResponsiveContainer, Scatter, ScatterChart, Tooltip, XAxis, YAxis,
} from 'recharts';
import type { ReactNode } from 'react';
import { formatCount } from '@/lib/units';
import type { ChartData } from './chart-data';

const colors = ['#2f7fd1', '#d2691e', '#3d9a5f', '#a855b5', '#c2a01c', '#1b9aaa', '#d1495b', '#6b7fd7', '#7a9a01', '#b0715a', '#4e8098', '#9a6fb0'];

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', height: '100%', padding: '12px 16px 8px', boxSizing: 'border-box' },
  title: { fontWeight: tokens.fontWeightSemibold, paddingBottom: '8px' },
  plot: { flexGrow: 1, minHeight: 0 },
  note: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, paddingTop: '4px' },
});

/** Draws `ChartData`. The numbers themselves are in the grid beside it. */
export default function Chart({ data }: { data: ChartData }) {
  const styles = useStyles();
  const label = `${data.title ?? 'Chart'}: ${data.series.join(', ')} by ${data.xName}, ${data.points.length} points`;
  return (
    <div className={styles.root} role="img" aria-label={label}>
      {data.title && <div className={styles.title}>{data.title}</div>}
      <div className={styles.plot}>
        <ResponsiveContainer width="100%" height="100%">{plot(data)}</ResponsiveContainer>
      </div>
      {data.dropped > 0 && <div className={styles.note}>{formatCount(data.dropped)} smaller series are not drawn.</div>}
    </div>
  );
}

function plot(data: ChartData): ReactNode & React.ReactElement {
  const span = Number(data.points.at(-1)?.x ?? 0) - Number(data.points[0]?.x ?? 0);
  const tick = { fill: tokens.colorNeutralForeground3, fontSize: 12 };
  const x = (
    <XAxis dataKey="x" tick={tick} stroke={tokens.colorNeutralStroke2} minTickGap={28}
      {...(data.x === 'label' ? {} : { type: 'number' as const, domain: ['dataMin', 'dataMax'] as const, scale: data.x === 'time' ? ('time' as const) : ('auto' as const) })}
      {...(data.x === 'time' ? { tickFormatter: (value: number) => timeTick(value, span) } : {})} />
  );
  const amount = data.shares ? share : short;
  const y = <YAxis tick={tick} stroke={tokens.colorNeutralStroke2} tickFormatter={amount} width={56} />;
  const grid = <CartesianGrid stroke={tokens.colorNeutralStroke3} vertical={false} />;
  const tip = (
    <Tooltip
      contentStyle={{ backgroundColor: tokens.colorNeutralBackground1, border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: 6, fontSize: 12 }}
      labelStyle={{ color: tokens.colorNeutralForeground1 }}
      cursor={{ fill: tokens.colorSubtleBackgroundHover, stroke: tokens.colorNeutralStroke1 }}
      labelFormatter={(value: ReactNode) => (data.x === 'time' ? new Date(Number(value)).toISOString().replace('T', ' ').slice(0, 19) : value)} />
  );
  const legend = data.series.length > 1 ? <Legend iconSize={10} wrapperStyle={{ fontSize: 12 }} /> : null;
  // The last moment's label stands over the end of its axis, so half of it needs room there.
  const margin = { top: 8, right: data.x === 'time' ? 44 : 16, bottom: 4, left: 0 };
  const stack = data.stacked ? { stackId: 'all' } : {};
  const offset = data.shares ? { stackOffset: 'expand' as const } : {};
  switch (data.kind) {
    case 'line':
      return (
        <LineChart data={data.points} margin={margin}>{grid}{x}{y}{tip}{legend}
          {data.series.map((name, at) => (data.anomalies.includes(name)
            ? <Line key={name} dataKey={name} stroke={tokens.colorPaletteRedBackground3} strokeWidth={0} dot={{ r: 5, fill: tokens.colorPaletteRedBackground3, stroke: tokens.colorNeutralBackground1 }} legendType="circle" isAnimationActive={false} />
            : <Line key={name} dataKey={name} stroke={color(at)} strokeWidth={2} dot={data.points.length < 3} isAnimationActive={false} connectNulls />))}
        </LineChart>
      );
    case 'area':
      return (
        <AreaChart data={data.points} margin={margin} {...offset}>{grid}{x}{y}{tip}{legend}
          {data.series.map((name, at) => <Area key={name} dataKey={name} stroke={color(at)} fill={color(at)} fillOpacity={0.25} isAnimationActive={false} {...stack} />)}
        </AreaChart>
      );
    case 'bar':
      return (
        <BarChart data={data.points} layout="vertical" margin={margin} {...offset}>
          <CartesianGrid stroke={tokens.colorNeutralStroke3} horizontal={false} />
          <XAxis type="number" tick={tick} stroke={tokens.colorNeutralStroke2} tickFormatter={amount} />
          <YAxis type="category" dataKey="x" tick={tick} stroke={tokens.colorNeutralStroke2} width={160} {...(data.x === 'time' ? { tickFormatter: (value: number) => timeTick(value, span) } : {})} />
          {tip}{legend}
          {data.series.map((name, at) => <Bar key={name} dataKey={name} fill={color(at)} maxBarSize={26} isAnimationActive={false} {...stack} />)}
        </BarChart>
      );
    case 'column':
      return (
        <BarChart data={data.points} margin={margin} {...offset}>{grid}
          <XAxis dataKey="x" tick={tick} stroke={tokens.colorNeutralStroke2} minTickGap={12} {...(data.x === 'time' ? { tickFormatter: (value: number) => timeTick(value, span) } : {})} />
          {y}{tip}{legend}
          {data.series.map((name, at) => <Bar key={name} dataKey={name} fill={color(at)} maxBarSize={56} isAnimationActive={false} {...stack} />)}
        </BarChart>
      );
    case 'scatter':
      return (
        <ScatterChart margin={margin}>{grid}{x}{y}{tip}{legend}
          {data.series.map((name, at) => <Scatter key={name} name={name} data={data.points} dataKey={name} fill={color(at)} isAnimationActive={false} />)}
        </ScatterChart>
      );
    case 'pie':
      return (
        <PieChart>{tip}<Legend layout="vertical" align="right" verticalAlign="middle" iconSize={10} wrapperStyle={{ fontSize: 12, maxWidth: '40%' }} />
          <Pie data={data.points.map((point) => ({ name: pieName(data, point.x), value: point[data.series[0] ?? ''] ?? 0 }))} dataKey="value" nameKey="name"
            innerRadius="52%" outerRadius="86%" paddingAngle={1} stroke={tokens.colorNeutralBackground1} isAnimationActive={false}>
            {data.points.map((point, at) => <Cell key={String(point.x)} fill={color(at)} />)}
          </Pie>
        </PieChart>
      );
  }
}

function color(at: number): string {
  return colors[at % colors.length] ?? '#2f7fd1';
}

function pieName(data: ChartData, x: number | string): string {
  return data.x === 'time' ? timeTick(Number(x), 0) : String(x);
}

function timeTick(value: number, span: number): string {
  const iso = new Date(value).toISOString();
  if (span > 3 * 86_400_000) return iso.slice(5, 10);
  return span > 86_400_000 ? iso.slice(5, 16).replace('T', ' ') : iso.slice(11, 16);
}

function share(value: number): string {
  return `${Math.round(value * 100)} %`;
}

function short(value: number): string {
  if (Math.abs(value) >= 10_000) return Intl.NumberFormat('en', { notation: 'compact' }).format(value);
  // Next to nothing needs its own digits: with a fixed number of them, one tick reads like the next.
  return Math.abs(value) < 1 ? Number(value.toPrecision(3)).toString() : formatCount(value);
}
