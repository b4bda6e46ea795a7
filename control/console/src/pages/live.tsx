import { useEffect, useId, useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import { forms } from "../api.gen";
import { detailsOf, Fields, type Schema, type Values } from "../form";
import { Link, usePlace, setQuery } from "../router";
import type { Line, State } from "../call";
import { Level } from "../level";
import { useListening } from "../talk";
import { Badge, Button, Card, Dialog, Loaded, Page, Sure, Trouble, useAct } from "../ui";
import { span } from "../words";
import { other, useAgents } from "./calls";

/** Live shows the calls that go on, and one of them as it is spoken. */
export function Live() {
  const chosen = usePlace().query.get("call") ?? "";
  const asking = useAsk("GET /calls", { query: { status: "in_progress", limit: 100 } }, 2000);
  const agents = useAgents();
  const now = useNow();
  return (
    <Page title="Live" about={asking.data && `${asking.total} ${asking.total === 1 ? "call" : "calls"} now`}>
      <div className="live">
        <Card title="Calls now" flush>
          <Loaded asking={asking}>
            {(calls) => calls.length === 0 ? <div className="empty">Nobody is in a call.</div> : (
              <ul className="picks">
                {calls.map((call) => (
                  <li key={call.id}>
                    <button type="button" aria-pressed={call.id === chosen} onClick={() => setQuery({ call: call.id })}>
                      <strong>{other(call)}</strong>
                      <span className="number">{span((now - Date.parse(call.answered_at ?? call.started_at)) / 1000)}</span>
                      <span className="quiet">{agents.get(call.agent_id ?? "") ?? "–"} · {call.direction}</span>
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </Loaded>
        </Card>
        {chosen ? <Watch key={chosen} id={chosen} /> : <Card><p className="quiet">Choose a call to read what is said in it.</p></Card>}
      </div>
    </Page>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

interface Said {
  type: string;
  data?: { status?: string; held?: boolean; muted?: boolean; transcript?: Line[]; removed?: string[] };
}

/** Watch reads a call's socket, which a session's cookie opens: docs/live.md. */
function Watch({ id }: { id: string }) {
  const { lines, status, held, muted, ended, trouble } = useLive(id);
  const over = status === "completed" || status === "failed";
  return (
    <Card title="What is said" flush aside={
      <span className="actions">
        <Badge word={status} />
        {!over && held && <Badge word="on hold" />}
        {!over && muted && <Badge word="muted" />}
        {over ? <Link to={`/calls/${id}`}>Open the call</Link> : status && <Orders id={id} held={held} muted={muted} />}
      </span>
    }>
      {!over && status && <Desk id={id} />}
      {trouble && <p role="alert" className="pad bad">{trouble}</p>}
      {ended && !over && <p className="pad"><Button onClick={() => location.reload()}>Connect again</Button></p>}
      <ol className="words" aria-live="polite" tabIndex={0} aria-label="What is said">
        {lines.map((line) => (
          <li key={line.id} className={`${line.role}${line.final ? "" : " tentative"}`}>
            <span className="quiet number">{span(line.offset_ms / 1000)}</span>
            <b>{{ agent: "Agent", user: "Caller", tool: "Tool", system: "Event" }[line.role]}</b>
            <p>{line.text}{line.interrupted && <span className="badge warn">interrupted</span>}</p>
          </li>
        ))}
      </ol>
      {lines.length === 0 && !trouble && <div className="empty">Nothing was said yet.</div>}
    </Card>
  );
}

const standing: Partial<Record<State, string>> = {
  connecting: "Connecting…", listening: "You hear both. Nobody hears you.", talking: "The caller hears you. The agent is silent.", over: "You no longer listen.",
};

/** Desk is where a person listens to a call, tells the agent what to do, and takes the call over: docs/desk.md. */
function Desk({ id }: { id: string }) {
  const { seen, line, listen } = useListening(id);
  const on = seen.state === "listening" || seen.state === "talking";
  return (
    <section className="desk" aria-label="Your part">
      <div className="talk">
        <div className="actions">
          {!on && <Button kind="main" disabled={seen.state === "connecting"} onClick={listen}>Listen in</Button>}
          {seen.state === "listening" && <Button kind="main" onClick={() => void line()?.takeOver()}>Take over</Button>}
          {seen.state === "talking" && <Button kind="main" onClick={() => line()?.handBack()}>Hand back</Button>}
          {seen.state === "talking" && <Button aria-pressed={seen.muted} onClick={() => line()?.mute(!seen.muted)}>{seen.muted ? "Unmute" : "Mute"}</Button>}
          {on && <Button onClick={() => line()?.hangUp()}>Stop listening</Button>}
        </div>
        {on && (
          <div className="meters">
            <Level name="Call" who="agent" peak={() => line()?.agents?.peak} />
            {seen.state === "talking" && <Level name="You" who="user" peak={() => (seen.muted ? 0 : line()?.own?.peak)} />}
          </div>
        )}
        <p role="status" className="quiet talk-note">{seen.lost ? "Looking for the network…" : standing[seen.state]}</p>
        {seen.silence && <p role="alert" className="talk-note">{seen.silence} Without one you cannot take over.</p>}
        {seen.trouble && <p role="alert" className="talk-note bad">{seen.trouble}</p>}
      </div>
      <Words id={id} command="whisper" label="Tell the agent" hint="The caller does not hear it" verb="Whisper" />
      <Words id={id} command="say" label="Say to the caller" hint="In the agent's voice" verb="Say" />
    </section>
  );
}

/** Words are told the agent, or said by it. */
function Words({ id, command, label, hint, verb }: { id: string; command: "whisper" | "say"; label: string; hint: string; verb: string }) {
  const [text, setText] = useState("");
  const { busy, fault, act } = useAct();
  const field = useId();
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    void act(async () => { await ask("POST /calls/{id}/commands", { path: { id }, body: { command, text: text.trim() } }); setText(""); });
  };
  return (
    <form className="desk-words" onSubmit={send}>
      <label htmlFor={field}>{label}</label>
      <input id={field} value={text} maxLength={2000} autoComplete="off" placeholder={hint} onChange={(event) => setText(event.target.value)} />
      <button className="button plain" disabled={busy || !text.trim()}>{verb}</button>
      <Trouble fault={fault} />
    </form>
  );
}

/** Orders are what a person may do with a call that goes on. */
function Orders({ id, held, muted }: { id: string; held: boolean; muted: boolean }) {
  const [asking, setAsking] = useState<"transfer" | "take-back" | "hold">();
  const { busy, fault, act } = useAct();
  const close = () => setAsking(undefined);
  const tell = (body: Values) => void act(async () => { await ask("POST /calls/{id}/commands", { path: { id }, body }); });
  return (
    <>
      <Trouble fault={fault} />
      {held ? <Button kind="bare" disabled={busy} onClick={() => tell({ command: "unhold", ask: true })}>Resume</Button> : <Button kind="bare" onClick={() => setAsking("hold")}>Hold</Button>}
      <Button kind="bare" disabled={busy} title="The agent hears nothing of the caller" onClick={() => tell({ command: muted ? "unmute" : "mute" })}>
        {muted ? "Unmute the caller" : "Mute the caller"}
      </Button>
      <Button kind="bare" onClick={() => setAsking("transfer")}>Transfer</Button>
      <Button kind="bare" onClick={() => setAsking("take-back")}>Take back</Button>
      <Sure label="Hang up" question="The agent stops, and the caller hears that the line is closed." onSure={() => ask("POST /calls/{id}/end", { path: { id } })} />
      {asking === "hold" && <Order id={id} title="Put the call on hold" route="POST /calls/{id}/commands" schema={forms.CommandBody} names={["text", "every_seconds"]} more={{ command: "hold" }} verb="Hold" onClose={close} />}
      {asking === "transfer" && <Order id={id} title="Transfer the caller" route="POST /calls/{id}/transfer" schema={forms.TransferBody} verb="Transfer" onClose={close} />}
      {asking === "take-back" && <Order id={id} title="Give the caller back to the agent" route="POST /calls/{id}/take-back" schema={forms.TakeBackBody} verb="Take back" onClose={close} />}
    </>
  );
}

/** Order asks for the rest of an order: more is what of it is settled already. */
function Order({ id, title, route, schema, names, more, verb, onClose }: {
  id: string;
  title: string;
  route: "POST /calls/{id}/transfer" | "POST /calls/{id}/take-back" | "POST /calls/{id}/commands";
  schema: Schema;
  names?: string[];
  more?: Values;
  verb: string;
  onClose: () => void;
}) {
  const [value, setValue] = useState<Values>({});
  const { busy, fault, act } = useAct();
  const order = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask(route, { path: { id }, body: { ...more, ...value } }); onClose(); });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="form" onSubmit={order}>
        <Fields schema={schema} names={names} value={value} onChange={setValue} details={detailsOf(fault)} />
        <Trouble fault={fault} />
        <div className="actions end">
          <Button onClick={onClose}>Cancel</Button>
          <button className="button main" disabled={busy}>{verb}</button>
        </div>
      </form>
    </Dialog>
  );
}

function useLive(id: string) {
  const [lines, setLines] = useState<Line[]>([]);
  const [status, setStatus] = useState("");
  const [stance, setStance] = useState({ held: false, muted: false });
  const [trouble, setTrouble] = useState("");
  const [ended, setEnded] = useState(false);
  useEffect(() => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/calls/${encodeURIComponent(id)}`);
    socket.onmessage = ({ data: text }: MessageEvent<string>) => {
      const { type, data } = JSON.parse(text) as Said;
      if (data?.status) {
        setStatus(data.status);
        setStance({ held: !!data.held, muted: !!data.muted });
      }
      if (type !== "connected" && type !== "transcript_update") return;
      setLines((was) => {
        const all = new Map(was.map((line) => [line.id, line]));
        for (const line of data?.transcript ?? []) all.set(line.id, line);
        for (const gone of data?.removed ?? []) all.delete(gone);
        return [...all.values()].sort((a, b) => a.offset_ms - b.offset_ms || a.seq - b.seq);
      });
    };
    socket.onclose = ({ code }) => {
      setEnded(true);
      if (code === 1008) setTrouble("The session is over: sign in again.");
      else if (code !== 1000 && code !== 1005) setTrouble("The server closed the line.");
    };
    return () => {
      socket.onclose = null;
      socket.onmessage = null;
      if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
      else socket.close();
    };
  }, [id]);
  return { lines, status, ...stance, trouble, ended };
}
