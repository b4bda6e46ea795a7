import { useState, type ChangeEvent, type ReactNode } from "react";
import { ask, url, useAsk } from "../api";
import { forms, type Campaign, type Task, type TaskDetail, type Uploaded } from "../api.gen";
import { Rows } from "../resource";
import { Link, usePlace } from "../router";
import { Badge, Button, Card, Filter, Loaded, Page, pageSize, Pager, Sure, Table, Trouble, useAct, type Column } from "../ui";
import { plain, when, whenShort } from "../words";
import { CallTable, useAgents } from "./calls";

const states = ["pending", "in_progress", "completed", "failed"];
const fields = ["name", "to_number", "agent_id", "scheduled_at", "priority", "description", "starting_message", "context_data", "webhook_url", "webhook_events"] as const;

const taskColumns: Column<Task>[] = [
  { head: "Name", cell: (task) => <Link to={`/tasks/${task.id}`}>{task.name}</Link> },
  { head: "To", cell: (task) => <span className="number">{task.to_number}</span> },
  { head: "State", cell: (task) => <Badge word={task.status} /> },
  { head: "Outcome", cell: (task) => plain(task.outcome ?? task.error ?? "–"), wide: true },
  { head: "Due", cell: (task) => whenShort(task.next_attempt_at ?? task.scheduled_at), wide: true },
  { head: "Tries", cell: (task) => task.attempts, number: true, wide: true },
];

/** Tasks are calls that are planned. Who deletes one that waits cancels it. */
export function Tasks() {
  const { query } = usePlace();
  const agents = useAgents();
  return (
    <Rows<Task>
      title="Tasks" noun="task" about="Calls that are planned. One with a time is placed by itself."
      list="GET /tasks" query={{ status: query.get("status") ?? "", agent_id: query.get("agent") ?? "" }} every={5000}
      columns={taskColumns}
      create={{ route: "POST /tasks", schema: forms.TaskCreate, names: fields }}
      update={{ route: "PATCH /tasks/{id}", schema: forms.TaskPatch, names: fields.filter((name) => name !== "agent_id"), may: (task) => task.status === "pending" }}
      remove={{ route: "DELETE /tasks/{id}", verb: "Delete", warn: "A task that waits is never called.", may: (task) => task.status !== "in_progress" }}
      acts={(task, done) => <TaskAct task={task} onDone={done} />}
      choices={{ agent_id: [...agents].map(([value, name]) => ({ value, name })) }}
      filters={
        <>
          <Filter label="State" name="status" options={states} />
          <Filter label="Agent" name="agent" options={[...agents].map(([value, name]) => ({ value, name }))} />
        </>
      }
    />
  );
}

/** TaskPage is one planned call: what it says, whom it calls, and what came of it. */
export function TaskPage({ id }: { id: string }) {
  const asking = useAsk("GET /tasks/{id}", { path: { id } }, 5000);
  const calls = useAsk("GET /calls", { query: { task_id: id, limit: pageSize } }, 5000);
  const sent = useAsk("GET /webhooks/deliveries", { query: { task_id: id, limit: 1 } });
  const agents = useAgents();
  return (
    <Loaded asking={asking}>
      {(task) => (
        <Page title={task.name} about={<>{task.to_number} · <Badge word={task.status} /> {task.outcome && plain(task.outcome)}</>} actions={<TaskAct task={task} onDone={() => { asking.again(); calls.again(); }} />}>
          <div className="wide-narrow">
            <Card title="Its calls" aside={calls.total > pageSize && <Link to={`/calls?task=${id}`}>All {calls.total}</Link>} flush>
              <Loaded asking={calls}>{(rows) => (rows.length ? <CallTable calls={rows} agents={agents} /> : <div className="empty">It was not called yet.</div>)}</Loaded>
            </Card>
            <TaskFacts task={task} agent={agents.get(task.agent_id)} sent={sent.data ? sent.total : undefined} />
          </div>
        </Page>
      )}
    </Loaded>
  );
}

