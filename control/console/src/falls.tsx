import type { ReactNode } from "react";
import { Card } from "./ui";
import { milliseconds, plain } from "./words";

const stages = ["endpoint", "transcript", "first_token", "first_audio", "first_frame"] as const;

// What each stage ends with.
const ends: Record<(typeof stages)[number], string> = {
  endpoint: "end of speech", transcript: "transcript", first_token: "first token", first_audio: "first audio", first_frame: "on the wire",
};

export interface Fall {
  n: number;
  latency: Record<string, number> | null; // milliseconds by stage
  about: ReactNode;
}

const total = (latency: Record<string, number>): number => latency.voice_to_voice || stages.reduce((sum, stage) => sum + (latency[stage] ?? 0), 0);

/** Falls are a bar for each turn: from the caller's last word to the agent's first sound, stage by stage. */
export function Falls({ falls }: { falls: Fall[] }) {
  const timed = falls.flatMap(({ n, latency, about }) => (latency && total(latency) > 0 ? [{ n, latency, about }] : []));
  if (timed.length === 0) return null;
  const top = Math.max(1000, ...timed.map(({ latency }) => total(latency)));
  return (
    <Card title="Latency by turn" aside={<span className="legend">{stages.map((stage) => <span key={stage}><i className={stage} /> {ends[stage]} </span>)}</span>}>
      <ol className="falls">
        {timed.map(({ n, latency, about }) => {
          let from = 0;
          return (
            <li key={n}>
              <span className="quiet">Turn {n}</span>
              <svg viewBox="0 0 1000 14" preserveAspectRatio="none" role="img" aria-label={stages.map((stage) => `${plain(stage)} ${milliseconds(latency[stage])}`).join(", ")}>
                <rect width="1000" height="14" className="bed" />
                {stages.map((stage) => {
                  const long = ((latency[stage] ?? 0) / top) * 1000;
                  from += long;
                  return <rect key={stage} x={from - long} width={long} height="14" className={stage}><title>{`${ends[stage]}: ${milliseconds(latency[stage])}`}</title></rect>;
                })}
              </svg>
              <span className="number">{milliseconds(total(latency))}</span>
              <span className="quiet said">{about}</span>
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
