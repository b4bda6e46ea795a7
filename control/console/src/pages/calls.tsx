import { useMemo } from "react";
import { useAsk } from "../api";
import type { Call } from "../api.gen";
import { Link, usePlace } from "../router";
import { Badge, Card, Filter, Loaded, Narrowed, Page, pageSize, Pager, Table } from "../ui";
import { milliseconds, plain, span, whenShort } from "../words";

export type Names = Map<string, string>;

/** useAgents are the names of agents, by id. */
export function useAgents(): Names {
  const { data } = useAsk("GET /agents", { query: { limit: 100 } });
  return useMemo(() => new Map(data?.map((agent) => [agent.id, agent.name])), [data]);
}

const states = ["initiated", "in_progress", "completed", "failed"];

export function Calls() {
  const { query } = usePlace();
  const agents = useAgents();
  const [status, agent, task, offset] = [query.get("status") ?? "", query.get("agent") ?? "", query.get("task") ?? "", Number(query.get("offset") ?? 0)];
  const asking = useAsk("GET /calls", { query: { status, agent_id: agent, task_id: task, limit: pageSize, offset } }, 5000);
  return (
    <Page title="Calls" about={asking.data && `${asking.total} ${asking.total === 1 ? "call" : "calls"}`}>
      <div className="filters">
        <Filter label="State" name="status" options={states} />
        <Filter label="Agent" name="agent" options={[...agents].map(([value, name]) => ({ value, name }))} />
        <Narrowed name="task" to="task" />
      </div>
      <Card flush>
        <Loaded asking={asking}>
          {(calls) => (
            <>
              <CallTable calls={calls} agents={agents} />
              <Pager total={asking.total} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

export const other = (call: Pick<Call, "direction" | "from_number" | "to_number">): string =>
  (call.direction === "inbound" ? call.from_number : call.to_number) ?? "unknown";

export function CallTable({ calls, agents }: { calls: Call[]; agents: Names }) {
  return (
    <Table
      name="Calls"
      rows={calls}
      empty={<p>No calls yet. Place one in a terminal: <code>parley call</code></p>}
      columns={[
        {
          head: "With",
          cell: (call) => (
            <Link to={`/calls/${call.id}`}>
              <span aria-label={call.direction}>{call.direction === "inbound" ? "↙" : "↗"}</span> {other(call)}
            </Link>
          ),
        },
        { head: "State", cell: (call) => <Badge word={call.status} /> },
        { head: "Agent", cell: (call) => agents.get(call.agent_id ?? "") ?? "–", wide: true },
        { head: "Began", cell: (call) => whenShort(call.started_at) },
        { head: "Length", cell: (call) => span(call.duration_seconds), number: true },
        { head: "Turns", cell: (call) => call.turn_count, number: true, wide: true },
        { head: "Latency", cell: (call) => milliseconds(call.latency?.voice_to_voice_p50), number: true, wide: true },
        { head: "Ended by", cell: (call) => plain(call.cause ?? "–"), wide: true },
      ]}
    />
  );
}
