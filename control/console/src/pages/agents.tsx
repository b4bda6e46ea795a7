import { useMemo, useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import { forms, type Agent, type LoggedIn } from "../api.gen";
import { check } from "../check";
import { Falls } from "../falls";
import { changed, detailsOf, Fields, type Schema, type Values } from "../form";
import { Rows } from "../resource";
import { go, Link } from "../router";
import { begin, goesOn, useTalk } from "../talk";
import { Badge, Button, Card, Dialog, Loaded, Page, Sure, Table, Trouble, useAct } from "../ui";
import { diff, when, whenShort } from "../words";
import { rules } from "./admin";
import { About, Console, Keypad, Said } from "./talk";

export function Agents({ who }: { who: LoggedIn }) {
  return (
    <Rows<Agent>
      title="Agents" noun="agent" may={rules(who)} about="Personas that hold calls."
      list="GET /agents"
      columns={[
        { head: "Name", cell: (agent) => <Link to={`/agents/${agent.id}`}>{agent.name}</Link> },
        { head: "State", cell: (agent) => <Badge word={agent.enabled ? "enabled" : "disabled"} /> },
        { head: "Answers", cell: (agent) => (agent.is_default ? "what no other does" : ""), wide: true },
        { head: "Version", cell: (agent) => agent.version, number: true },
        { head: "Changed", cell: (agent) => whenShort(agent.updated_at), wide: true },
      ]}
      create={{ route: "POST /agents", schema: forms.AgentCreate, names: ["name", "system_prompt", "starting_message", "description"] }}
      remove={{ route: "DELETE /agents/{id}", verb: "Delete", warn: "It answers no more calls. Its versions stay.", may: (agent) => !agent.is_default }}
    />
  );
}

/** AgentPage is an agent's editor, with a call to it at hand. The form is the API's schema, and what is wrong the API says. */
export function AgentPage({ id, who }: { id: string; who: LoggedIn }) {
  const asking = useAsk("GET /agents/{id}", { path: { id } });
  const schema = useAsk("GET /agents/schema");
  const seen = useTalk();
  const [trying, setTrying] = useState(() => goesOn(seen.state) && seen.agent === id);
  return (
    <Loaded asking={asking}>
      {(agent) => (
        <Loaded asking={schema}>
          {(settings) => (
            <AgentEditor key={agent.version} agent={agent} settings={settings as Schema} who={who} onChange={asking.again} trying={trying} onTry={setTrying} />
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

const first = ["name", "description", "enabled"];
const patch = forms.AgentPatch as Schema;

/** wrongs are what is wrong with what is written: the schemas say it at once, the API of what was sent last. */
function wrongs(value: Values, body: Values, settings: Schema, fault?: Error): Record<string, string> {
  const { settings: _, ...plainly } = body;
  return { ...check(plainly, patch, "", patch), ...(value.settings ? check(value.settings, settings, "settings", settings) : {}), ...detailsOf(fault) };
}

function AgentEditor({ agent, settings, who, onChange, trying, onTry }: {
  agent: Agent;
  settings: Schema;
  who: LoggedIn;
  onChange: () => void;
  trying: boolean;
  onTry: (trying: boolean) => void;
}) {
  const [value, setValue] = useState<Values>(agent as unknown as Values);
  const [sent, setSent] = useState<Values>();
  const { busy, fault, act } = useAct();
  const body = useMemo(() => changed(patch, agent as unknown as Values, value), [agent, value]);
  const dirty = Object.keys(body).length > 0;
  const details = useMemo(() => wrongs(value, body, settings, sent === value ? fault : undefined), [value, body, settings, sent, fault]);
  const many = Object.keys(details).length;
  const save = async () => {
    setSent(value);
    await ask("PATCH /agents/{id}", { path: { id: agent.id }, body });
    onChange();
  };
  const may = rules(who);
  const part = (name: string) => ({ value: (value[name] ?? {}) as Values, onChange: (next: Values) => setValue({ ...value, [name]: Object.keys(next).length ? next : undefined }) });
  const shared = { details, path: "", value, onChange: setValue };
  return (
    <Page title={agent.name} about={<>Version {agent.version} of {when(agent.updated_at)}{agent.is_default && " · answers what no other does"}</>}
      actions={
        <>
          {(agent.enabled || may) && <Button aria-expanded={trying} aria-controls="try" onClick={() => onTry(!trying)}>Try it here</Button>}
          {may && !agent.is_default && <Button disabled={busy} onClick={() => void act(async () => { await ask("POST /agents/{id}/default", { path: { id: agent.id } }); onChange(); })}>Make it the default</Button>}
        </>
      }>
      <div className={trying ? "beside" : undefined}>
        <form className="form" onSubmit={(event: FormEvent) => { event.preventDefault(); void act(save); }}>
          <Problems agent={agent} />
          <div className="wide-narrow">
            <fieldset disabled={!may} className="bare">
              <Card title="What it says">
                <div className="form"><Fields schema={patch} names={["system_prompt", "starting_message"]} {...shared} /></div>
              </Card>
              <Card title="How it behaves, and with what">
                <div className="form">
                  <Fields schema={settings} path="settings" names={["manners", "providers", "languages", "recording"]} details={details} {...part("settings")} />
                </div>
              </Card>
              <Card title="On any page">
                <div className="form"><Fields schema={settings} path="settings" names={["widget"]} details={details} {...part("settings")} /></div>
              </Card>
              <Card title="Keys, tools, dialog, report">
                <div className="form">
                  <Fields schema={patch} names={["dtmf_rules"]} {...shared} />
                  <Fields schema={settings} path="settings" names={["tools", "flow", "report"]} details={details} {...part("settings")} />
                </div>
              </Card>
            </fieldset>
            <div>
              <fieldset disabled={!may} className="bare">
                <Card title="Agent"><div className="form"><Fields schema={patch} names={first} {...shared} /></div></Card>
                <Card title="Voice"><div className="form"><Fields schema={patch.properties!.voice_settings} path="voice_settings" names={["voice", "language", "speed", "stability", "similarity_boost", "style", "use_speaker_boost"]} details={details} {...part("voice_settings")} /></div></Card>
              </fieldset>
              <Versions agent={agent} written={dirty ? ({ ...agent, ...value } as Agent) : undefined} may={may} onRestore={onChange} />
            </div>
          </div>
          <Trouble fault={fault} />
          {may && (
            <div className="save-bar">
              <span className={many ? "bad" : "quiet"} role="status">{many ? `${many} ${many === 1 ? "field is" : "fields are"} not right yet.` : dirty ? "Not saved yet." : "All is saved."}</span>
              <Button disabled={!dirty || busy} onClick={() => setValue(agent as unknown as Values)}>Undo</Button>
              <button className="button main" disabled={!dirty || busy}>{busy ? "Saving…" : "Save as a new version"}</button>
            </div>
          )}
        </form>
        {trying && (agent.enabled || may) && <Try agent={agent} change={may && (dirty || !agent.enabled) ? body : undefined} />}
      </div>
      <p><button type="button" className="button bare" onClick={() => go("/agents")}>← All agents</button></p>
    </Page>
  );
}

/** Problems are what of the agent cannot be used on this server as it stands. */
function Problems({ agent }: { agent: Agent }) {
  if (!agent.settings_problems?.length) return null;
  return (
    <div className="trouble" role="status">
      <p>Not all of it can be used on this server: the server's own is used instead.</p>
      <ul>{agent.settings_problems.map(({ path, reason }) => <li key={path}><code>{path}</code> {reason}</li>)}</ul>
    </div>
  );
}

/** Try is a call to the agent beside its editor: as it is written there, saved or not. */
function Try({ agent, change }: { agent: Agent; change?: Values }) {
  const seen = useTalk();
  const ours = seen.agent === agent.id;
  const calling = goesOn(seen.state);
  return (
    <div className="try" id="try">
      <Card title="Try it">
        {calling && ours ? <Console seen={seen} /> : (
          <div className="actions">
            <Button kind="main" onClick={() => begin(agent.id, true, change)}>{change ? "Talk to it as written" : `Talk to version ${agent.version}`}</Button>
            <Button onClick={() => begin(agent.id, false, change)}>Type</Button>
          </div>
        )}
        {calling && !ours && <p className="quiet">You are in a call with another agent: this one ends it.</p>}
        {!calling && ours && seen.trouble && <p role="alert" className="bad">{seen.trouble}</p>}
        {change && <p className="hint">{calling && ours ? "What you change now is in the next call." : "Nothing is saved by that."}</p>}
      </Card>
      {ours && <Said seen={seen} />}
      {ours && calling && <Keypad keys={seen.keys} />}
      {ours && <Falls falls={seen.turns.map((turn) => ({ n: turn.turn, latency: turn.latency_ms, about: <About turn={turn} /> }))} />}
    </div>
  );
}

/** text is what of an agent versions differ in, for people to read. */
function text(agent: Agent): string {
  const { name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, settings } = agent;
  return JSON.stringify({ name, description, enabled, system_prompt, starting_message, voice_settings, dtmf_rules, settings }, null, 2).replaceAll("\\n", "\n");
}

const shownVersions = 10;

function Versions({ agent, written, may, onRestore }: { agent: Agent; written?: Agent; may: boolean; onRestore: () => void }) {
  const [offset, setOffset] = useState(0);
  const asking = useAsk("GET /agents/{id}/versions", { path: { id: agent.id }, query: { limit: shownVersions, offset } });
  const [from, setFrom] = useState<Agent>();
  return (
    <Card title="Versions" aside={written && <Button kind="bare" className="button bare small" onClick={() => setFrom(agent)}>What you have changed</Button>} flush>
      <Loaded asking={asking}>
        {(versions) => (
          <>
            <Table name="Versions" empty="None." rows={(versions as Agent[]).map((version) => ({ ...version, id: String(version.version), whole: version }))}
              columns={[
                { head: "Version", cell: ({ version }) => version },
                { head: "Of", cell: ({ updated_at }) => whenShort(updated_at) },
                { head: "", cell: ({ version, whole }) => version === agent.version ? <span className="quiet">answers now</span> : <Button kind="bare" aria-label={`Compare version ${version}`} onClick={() => setFrom(whole)}>Compare</Button> },
              ]}
            />
            {asking.total > shownVersions && (
              <nav className="pager" aria-label="Pages of versions">
                <Button disabled={offset === 0} onClick={() => setOffset(offset - shownVersions)}>Newer</Button>
                <Button disabled={offset + shownVersions >= asking.total} onClick={() => setOffset(offset + shownVersions)}>Older</Button>
              </nav>
            )}
            {from && <Compare agent={agent} from={from} versions={versions as Agent[]} written={written} may={may} onClose={() => setFrom(undefined)} onRestore={onRestore} />}
          </>
        )}
      </Loaded>
    </Card>
  );
}

/** Compare shows what differs between two versions, the one that answers and what is being written among them. */
function Compare({ agent, from, versions, written, may, onClose, onRestore }: {
  agent: Agent;
  from: Agent;
  versions: Agent[];
  written?: Agent;
  may: boolean;
  onClose: () => void;
  onRestore: () => void;
}) {
  const all = new Map([[String(agent.version), agent], [String(from.version), from], ...versions.map((one) => [String(one.version), one] as const)]);
  if (written) all.set("written", written);
  const [before, setBefore] = useState(String(from.version));
  const [after, setAfter] = useState(from.version === agent.version && written ? "written" : String(agent.version));
  const named = (key: string) => (key === "written" ? "as written now" : `${key}${key === String(agent.version) ? ", which answers" : ""}`);
  const choice = (name: string, value: string, set: (value: string) => void) => (
    <label>
      {name}
      <select value={value} onChange={({ target }) => set(target.value)}>
        {[...all.keys()].sort((a, b) => Number(b) - Number(a)).map((key) => <option key={key} value={key}>{named(key)}</option>)}
      </select>
    </label>
  );
  const [was, is] = [text(all.get(before) ?? from), text(all.get(after) ?? agent)];
  return (
    <Dialog title="Versions compared" onClose={onClose}>
      <div className="filters">{choice("From", before, setBefore)}{choice("To", after, setAfter)}</div>
      {was === is ? <p className="quiet">They are the same.</p> : (
        <pre className="diff" tabIndex={0} aria-label="What differs">
          {diff(was, is).map((line, i) => <span key={i} className={line.kind}>{{ same: "  ", gone: "− ", new: "+ " }[line.kind]}{line.text}</span>)}
        </pre>
      )}
      {may && before !== String(agent.version) && before !== "written" && (
        <div className="actions end">
          <Sure label={`Restore version ${before}`} question={`Version ${before} comes back, as a new version.${written ? " What you have changed and not saved is lost." : ""}`}
            onSure={async () => { await ask("POST /agents/{id}/versions/{version}/restore", { path: { id: agent.id, version: before } }); onClose(); onRestore(); }} />
        </div>
      )}
    </Dialog>
  );
}
