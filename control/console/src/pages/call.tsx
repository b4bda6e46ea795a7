import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { ask, url, useAsk } from "../api";
import type { CallDetail, Cost, Entry, Quality } from "../api.gen";
import { happenings, timed } from "../events";
import { Falls } from "../falls";
import { Link } from "../router";
import { Badge, Button, Card, Loaded, Page, Trouble, useAct } from "../ui";
import { lost, milliseconds, plain, span, when } from "../words";
import { Player, type Heard } from "./player";
import { other, useAgents } from "./calls";

/** CallPage shows a call: its sound in step with its words, what came of it, and how fast it was. */
export function CallPage({ id }: { id: string }) {
  const asking = useAsk("GET /calls/{id}", { path: { id } });
  const agents = useAgents();
  return (
    <Loaded asking={asking}>
      {(call) => (
        <Page
          title={`Call ${call.number}`}
          about={<>{plain(call.direction)}, {other(call)} · {when(call.started_at)} · <Badge word={call.status} /></>}
          actions={<Links call={call} />}
        >
          <Body call={call} agent={agents.get(call.agent_id ?? "")} />
        </Page>
      )}
    </Loaded>
  );
}

function Links({ call }: { call: CallDetail }) {
  if (!call.recording_available) return null;
  const file = url("GET /calls/{id}/recording/stream", { path: { id: call.id } });
  return (
    <>
      <a className="button plain" href={file} download={`call-${call.number}.wav`}>WAV</a>
      <a className="button plain" href={`${file}?format=opus`} download={`call-${call.number}.ogg`}>Opus</a>
    </>
  );
}

function Body({ call, agent }: { call: CallDetail; agent?: string }) {
  const [at, setAt] = useState(0); // seconds
  const [jump, setJump] = useState<{ to: number }>();
  const heard: Heard[] = call.transcript.flatMap((entry) =>
    entry.duration_ms && (entry.role === "user" || entry.role === "agent")
      ? [{ from: entry.offset_ms / 1000, to: (entry.offset_ms + entry.duration_ms) / 1000, who: entry.role, cut: entry.interrupted }]
      : [],
  );
  return (
    <>
      {call.recording_available && call.duration_seconds ? (
        <Card>
          <Player id={call.id} seconds={call.duration_seconds} heard={heard} at={at} onTime={setAt} jump={jump} />
        </Card>
      ) : null}
      <div className="wide-narrow">
        <Card title="Transcript" aside={<span className="quiet">{plain(call.transcript_source)}</span>} flush>
          <Words call={call} at={call.recording_available ? at : -1} onJump={call.recording_available ? (to) => setJump({ to }) : undefined} />
        </Card>
        <div>
          <Facts call={call} agent={agent} />
          <Report call={call} />
        </div>
      </div>
      <Events call={call} onJump={call.recording_available ? (to) => setJump({ to }) : undefined} />
      <Falls falls={call.turns.map(({ n, latency, said, why }) => ({ n, latency, about: said ?? plain(why) }))} />
    </>
  );
}

const speakers: Record<Entry["role"], string> = { agent: "Agent", user: "Caller", tool: "Tool", system: "Event" };

