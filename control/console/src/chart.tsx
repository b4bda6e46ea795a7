// Small charts in SVG. Each says in words what it shows.
import { milliseconds } from "./words";

export interface Bucket {
  label: string;
  mark: string; // below it: shorter than the label
  good: number;
  bad: number;
}

const [width, height, floor] = [600, 140, 116];

/** Calls by time: those that were held stand on those that failed. */
export function Bars({ buckets, name }: { buckets: Bucket[]; name: string }) {
  const top = Math.max(1, ...buckets.map((bucket) => bucket.good + bucket.bad));
  const step = width / buckets.length;
  const tall = (n: number) => (n / top) * (floor - 12);
  return (
    <svg viewBox={`0 0 ${width} ${height}`} className="chart" role="img" aria-label={name}>
      <line x1="0" x2={width} y1={floor} y2={floor} className="axis" />
      {buckets.map((bucket, i) => (
        <g key={bucket.label}>
          <title>{`${bucket.label}: ${bucket.good} completed, ${bucket.bad} failed`}</title>
          <rect x={i * step + 2} width={step - 4} y={floor - tall(bucket.bad)} height={tall(bucket.bad)} className="bar bad" rx="1.5" />
          <rect x={i * step + 2} width={step - 4} y={floor - tall(bucket.bad + bucket.good)} height={tall(bucket.good)} className="bar good" rx="1.5" />
          {i % Math.ceil(buckets.length / 4) === 0 && <text x={i * step + 2} y={height - 4}>{bucket.mark}</text>}
        </g>
      ))}
      <text x={width} y="11" textAnchor="end">{top}</text>
    </svg>
  );
}

/** Latencies of calls in their order: a line for each call from p50 to p95. */
export function Ranges({ ranges, name }: { ranges: { p50: number; p95: number; label: string }[]; name: string }) {
  const top = Math.max(1000, ...ranges.map((range) => range.p95));
  const step = width / Math.max(ranges.length, 12);
  const y = (ms: number) => floor - (ms / top) * (floor - 12);
  return (
    <svg viewBox={`0 0 ${width} ${height}`} className="chart" role="img" aria-label={name}>
      <line x1="0" x2={width} y1={floor} y2={floor} className="axis" />
      <line x1="0" x2={width} y1={y(800)} y2={y(800)} className="guide" />
      <text x={width} y={y(800) - 4} textAnchor="end">800 ms</text>
      {ranges.map((range, i) => (
        <g key={range.label} className="range">
          <title>{`${range.label}: p50 ${milliseconds(range.p50)}, p95 ${milliseconds(range.p95)}`}</title>
          <line x1={(i + 0.5) * step} x2={(i + 0.5) * step} y1={y(range.p50)} y2={y(range.p95)} />
          <circle cx={(i + 0.5) * step} cy={y(range.p95)} r="2" />
          <circle cx={(i + 0.5) * step} cy={y(range.p50)} r="3" className="middle" />
        </g>
      ))}
      <text x="0" y={height - 4}>older</text>
      <text x={width} y={height - 4} textAnchor="end">newer</text>
    </svg>
  );
}
