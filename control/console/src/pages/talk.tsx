import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from "react";
import { useAsk } from "../api";
import { Falls } from "../falls";
import { Level } from "../level";
import { Link, usePlace } from "../router";
import type { Exchange, Seen, State } from "../call";
import { begin, current, goesOn, useTalk } from "../talk";
import { Button, Card, Loaded, Page } from "../ui";
import { held, lost, milliseconds, plain, span } from "../words";

const names: Record<State, string> = {
  none: "", connecting: "Connecting…", listening: "Listening", hearing: "Hears you", thinking: "Thinking", speaking: "Speaking", held: "On hold",
  bridged: "With a person", talking: "", over: "The call is over",
};

/** Talk calls an agent from the page, and shows what becomes of it. */
export function Talk() {
  const seen = useTalk();
  return (
    <Page title="Talk" about="Call an agent from here, and hear how it answers.">
      <Card>{goesOn(seen.state) ? <Console seen={seen} /> : <Start seen={seen} />}</Card>
      {seen.state !== "none" && (
        <>
          <div className="wide-narrow">
            <Said seen={seen} />
            <div>
              {goesOn(seen.state) && <Keypad keys={seen.keys} />}
              <Facts seen={seen} />
            </div>
          </div>
          <Falls falls={seen.turns.map((turn) => ({ n: turn.turn, latency: turn.latency_ms, about: <About turn={turn} /> }))} />
        </>
      )}
    </Page>
  );
}

/** Start is where a call begins: whom, and how. */
function Start({ seen }: { seen: Seen }) {
  const wanted = usePlace().query.get("agent") ?? "";
  const asking = useAsk("GET /agents", { query: { limit: 100 } });
  const [chosen, setChosen] = useState(wanted);
  return (
    <Loaded asking={asking}>
      {(agents) => {
        const able = agents.filter((agent) => agent.enabled);
        const agent = able.find(({ id }) => id === chosen) ?? able.find((one) => one.is_default) ?? able[0];
        if (!agent) return <div className="empty">No agent is there to talk to. <Link to="/agents">Make one</Link></div>;
        return (
          <div className="talk-start">
            <label>
              Agent
              <select value={agent.id} onChange={(event) => setChosen(event.target.value)}>
                {able.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
              </select>
            </label>
            <Button kind="main" className="button main large" onClick={() => begin(agent.id, true)}>{seen.state === "over" ? "Talk again" : "Start talking"}</Button>
            <Button onClick={() => begin(agent.id, false)}>Type instead</Button>
            <p role="status" className="quiet">
              {seen.state === "over" ? <>{names.over}. {seen.call && <Link to={`/calls/${seen.call}`}>Open its record</Link>}</> : "Your browser asks whether this page may hear you."}
            </p>
            {seen.trouble && <p role="alert" className="bad">{seen.trouble}</p>}
          </div>
        );
      }}
    </Loaded>
  );
}

/** Console is what a person has at hand in a call. */
export function Console({ seen }: { seen: Seen }) {
  return (
    <div className="talk">
      <p role="status" className={`talk-state ${seen.state}`}><i />{seen.lost ? "Looking for the network…" : names[seen.state]}</p>
      <Clock began={seen.began} />
      <div className="meters">
        <Level name="You" who="user" peak={() => (seen.muted ? 0 : current()?.own?.peak)} />
        <Level name="Agent" who="agent" peak={() => current()?.agents?.peak} />
      </div>
      <div className="actions">
        {seen.microphone ? (
          <Button aria-pressed={seen.muted} onClick={() => current()?.mute(!seen.muted)}>{seen.muted ? "Unmute" : "Mute"}</Button>
        ) : (
          seen.state !== "connecting" && <Button onClick={() => void current()?.microphone()}>Use the microphone</Button>
        )}
        <Button kind="danger" onClick={() => current()?.hangUp()}>Hang up</Button>
      </div>
      {seen.silence && <p role="alert" className="talk-note">{seen.silence} You can type.</p>}
      {seen.trouble && <p role="alert" className="talk-note bad">{seen.trouble}</p>}
    </div>
  );
}

function Clock({ began }: { began: number }) {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return <span className="number quiet">{span(began ? (now - began) / 1000 : 0)}</span>;
}

/** Said is what was said so far, and where one types. */
export function Said({ seen }: { seen: Seen }) {
  const [text, setText] = useState("");
  const list = useRef<HTMLOListElement>(null);
  const last = seen.lines.at(-1);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [last?.id, last?.text]);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    current()?.type(text.trim());
    setText("");
  };
  const holds = held(seen.lines, seen.turns);
  const unheard = lost(seen.lines, seen.turns.map((turn) => ({ ...turn, n: turn.turn })));
  return (
    <Card title="What is said" flush>
      <ol className="words talk-words" ref={list} aria-live="polite" tabIndex={0} aria-label="What is said">
        {seen.lines.map((line, i) => (
          <li key={line.id} className={`${line.role}${line.final ? "" : " tentative"}`}>
            <span className="quiet number">{span(line.offset_ms / 1000)}</span>
            <b>{{ agent: "Agent", user: "You", tool: "Tool", system: "Event" }[line.role]}</b>
            <p>
              {line.text}
              {unheard[i] && <del title="You did not hear this">{unheard[i]}</del>}
              {line.interrupted && <span className="badge warn">barge-in</span>}
              {holds[i] > 0 && <span className="badge" title="The agent paused for a sound of yours, and went on">{holds[i] === 1 ? "held" : `held ${holds[i]} ×`}</span>}
            </p>
          </li>
        ))}
      </ol>
      {seen.lines.length === 0 && <div className="empty">{goesOn(seen.state) ? "Nothing was said yet." : "Nothing was said."}</div>}
      {goesOn(seen.state) && (
        <form className="talk-type" onSubmit={send}>
          <label htmlFor="typed">Type</label>
          <input id="typed" value={text} maxLength={2000} autoComplete="off" placeholder="Instead of speaking" onChange={(event) => setText(event.target.value)} />
          <button className="button plain" disabled={!text.trim() || seen.state === "connecting"}>Send</button>
        </form>
      )}
    </Card>
  );
}

