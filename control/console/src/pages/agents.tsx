import { useMemo, useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import { forms, type Agent, type LoggedIn } from "../api.gen";
import { changed, detailsOf, Fields, type Schema, type Values } from "../form";
import { Rows } from "../resource";
import { go, Link } from "../router";
import { Badge, Button, Card, Dialog, Loaded, Page, Sure, Table, Trouble, useAct } from "../ui";
import { diff, when, whenShort } from "../words";
import { rules } from "./admin";

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

/** AgentPage is an agent's editor. The form is the API's schema, and what is wrong the API says. */
export function AgentPage({ id, who }: { id: string; who: LoggedIn }) {
  const asking = useAsk("GET /agents/{id}", { path: { id } });
  const schema = useAsk("GET /agents/schema");
  return (
    <Loaded asking={asking}>
      {(agent) => <Loaded asking={schema}>{(settings) => <AgentEditor key={agent.version} agent={agent} settings={settings as Schema} who={who} onChange={asking.again} />}</Loaded>}
    </Loaded>
  );
}

const first = ["name", "description", "enabled"];

function AgentEditor({ agent, settings, who, onChange }: { agent: Agent; settings: Schema; who: LoggedIn; onChange: () => void }) {
  const [value, setValue] = useState<Values>(agent as unknown as Values);
  const { busy, fault, act } = useAct();
  const schema = forms.AgentPatch as Schema;
  const details = detailsOf(fault);
  const body = useMemo(() => changed(schema, agent as unknown as Values, value), [schema, agent, value]);
  const dirty = Object.keys(body).length > 0;
  const save = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("PATCH /agents/{id}", { path: { id: agent.id }, body }); onChange(); });
  };
  const may = rules(who);
  const part = (name: string) => ({ value: (value[name] ?? {}) as Values, onChange: (next: Values) => setValue({ ...value, [name]: Object.keys(next).length ? next : undefined }) });
  const shared = { details, path: "", value, onChange: setValue };
  return (
    <Page title={agent.name} about={<>Version {agent.version} of {when(agent.updated_at)}{agent.is_default && " · answers what no other does"}</>}
      actions={
        <>
          {agent.enabled && <Link className="button plain" to={`/talk?agent=${agent.id}`}>Talk to it</Link>}
          {may && !agent.is_default && <Button disabled={busy} onClick={() => void act(async () => { await ask("POST /agents/{id}/default", { path: { id: agent.id } }); onChange(); })}>Make it the default</Button>}
        </>
      }>
      <form className="form" onSubmit={save}>
        <div className="wide-narrow">
          <fieldset disabled={!may} className="bare">
            <Card title="What it says">
              <div className="form"><Fields schema={schema} names={["system_prompt", "starting_message"]} {...shared} /></div>
            </Card>
            <Card title="How it behaves, and with what">
              <div className="form">
                <Fields schema={settings} path="settings" names={["manners", "providers", "languages", "recording"]} details={details} {...part("settings")} />
              </div>
            </Card>
            <Card title="Keys, tools, dialog, report" aside={<span className="quiet">as the API takes them</span>}>
              <div className="form">
                <Fields schema={{ ...schema, properties: { dtmf_rules: { type: "object", description: "What keys do before the agent is asked: docs/dtmf.md." } } }} names={["dtmf_rules"]} {...shared} />
                <Fields schema={settings} path="settings" names={["tools", "flow", "report"]} details={details} {...part("settings")} />
              </div>
            </Card>
          </fieldset>
          <div>
            <fieldset disabled={!may} className="bare">
              <Card title="Agent"><div className="form"><Fields schema={schema} names={first} {...shared} /></div></Card>
              <Card title="Voice"><div className="form"><Fields schema={schema.properties!.voice_settings} path="voice_settings" names={["voice", "language", "speed", "stability", "similarity_boost", "style", "use_speaker_boost"]} details={details} {...part("voice_settings")} /></div></Card>
            </fieldset>
            <Versions agent={agent} may={may} onRestore={onChange} />
          </div>
        </div>
        <Trouble fault={fault} />
        {may && (
          <div className="save-bar">
            <span className="quiet" role="status">{dirty ? "Not saved yet." : "All is saved."}</span>
            <Button disabled={!dirty || busy} onClick={() => setValue(agent as unknown as Values)}>Undo</Button>
            <button className="button main" disabled={!dirty || busy}>{busy ? "Saving…" : "Save as a new version"}</button>
          </div>
        )}
      </form>
      <p><button type="button" className="button bare" onClick={() => go("/agents")}>← All agents</button></p>
    </Page>
  );
}

/** text is what of an agent versions differ in, for people to read. */
function text(agent: Agent): string {
  const { name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, settings } = agent;
  return JSON.stringify({ name, description, enabled, system_prompt, starting_message, voice_settings, dtmf_rules, settings }, null, 2).replaceAll("\\n", "\n");
}

function Versions({ agent, may, onRestore }: { agent: Agent; may: boolean; onRestore: () => void }) {
  const asking = useAsk("GET /agents/{id}/versions", { path: { id: agent.id }, query: { limit: 50 } });
  const [shown, setShown] = useState<Agent>();
  return (
    <Card title="Versions" flush>
      <Loaded asking={asking}>
        {(versions) => (
          <Table name="Versions" empty="None." rows={(versions as Agent[]).map((version) => ({ ...version, id: String(version.version), whole: version }))}
            columns={[
              { head: "Version", cell: ({ version }) => version },
              { head: "Of", cell: ({ updated_at }) => whenShort(updated_at) },
              { head: "", cell: ({ version, whole }) => version === agent.version ? <span className="quiet">answers now</span> : <Button kind="bare" onClick={() => setShown(whole)}>Compare</Button> },
            ]}
          />
        )}
      </Loaded>
      {shown && (
        <Dialog title={`Version ${shown.version} → ${agent.version}`} onClose={() => setShown(undefined)}>
          <pre className="diff" tabIndex={0}>
            {diff(text(shown), text(agent)).map((line, i) => <span key={i} className={line.kind}>{{ same: "  ", gone: "− ", new: "+ " }[line.kind]}{line.text}</span>)}
          </pre>
          {may && (
            <div className="actions end">
              <Sure label="Restore" question={`Version ${shown.version} comes back, as a new version.`}
                onSure={async () => { await ask("POST /agents/{id}/versions/{version}/restore", { path: { id: agent.id, version: String(shown.version) } }); setShown(undefined); onRestore(); }} />
            </div>
          )}
        </Dialog>
      )}
    </Card>
  );
}