function TaskFacts({ task, agent, sent }: { task: TaskDetail; agent?: string; sent?: number }) {
  const facts: [string, ReactNode][] = [
    ["Agent", <Link to={`/agents/${task.agent_id}`}>{agent ?? "open"}</Link>],
    ["Due", when(task.next_attempt_at ?? task.scheduled_at)],
    ["Priority", task.priority],
    ["Tries", task.attempts],
    ["Made", when(task.created_at)],
  ];
  if (task.campaign_id) facts.push(["Campaign", <Link to={`/campaigns/${task.campaign_id}`}>open</Link>]);
  if (task.error) facts.push(["Error", <span className="bad">{task.error}</span>]);
  if (task.webhook_url) facts.push(["Webhook", task.webhook_url], ["Sent", <Link to={`/webhooks?task=${task.id}`}>{sent ?? "–"}</Link>]);
  return (
    <div>
      <Card title="Facts">
        <dl className="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
        {task.description && <p>{task.description}</p>}
      </Card>
      {task.starting_message && <Card title="It says first"><p>{task.starting_message}</p></Card>}
      {task.context_data && <Card title="What it knows"><pre className="diff" tabIndex={0} aria-label="What it knows"><span>{JSON.stringify(task.context_data, null, 2)}</span></pre></Card>}
    </div>
  );
}

function TaskAct({ task, onDone }: { task: Pick<Task, "id" | "status">; onDone: () => void }) {
  const { busy, fault, act } = useAct();
  const [route, name] =
    task.status === "pending" ? (["POST /tasks/{id}/execute", "Call now"] as const) : task.status === "failed" ? (["POST /tasks/{id}/reset", "Try again"] as const) : [];
  if (!route) return null;
  return (
    <>
      {fault && <span className="wrong">{fault.message}</span>}
      <Button kind="bare" disabled={busy} onClick={() => void act(async () => { await ask(route, { path: { id: task.id } }); onDone(); })}>{name}</Button>
    </>
  );
}

export function Campaigns() {
  const agents = useAgents();
  const names = ["name", "agent_id", "description", "scheduled_at", "max_calls", "calls_per_second", "priority", "starting_message", "breaker", "webhook_url", "webhook_events"] as const;
  return (
    <Rows<Campaign>
      title="Campaigns" noun="campaign" about="Files of numbers, which an agent calls one after the other."
      list="GET /campaigns" query={{ status: usePlace().query.get("status") ?? "" }} every={5000}
      filters={<Filter label="State" name="status" options={["draft", "running", "paused", "completed", "cancelled"]} />}
      columns={[
        { head: "Name", cell: (campaign) => <Link to={`/campaigns/${campaign.id}`}>{campaign.name}</Link> },
        { head: "State", cell: (campaign) => <Badge word={campaign.status} /> },
        { head: "Agent", cell: (campaign) => agents.get(campaign.agent_id) ?? "–", wide: true },
        { head: "Began", cell: (campaign) => whenShort(campaign.started_at ?? campaign.scheduled_at), wide: true },
        { head: "Ended", cell: (campaign) => whenShort(campaign.ended_at), wide: true },
      ]}
      create={{ route: "POST /campaigns", schema: forms.Body, names }}
      update={{
        route: "PATCH /campaigns/{id}", schema: forms.Patch, names: ["name", "description", "scheduled_at", "max_calls", "calls_per_second", "breaker"],
        may: (campaign) => campaign.status === "draft" || campaign.status === "running" || campaign.status === "paused",
      }}
      choices={{ agent_id: [...agents].map(([value, name]) => ({ value, name })) }}
    />
  );
}