const keypad = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

/** Keypad presses keys, by its buttons or, while one of them has the focus, by the keyboard. */
export function Keypad({ keys }: { keys: string }) {
  const press = (event: KeyboardEvent) => {
    if (keypad.includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) current()?.key(event.key);
  };
  return (
    <Card title="Keys" aside={<output className="number quiet" aria-label="Pressed">{keys}</output>}>
      <div className="keypad" role="group" aria-label="Keypad" onKeyDown={press}>
        {keypad.map((key) => <Button key={key} aria-label={{ "*": "Star", "#": "Hash" }[key] ?? key} onClick={() => current()?.key(key)}>{key}</Button>)}
      </div>
    </Card>
  );
}

function Facts({ seen }: { seen: Seen }) {
  const answers = seen.turns.flatMap((turn) => turn.latency_ms.voice_to_voice ?? []);
  const facts: [string, string][] = [
    ["First sound after the answer", milliseconds(seen.soundAfterAnswer)],
    ["First sound after the button", milliseconds(seen.soundAfterPress)],
    ["Slowest answer", milliseconds(answers.length ? Math.max(...answers) : undefined)],
    ["Interruptions", String(seen.turns.filter((turn) => turn.interrupted).length)],
  ];
  return (
    <Card title="Facts">
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** About says what a turn was, and how it went. */
export function About({ turn }: { turn: Exchange }) {
  return (
    <>
      {turn.interrupted && <span className="badge warn">barge-in</span>}
      {turn.held > 0 && <span className="badge" title="The agent paused for a sound of yours">{`held ${turn.held} ×`}</span>} {turn.said || plain(turn.why)}
    </>
  );
}
