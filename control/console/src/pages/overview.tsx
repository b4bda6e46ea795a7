import { useEffect, useState } from "react";
import { useAsk } from "../api";
import type { Call } from "../api.gen";
import { Bars, Ranges, type Bucket } from "../chart";
import { Link } from "../router";
import { Badge, Card, Loaded, Page, Table } from "../ui";
import { day, hour, milliseconds, percentile, plain, span, whenShort } from "../words";
import { CallTable, useAgents } from "./calls";

const looked = 100; // how many calls the figures are of: as many as one request answers

export function Overview() {
  const recent = useAsk("GET /calls", { query: { limit: looked } }, 5000);
  const going = useAsk("GET /calls", { query: { status: "in_progress", limit: 1 } }, 5000);
  const agents = useAgents();
  return (
    <Page title="Overview" about="Of the last 100 calls. It looks anew every five seconds.">
      <Loaded asking={recent}>
        {(calls) => (
          <>
            <Figures calls={calls} going={going.data ? going.total : undefined} all={recent.total} />
            <div className="halves">
              <Card title="Calls" aside={<Legend />}>
                <Bars buckets={byTime(calls)} name="Calls by time: completed and failed" />
              </Card>
              <Card title="Latency" aside={<span className="quiet">caller's last word → agent's first sound</span>}>
                <Ranges ranges={latencies(calls)} name="Latency of each call, from its median to its 95th percentile" />
              </Card>
            </div>
            <Providers />
            <Card title="Latest calls" aside={<Link to="/calls">All calls</Link>} flush>
              <CallTable calls={calls.slice(0, 8)} agents={agents} />
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Figures({ calls, going, all }: { calls: Call[]; going?: number; all: number }) {
  const over = calls.filter((call) => call.status === "completed" || call.status === "failed");
  const failed = over.filter((call) => call.status === "failed").length;
  const p50 = calls.flatMap((call) => call.latency?.voice_to_voice_p50 ?? []);
  const p95 = calls.flatMap((call) => call.latency?.voice_to_voice_p95 ?? []);
  const lengths = calls.flatMap((call) => call.duration_seconds ?? []);
  const figures: [string, string, string][] = [
    ["Calls now", going === undefined ? "–" : String(going), `${all} in all`],
    ["Completed", over.length ? `${Math.round(((over.length - failed) / over.length) * 100)} %` : "–", `${over.length - failed} completed, ${failed} failed`],
    ["Latency, median", milliseconds(percentile(p50, 50)), "of the calls' medians"],
    ["Latency, slow", milliseconds(percentile(p95, 95)), "95th percentile of the calls' own"],
    ["Length, median", span(percentile(lengths, 50)), `longest ${span(lengths.length ? Math.max(...lengths) : undefined)}`],
  ];
  return (
    <dl className="figures">
      {figures.map(([name, value, about]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="value">{value}</dd>
          <dd className="quiet">{about}</dd>
        </div>
      ))}
      <Health />
    </dl>
  );
}

/** Health says whether the server takes new calls and, if it does not, why. */
function Health() {
  const [says, setSays] = useState<{ ready: boolean; why: string }>();
  useEffect(() => {
    const look = () =>
      fetch("/readyz").then(
        async (answer) => setSays({ ready: answer.ok, why: answer.ok ? "takes new calls" : (await answer.text()).trim() }),
        () => setSays({ ready: false, why: "it does not answer" }),
      );
    void look();
    const timer = setInterval(() => document.hidden || void look(), 10000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div>
      <dt>Server</dt>
      <dd className={says && !says.ready ? "value bad" : "value"}>{!says ? "–" : says.ready ? "Ready" : "Busy"}</dd>
      <dd className="quiet">{says?.why ?? "asking"}</dd>
    </div>
  );
}

const jobs = { stt: "hears", llm: "thinks", tts: "speaks" };

/** Providers are the vendors that hear, think and speak, and how they have done of late. */
function Providers() {
  const asking = useAsk("GET /providers", { query: { limit: 100 } }, 10000);
  return (
    <Card title="Providers" aside={<span className="quiet">of the last 15 minutes</span>} flush>
      <Loaded asking={asking}>
        {(all) => (
          <Table name="Providers" rows={all.map((one) => ({ ...one, id: `${one.kind} ${one.name}` }))} empty="No vendor is there."
            columns={[
              { head: "Name", cell: (one) => one.name },
              { head: "Job", cell: (one) => jobs[one.kind] },
              { head: "State", cell: (one) => <Badge word={one.state} /> },
              { head: "Failed", cell: (one) => (one.state === "idle" ? "–" : `${Math.round(one.failed_percent)} %`), number: true },
              { head: "First, median", cell: (one) => milliseconds(one.first_p50_ms), number: true, wide: true },
              { head: "First, slow", cell: (one) => milliseconds(one.first_p95_ms), number: true, wide: true },
              { head: "Last failure", cell: (one) => (one.last_failure ? `${plain(one.last_failure)}, ${whenShort(one.last_failure_at)}` : "–"), wide: true },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Legend() {
  return (
    <span className="legend">
      <i className="good" /> completed <i className="bad" /> failed
    </span>
  );
}

/** byTime puts calls into 24 pieces of the time that they span: an hour each at least. */
function byTime(calls: Call[]): Bucket[] {
  const pieces = 24;
  const now = Date.now();
  const oldest = Math.min(now, ...calls.map((call) => Date.parse(call.created_at)));
  const piece = Math.max(3600e3, Math.ceil((now - oldest) / pieces));
  const days = piece * pieces > 36 * 3600e3;
  const buckets = Array.from({ length: pieces }, (_, i) => {
    const from = new Date(now - (pieces - i) * piece).toISOString();
    return { label: whenShort(from), mark: days ? day(from) : hour(from), good: 0, bad: 0 };
  });
  for (const call of calls) {
    const at = pieces - 1 - Math.floor((now - Date.parse(call.created_at)) / piece);
    const bucket = buckets[Math.min(pieces - 1, Math.max(0, at))];
    if (call.status === "failed") bucket.bad++;
    else if (call.status === "completed") bucket.good++;
  }
  return buckets;
}

function latencies(calls: Call[]) {
  return calls
    .filter((call) => call.latency?.voice_to_voice_p50 !== undefined)
    .map((call) => ({ p50: call.latency!.voice_to_voice_p50, p95: call.latency!.voice_to_voice_p95, label: `Call ${call.number}` }))
    .reverse();
}
