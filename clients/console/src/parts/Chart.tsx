// Bars as SVG, stacked by series, each a link to its rows; the same numbers as a table for everybody who reads.
import { scaleBand, scaleLinear } from "d3-scale";
import { formatNumber } from "../words/format.ts";
import { say } from "../words/say.ts";
import type { Tone } from "./Chip.tsx";
import { To, type Place } from "./To.tsx";

export type Series = { key: string; label: string; tone: Tone };
/** `place` is the screen with the rows of a bar. */
export type Bar = { key: string; label: string; values: Record<string, number>; place?: Place };
type ChartProps = { label: string; series: Series[]; bars: Bar[]; height?: number };

const WIDTH = 720;
const MARGIN = { left: 44, bottom: 22, top: 8 };
const LABELS = 12;

const total = ({ values }: Bar, series: Series[]) => series.reduce((sum, { key }) => sum + (values[key] ?? 0), 0);

export function Chart({ label, series, bars, height = 180 }: ChartProps) {
  const x = scaleBand(bars.map(({ key }) => key), [MARGIN.left, WIDTH]).padding(0.2);
  const y = scaleLinear([0, Math.max(1, ...bars.map((bar) => total(bar, series)))], [height - MARGIN.bottom, MARGIN.top]).nice(4);
  const every = Math.ceil(bars.length / LABELS);
  return (
    <figure className="chart">
      <figcaption>{label}<Legend series={series} /></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="group" aria-label={label}>
        {y.ticks(4).map((tick) => (
          <g key={tick} className="tick">
            <line x1={MARGIN.left} x2={WIDTH} y1={y(tick)} y2={y(tick)} />
            <text x={MARGIN.left - 6} y={y(tick)} dy="0.32em" textAnchor="end">{formatNumber(tick)}</text>
          </g>
        ))}
        {bars.map((bar, index) => (
          <g key={bar.key}>
            <Stack bar={bar} series={series} x={x(bar.key) ?? 0} width={x.bandwidth()} y={y} />
            {index % every === 0 && <text className="axis" x={(x(bar.key) ?? 0) + x.bandwidth() / 2} y={height - 6} textAnchor="middle">{bar.label}</text>}
          </g>
        ))}
      </svg>
      <ChartTable label={label} series={series} bars={bars} />
    </figure>
  );
}

type StackProps = { bar: Bar; series: Series[]; x: number; width: number; y: (value: number) => number };

function Stack({ bar, series, x, width, y }: StackProps) {
  let below = 0;
  const parts = series.map(({ key, label, tone }) => {
    const value = bar.values[key] ?? 0;
    const top = y(below + value);
    const height = y(below) - top;
    below += value;
    return <rect key={key} className={tone} x={x} width={width} y={top} height={height}><title>{`${bar.label} · ${label}: ${formatNumber(value)}`}</title></rect>;
  });
  return bar.place ? <To place={bar.place} label={bar.label}>{parts}</To> : <>{parts}</>;
}

const Legend = ({ series }: { series: Series[] }) => (
  <span className="legend">{series.map(({ key, label, tone }) => <span key={key} className={tone}>{label}</span>)}</span>
);

function ChartTable({ label, series, bars }: ChartProps) {
  return (
    <details>
      <summary>{say("chart.table")}</summary>
      <table aria-label={label}>
        <thead><tr><td />{series.map(({ key, label: name }) => <th key={key} scope="col" className="numeric">{name}</th>)}</tr></thead>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.key}>
              <th scope="row">{bar.place ? <To place={bar.place}>{bar.label}</To> : bar.label}</th>
              {series.map(({ key }) => <td key={key} className="numeric">{formatNumber(bar.values[key] ?? 0)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