function Words({ call, at, onJump }: { call: CallDetail; at: number; onJump?: (seconds: number) => void }) {
  const list = useRef<HTMLOListElement>(null);
  const now = call.transcript.findIndex((entry) => at > 0 && at >= entry.offset_ms / 1000 && at < (entry.offset_ms + (entry.duration_ms ?? 0)) / 1000);
  useEffect(() => {
    const [box, line] = [list.current, list.current?.children[now] as HTMLElement | undefined];
    if (box && line && (line.offsetTop < box.scrollTop || line.offsetTop + line.offsetHeight > box.scrollTop + box.clientHeight)) box.scrollTop = line.offsetTop;
  }, [now]);
  if (call.transcript.length === 0) return <div className="empty">Nothing was said.</div>;
  const unheard = lost(call.transcript, call.turns);
  return (
    <ol className="words follow" ref={list} tabIndex={0} aria-label="Transcript">
      {call.transcript.map((entry, i) => {
        const [from, to] = [entry.offset_ms / 1000, (entry.offset_ms + (entry.duration_ms ?? 0)) / 1000];
        return (
          <li key={entry.seq} className={`${entry.role}${i === now ? " now" : ""}`} aria-current={i === now || undefined}>
            {onJump ? (
              <Button kind="bare" aria-label={`Play from ${span(from)}`} onClick={() => onJump(from)}>{span(from)}</Button>
            ) : (
              <span className="quiet">{span(from)}</span>
            )}
            <b>{speakers[entry.role]}</b>
            <p>
              {onJump && to > from ? <Text entry={entry} at={i === now ? at : -1} onJump={onJump} /> : entry.text}
              {unheard[i] && <del title="The caller did not hear this">{unheard[i]}</del>}
              {entry.interrupted && <span className="badge warn">interrupted</span>}
            </p>
          </li>
        );
      })}
    </ol>
  );
}

/** Text is what somebody said. Whoever points at a word hears it, and the word that sounds is marked. The button beside it is the keyboard's. */
function Text({ entry, at, onJump }: { entry: Entry; at: number; onJump: (seconds: number) => void }) {
  const pieces = useMemo(() => timed(entry), [entry]);
  return <>{pieces.map(({ text, from, to }, i) => <span key={i} className={at >= from && at < to ? "word sounds" : "word"} onClick={() => onJump(from)}>{text}</span>)}</>;
}