/** CampaignPage shows how far a campaign is, takes its contacts, and starts and stops it. */
export function CampaignPage({ id }: { id: string }) {
  const { query } = usePlace();
  const offset = Number(query.get("offset") ?? 0);
  const campaign = useAsk("GET /campaigns/{id}", { path: { id } }, 5000);
  const progress = useAsk("GET /campaigns/{id}/progress", { path: { id } }, 5000);
  const tasks = useAsk("GET /campaigns/{id}/tasks", { path: { id }, query: { limit: pageSize, offset } }, 5000);
  const again = () => [campaign, progress, tasks].forEach((asking) => asking.again());
  return (
    <Loaded asking={campaign}>
      {(one) => (
        <Page title={one.name} about={<><Badge word={one.status} /> {one.description} {one.reason && `· ${plain(one.reason)}`}</>} actions={<CampaignActs campaign={one} onDone={again} />}>
          <Loaded asking={progress}>
            {({ tasks: tally, percent_done, estimated_end_at, outcomes }) => (
              <dl className="figures">
                <div><dt>Done</dt><dd className="value">{Math.round(percent_done)} %</dd><dd><progress max={100} value={percent_done} aria-label="Done" /></dd></div>
                <div><dt>Contacts</dt><dd className="value">{tally.total}</dd><dd className="quiet">{tally.pending} waiting, {tally.in_progress} in a call</dd></div>
                <div><dt>Completed</dt><dd className="value">{tally.completed}</dd><dd className="quiet">{tally.failed} failed</dd></div>
                <div><dt>Ends about</dt><dd className="value small">{estimated_end_at ? whenShort(estimated_end_at) : "–"}</dd><dd className="quiet">{Object.entries(outcomes).map(([name, n]) => `${plain(name)} ${String(n)}`).join(", ")}</dd></div>
              </dl>
            )}
          </Loaded>
          {one.status === "draft" && <Contacts id={id} onDone={again} />}
          <Card title="Contacts" aside={<a href={url("GET /campaigns/{id}/results", { path: { id } })} download>Results as CSV</a>} flush>
            <Loaded asking={tasks}>
              {(rows) => (
                <>
                  <Table name="Contacts" columns={taskColumns} rows={rows} empty={<p>No contacts yet.</p>} />
                  <Pager total={tasks.total} offset={offset} />
                </>
              )}
            </Loaded>
          </Card>
          <p className="quiet">Made {when(one.created_at)}; {one.max_calls ? `at most ${one.max_calls} calls at once` : "as many calls at once as the organisation may have"}{one.calls_per_second ? `, ${one.calls_per_second} a second` : ""}.</p>
        </Page>
      )}
    </Loaded>
  );
}

function CampaignActs({ campaign, onDone }: { campaign: Campaign; onDone: () => void }) {
  const { busy, fault, act } = useAct();
  const steps = { draft: ["start", "Start"], running: ["pause", "Pause"], paused: ["resume", "Resume"], completed: undefined, cancelled: undefined } as const;
  const step = steps[campaign.status];
  const go = (name: "start" | "pause" | "resume" | "cancel") => ask(`POST /campaigns/{id}/${name}`, { path: { id: campaign.id } }).then(onDone);
  return (
    <>
      <Trouble fault={fault} />
      {step && <Button kind="main" disabled={busy} onClick={() => void act(() => go(step[0]))}>{step[1]}</Button>}
      {step && <Sure label="Cancel" question="Nobody who waits is called any more. This cannot be taken back." onSure={() => go("cancel")} />}
    </>
  );
}

function Contacts({ id, onDone }: { id: string; onDone: () => void }) {
  const [said, setSaid] = useState<Uploaded>();
  const { busy, fault, act } = useAct();
  const send = ({ target }: ChangeEvent<HTMLInputElement>) => {
    const file = target.files?.[0];
    if (!file) return;
    void act(async () => {
      setSaid((await ask("POST /campaigns/{id}/contacts", { path: { id }, body: file })).data);
      target.value = "";
      onDone();
    });
  };
  return (
    <Card title="Add contacts">
      <label>
        A CSV file with a column of phone numbers
        <input type="file" accept=".csv,text/csv" disabled={busy} onChange={send} />
      </label>
      <Trouble fault={fault} />
      {said && (
        <div role="status">
          <p className="done">{said.added} of {said.rows} added; {said.duplicates} were there, {said.invalid} are no numbers, {said.denied} may not be called.</p>
          <ul>{said.problems.slice(0, 10).map((problem) => <li key={`${problem.line}${problem.field}`}>Line {problem.line}, {problem.field}: {problem.message}</li>)}</ul>
        </div>
      )}
    </Card>
  );
}
