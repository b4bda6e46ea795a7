// What is sent to the organisation's own servers: how it is signed, what was sent, and how that went.
import { useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import type { Delivery, DeliveryDetail, HookSettings, LoggedIn } from "../api.gen";
import { detailsOf } from "../form";
import { Link, usePlace } from "../router";
import { Badge, Button, Card, Dialog, Filter, Loaded, Narrowed, Page, pageSize, Pager, Secret, Sure, Table, Trouble, useAct } from "../ui";
import { milliseconds, plain, when, whenShort } from "../words";
import { rules } from "./admin";

/** Webhooks shows what was sent, and sends what failed again. */
export function Webhooks({ who }: { who: LoggedIn }) {
  const { query } = usePlace();
  const word = (name: string) => query.get(name) ?? "";
  const offset = Number(word("offset"));
  const asking = useAsk("GET /webhooks/deliveries", { query: { status: word("status"), event: word("event"), task_id: word("task"), call_id: word("call"), limit: pageSize, offset } }, 5000);
  const [shown, setShown] = useState("");
  return (
    <Page title="Webhooks" about="What was sent to the addresses that tasks and campaigns name.">
      {rules(who) && <Settings onTested={asking.again} />}
      <div className="filters">
        <Filter label="State" name="status" options={["pending", "delivered", "failed"]} />
        <Filter label="Event" name="event" options={["call_started", "call_completed", "call_failed", "test"]} />
        <Narrowed name="task" to="task" />
        <Narrowed name="call" to="call" />
      </div>
      <Card title="Deliveries" flush>
        <Loaded asking={asking}>
          {(rows: Delivery[]) => (
            <>
              <Table name="Deliveries" rows={rows} empty={<p>Nothing was sent yet.</p>}
                columns={[
                  { head: "Event", cell: (delivery) => <Button kind="bare" className="button bare link" onClick={() => setShown(delivery.id)}>{plain(delivery.event_type)}</Button> },
                  { head: "State", cell: (delivery) => <Badge word={delivery.status} /> },
                  { head: "To", cell: (delivery) => <span className="wrap">{delivery.url}</span>, wide: true },
                  { head: "Made", cell: (delivery) => whenShort(delivery.created_at) },
                  { head: "Tries", cell: (delivery) => delivery.attempt_count, number: true, wide: true },
                  { head: "Answer", cell: (delivery) => delivery.response_status ?? delivery.error ?? "–", wide: true },
                  { head: "", cell: (delivery) => (delivery.status === "pending" || !rules(who) ? null : <Replay id={delivery.id} onDone={asking.again} />) },
                ]}
              />
              <Pager total={asking.total} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
      {shown && <Shown id={shown} onClose={() => setShown("")} />}
    </Page>
  );
}

function Replay({ id, onDone }: { id: string; onDone: () => void }) {
  const { busy, fault, act } = useAct();
  return (
    <>
      <Button kind="bare" disabled={busy} onClick={() => void act(async () => { await ask("POST /webhooks/deliveries/{id}/replay", { path: { id } }); onDone(); })}>Send again</Button>
      {fault && <span role="alert" className="wrong">{fault.message}</span>}
    </>
  );
}

/** Shown is one delivery: each try, what was answered, and what was sent. */
function Shown({ id, onClose }: { id: string; onClose: () => void }) {
  const asking = useAsk("GET /webhooks/deliveries/{id}", { path: { id } }, 5000);
  return (
    <Dialog title="A delivery" onClose={onClose}>
      <Loaded asking={asking}>{(delivery) => <Detail delivery={delivery} />}</Loaded>
    </Dialog>
  );
}

function Detail({ delivery }: { delivery: DeliveryDetail }) {
  return (
    <>
      <dl className="facts">
        <div><dt>Event</dt><dd>{plain(delivery.event_type)} <Badge word={delivery.status} /></dd></div>
        <div><dt>To</dt><dd>{delivery.url}</dd></div>
        <div><dt>Made</dt><dd>{when(delivery.created_at)}</dd></div>
        {delivery.next_attempt_at && <div><dt>Tried again</dt><dd>{when(delivery.next_attempt_at)}</dd></div>}
        {delivery.call_id && <div><dt>Call</dt><dd><Link to={`/calls/${delivery.call_id}`}>open</Link></dd></div>}
        {delivery.task_id && <div><dt>Task</dt><dd><Link to={`/tasks/${delivery.task_id}`}>open</Link></dd></div>}
        {delivery.error && <div><dt>Error</dt><dd className="bad">{delivery.error}</dd></div>}
      </dl>
      <h3>Tries</h3>
      <Table name="Tries" rows={delivery.attempts.map((attempt) => ({ ...attempt, id: String(attempt.n) }))} empty={<p>It was not tried yet.</p>}
        columns={[
          { head: "At", cell: (attempt) => whenShort(attempt.at) },
          { head: "Answer", cell: (attempt) => <span className="wrap">{attempt.response_status ?? attempt.error ?? "–"}</span> },
          { head: "Took", cell: (attempt) => milliseconds(attempt.latency_ms), number: true },
          { head: "Said", cell: (attempt) => <span className="wrap">{attempt.response ?? "–"}</span>, wide: true },
        ]}
      />
      <h3>What is sent</h3>
      <pre className="diff" tabIndex={0} aria-label="What is sent"><span>{JSON.stringify(delivery.payload, null, 2)}</span></pre>
    </>
  );
}

/** Settings are how webhooks are signed and tried, and where a test goes. */
function Settings({ onTested }: { onTested: () => void }) {
  const settings = useAsk("GET /webhooks/settings", { query: { limit: 100 } });
  const [secret, setSecret] = useState("");
  return (
    <Card title="Signing" aside={<span className="quiet">{settings.data && (settings.data.secret_created_at ? `the secret is of ${when(settings.data.secret_created_at)}` : "there is no secret yet")}</span>}>
      {secret && <Secret about="Copy the secret now: it is shown this once. The former one is valid for a day." value={secret} />}
      <div className="filters">
        <Test onTested={onTested} />
        <Sure label="New secret" question="From now on it signs what is sent, and the former one signs too, for a day. It is shown once."
          onSure={async () => { setSecret((await ask("POST /webhooks/secret", { body: {} })).data.secret); settings.again(); }} />
      </div>
      <Trouble fault={settings.fault} />
      {settings.data && <Redelivery settings={settings.data} onSave={settings.again} />}
    </Card>
  );
}

function Test({ onTested }: { onTested: () => void }) {
  const [address, setAddress] = useState("");
  const [said, setSaid] = useState("");
  const { busy, fault, act } = useAct();
  const wrong = detailsOf(fault).url;
  const test = (event: FormEvent) => {
    event.preventDefault();
    setSaid("");
    void act(async () => {
      await ask("POST /webhooks/test", { body: { url: address } });
      setSaid("It is on its way: it stands below.");
      onTested();
    });
  };
  return (
    <form className="test" onSubmit={test}>
      <label htmlFor="test-url">Send a test to</label>
      <input id="test-url" type="url" required placeholder="https://example.com/hook" value={address} aria-invalid={wrong ? true : undefined} aria-describedby="test-said" onChange={({ target }) => setAddress(target.value)} />
      <button className="button" disabled={busy}>Send</button>
      <span id="test-said" role="status" className={fault ? "wrong" : "done"}>{wrong ?? fault?.message ?? said}</span>
    </form>
  );
}

function Redelivery({ settings, onSave }: { settings: HookSettings; onSave: () => void }) {
  const { busy, fault, act } = useAct();
  const put = (redelivery: boolean, enable: string[] = []) => act(async () => { await ask("PUT /webhooks/settings", { body: { redelivery, enable_endpoints: enable } }); onSave(); });
  return (
    <>
      <label className="check">
        <input type="checkbox" checked={settings.redelivery} disabled={busy} onChange={({ target }) => void put(target.checked)} />
        Try again what fails: ten tries over three days
      </label>
      {settings.disabled_endpoints.map((endpoint) => (
        <p key={endpoint.url} className="off">
          <span className="wrap">Nothing is sent to {endpoint.url} since {when(endpoint.disabled_at)}: {endpoint.reason}.</span>
          <Button kind="bare" disabled={busy} aria-label={`Send to ${endpoint.url} again`} onClick={() => void put(settings.redelivery, [endpoint.url])}>Send again</Button>
        </p>
      ))}
      <Trouble fault={fault} />
    </>
  );
}