/** Events are what happened besides words, in the order of time. */
function Events({ call, onJump }: { call: CallDetail; onJump?: (seconds: number) => void }) {
  const all = happenings(call);
  return (
    <Card title="What happened" aside={<span className="quiet">{all.length} events</span>} flush>
      <ol className="events" tabIndex={0} aria-label="What happened">
        {all.map((one, i) => (
          <li key={i}>
            {onJump ? (
              <Button kind="bare" aria-label={`Play from ${span(one.at)}: ${one.kind}`} onClick={() => onJump(one.at)}>{span(one.at)}</Button>
            ) : (
              <span className="quiet number">{span(one.at)}</span>
            )}
            <span className={`badge ${{ "barge-in": "warn", hold: "warn", trouble: "bad", answer: "good", key: "live", tool: "live", call: "", event: "" }[one.kind]}`}>{one.kind}</span>
            <span>{one.text}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** heardAs says how a line of that MOS sounds (ITU-T P.800). */
const heardAs = (mos: number): string => (mos >= 4 ? "good" : mos >= 3.6 ? "fair" : mos >= 3.1 ? "poor" : "bad");

/** Sound is how the packets travelled; a carrier's socket has none that are lost. */
function Sound({ quality }: { quality: Quality }) {
  const facts: [string, string][] = [
    ["MOS", quality.mos ? `${quality.mos.toFixed(2)}, ${heardAs(quality.mos)}` : "–"],
    ["Lost or late", `${(quality.loss * 100).toFixed(1)} % of ${quality.received + quality.lost}`],
    ["Made up for", milliseconds(quality.concealed_ms)],
    ["Jitter", milliseconds(quality.jitter_ms)],
    ["Held back", milliseconds(quality.delay_ms)],
    ["Round trip", milliseconds(quality.round_trip_ms)],
    ["Lost at the far end", `${(quality.far_loss * 100).toFixed(1)} % of ${quality.sent}`],
  ];
  return <Card title="Sound"><FactList facts={facts} /></Card>;
}

/** dollars are shown to a hundredth of a cent. */
const dollars = (sum: number | null): string => (sum === null ? "no price" : `$${sum.toFixed(4)}`);

/** Costs are what vendors charge, by list prices. */
function Costs({ cost }: { cost: Cost }) {
  const facts: [string, ReactNode][] = [
    ["All", dollars(cost.total) + (cost.complete ? "" : ", without what is missing")],
    ...cost.vendors.map((v): [string, ReactNode] => [
      { stt: "Hears", llm: "Thinks", tts: "Speaks" }[v.kind],
      `${v.vendor}${v.model ? ` ${v.model}` : ""}${v.server ? ` at ${v.server}` : ""}: ${dollars(v.total)}`,
    ]),
    ...cost.missing.map((what): [string, ReactNode] => ["Missing", what]),
  ];
  return <Card title="Cost"><FactList facts={facts} /></Card>;
}

function FactList({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value], at) => (
        <div key={`${name} ${at}`}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Facts({ call, agent }: { call: CallDetail; agent?: string }) {
  const facts: [string, ReactNode][] = [
    ["Length", span(call.duration_seconds)],
    ["Ended by", plain(call.cause ?? "–")],
    ["Agent", agent ? <Link to={`/agents/${call.agent_id}`}>{agent}, {call.agent_version ? `version ${call.agent_version}` : "as it was being written"}</Link> : "–"],
    ["From", call.from_number ?? "–"],
    ["To", call.to_number ?? "–"],
    ["Carrier", call.carrier],
    ["Latency", `${milliseconds(call.latency?.voice_to_voice_p50)}, slow ${milliseconds(call.latency?.voice_to_voice_p95)}`],
    ["Dropped", `${call.dropped_frames} ${call.dropped_frames === 1 ? "frame" : "frames"}`],
  ];
  if (call.task_id) facts.push(["Task", <Link to={`/tasks/${call.task_id}`}>open</Link>]);
  if (call.answered_by) facts.push(["Answered by", plain(call.answered_by)]);
  if (call.error) facts.push(["Error", <span className="bad">{call.error}</span>]);
  for (const [name, value] of Object.entries(call.collected ?? {})) facts.push([plain(name), String(value)]);
  return (
    <>
      <Card title="Facts"><FactList facts={facts} /></Card>
      {call.quality && <Sound quality={call.quality} />}
      {call.cost && <Costs cost={call.cost} />}
    </>
  );
}

function Report({ call }: { call: CallDetail }) {
  const [made, setMade] = useState(false);
  const { busy, fault, act } = useAct();
  const asking = useAsk(made ? "GET /calls/{id}/report" : undefined, { path: { id: call.id } });
  const report = asking.data?.report;
  if (call.status !== "completed" && call.status !== "failed") return null;
  return (
    <Card title="Report">
      {!report && (
        <Button disabled={busy || (made && !asking.fault)} onClick={() => (made ? asking.again() : setMade(true))}>
          {made && !asking.fault ? "Making…" : "Show the report"}
        </Button>
      )}
      <Trouble fault={asking.fault ?? fault} />
      {report && (
        <>
          <p>{report.summary}</p>
          <p><Badge word={report.outcome} /> <Badge word={report.sentiment} /></p>
          <dl className="facts">
            <div><dt>Agent spoke</dt><dd>{span(report.talk_time.agent_seconds)}</dd></div>
            <div><dt>Caller spoke</dt><dd>{span(report.talk_time.user_seconds)}</dd></div>
            <div><dt>Interruptions</dt><dd>{report.interruptions}</dd></div>
            {Object.entries(report.extracted).map(([name, value]) => <div key={name}><dt>{plain(name)}</dt><dd>{String(value)}</dd></div>)}
          </dl>
          <p className="quiet">Made by {report.made_by}, from the {plain(report.transcript_source)} transcript.</p>
          <Button disabled={busy} onClick={() => void act(async () => { await ask("POST /calls/{id}/transcript", { path: { id: call.id }, body: {} }); asking.again(); })}>
            Make it anew from the recording
          </Button>
        </>
      )}
    </Card>
  );
}
