// A page for rows of one kind: a list, a form that makes one, a form that changes one, and what else can be done with it.
import { useState, type FormEvent, type ReactNode } from "react";
import { ask, useAsk, type Route } from "./api";
import { usePlace } from "./router";
import { Button, Card, Dialog, Loaded, Page, pageSize, Pager, Sure, Table, Trouble, useAct, type Column } from "./ui";
import { changed, detailsOf, Fields, type Choices, type Schema, type Values } from "./form";

export interface Kind<T extends { id: string }> {
  title: string; // Trunks
  noun: string; // trunk
  about?: ReactNode;
  list: Route;
  columns: Column<T>[];
  create?: { route: Route; schema: Schema; names: readonly string[]; verb?: string };
  update?: { route: Route; schema: Schema; names: readonly string[]; may?: (row: T) => boolean };
  remove?: { route: Route; verb: string; warn: string; may?: (row: T) => boolean };
  acts?: (row: T, done: () => void) => ReactNode;
  made?: (data: never) => ReactNode; // what is shown once after one was made
  may?: boolean; // whether the person may change anything here; left out: yes
  choices?: Choices;
  filters?: ReactNode;
  query?: Record<string, string>;
  every?: number; // milliseconds between two looks; 0: one is enough
  before?: ReactNode;
}

type Editing<T> = { row?: T };

export function Rows<T extends { id: string }>(all: Kind<T>) {
  const kind = all.may === false ? { ...all, create: undefined, update: undefined, remove: undefined, acts: undefined } : all;
  const { query } = usePlace();
  const offset = Number(query.get("offset") ?? 0);
  const asking = useAsk(kind.list, { query: { ...kind.query, limit: pageSize, offset } }, kind.every);
  const [editing, setEditing] = useState<Editing<T>>();
  const [made, setMade] = useState<ReactNode>();
  const verb = kind.create?.verb ?? "New";
  const actions: Column<T> = {
    head: "",
    cell: (row) => (
      <span className="actions">
        {kind.acts?.(row, asking.again)}
        {kind.update && (kind.update.may?.(row) ?? true) && <Button kind="bare" onClick={() => setEditing({ row })}>Edit</Button>}
        {kind.remove && (kind.remove.may?.(row) ?? true) && (
          <Sure label={kind.remove.verb} question={kind.remove.warn} onSure={async () => { await ask(kind.remove!.route, { path: { id: row.id } }); asking.again(); }} />
        )}
      </span>
    ),
  };
  const saved = (data: unknown) => {
    setEditing(undefined);
    if (!editing?.row && kind.made) setMade(kind.made(data as never));
    asking.again();
  };
  return (
    <Page title={kind.title} about={kind.about} actions={kind.create && <Button kind="main" onClick={() => setEditing({})}>{`${verb} ${kind.noun}`}</Button>}>
      {kind.before}
      {kind.filters && <div className="filters">{kind.filters}</div>}
      <Card flush>
        <Loaded asking={asking}>
          {(rows) => (
            <>
              <Table name={kind.title} columns={kind.acts || kind.update || kind.remove ? [...kind.columns, actions] : kind.columns} rows={rows as unknown as T[]}
                empty={<p>No {kind.title.toLowerCase()} yet.</p>} />
              <Pager total={asking.total} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
      {editing && <Editor kind={kind} row={editing.row} verb={verb} onSaved={saved} onClose={() => setEditing(undefined)} />}
      {made && (
        <Dialog title={`The ${kind.noun} is there`} onClose={() => setMade(undefined)}>
          {made}
          <div className="actions end"><Button kind="main" onClick={() => setMade(undefined)}>Done</Button></div>
        </Dialog>
      )}
    </Page>
  );
}

function Editor<T extends { id: string }>({ kind, row, verb, onSaved, onClose }: {
  kind: Kind<T>;
  row?: T;
  verb: string;
  onSaved: (data: unknown) => void;
  onClose: () => void;
}) {
  const how = row ? kind.update! : kind.create!;
  const [value, setValue] = useState<Values>(row ? { ...(row as unknown as Values) } : {});
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    const body = row ? changed(how.schema, row as unknown as Values, value) : value;
    void act(async () => onSaved((await ask(how.route, { path: row && { id: row.id }, body })).data));
  };
  return (
    <Dialog title={row ? `Edit ${kind.noun}` : `${verb} ${kind.noun}`} onClose={onClose}>
      <form className="form" onSubmit={save}>
        <Fields schema={how.schema} names={how.names} value={value} onChange={setValue} details={detailsOf(fault)} choices={kind.choices} />
        <Trouble fault={fault} />
        <div className="actions end">
          <Button onClick={onClose}>Cancel</Button>
          <button className="button main" disabled={busy}>{busy ? "Saving…" : row ? "Save" : verb === "New" ? "Create" : verb}</button>
        </div>
      </form>
    </Dialog>
  );
}
