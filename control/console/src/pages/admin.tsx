// What belongs to the organisation: keys, people, and its ways to carriers and vendors.
import { useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import { forms, type APIKey, type Barred, type Credential, type Delivery, type Invited, type LoggedIn, type NewAPIKey, type Number as PhoneNumber, type Trunk, type User } from "../api.gen";
import { Rows } from "../resource";
import { Badge, Button, Card, Loaded, Page, Secret, Sure, Trouble, useAct, pageSize, Pager, Table } from "../ui";
import { detailsOf, Fields, type Values } from "../form";
import { setQuery, usePlace } from "../router";
import { plain, when, whenShort } from "../words";
import { useAgents } from "./calls";

export const rules = (who: LoggedIn) => who.user.role !== "member";

export function Keys() {
  return (
    <Rows<APIKey>
      title="API keys" noun="key" about="What programs come in with. A key may never do more than whoever made it."
      list="GET /api-keys"
      columns={[
        { head: "Name", cell: (key) => key.name },
        { head: "Begins with", cell: (key) => <code>{key.prefix}…</code> },
        { head: "State", cell: (key) => <Badge word={key.status} /> },
        { head: "May", cell: (key) => <span className="wrap">{key.scopes.join(", ")}</span>, wide: true },
        { head: "Last used", cell: (key) => whenShort(key.last_used_at), wide: true },
        { head: "Expires", cell: (key) => whenShort(key.expires_at), wide: true },
      ]}
      create={{ route: "POST /api-keys", schema: forms.APIKeyCreate, names: ["name", "expires_at", "scopes"] }}
      made={(key: NewAPIKey) => <Secret about="Copy the key now: it is shown this once." value={key.key} />}
      remove={{ route: "DELETE /api-keys/{id}", verb: "Revoke", warn: "Programs that use this key are refused at once. It cannot be brought back.", may: (key) => key.status === "active" }}
    />
  );
}

export function Users({ who }: { who: LoggedIn }) {
  return (
    <Rows<User>
      title="Users" noun="user" about={`The people of ${who.organization.name}.`}
      list="GET /users"
      columns={[
        { head: "Name", cell: (user) => user.name ?? "–" },
        { head: "Email", cell: (user) => user.email },
        { head: "Role", cell: (user) => plain(user.role) },
        { head: "Since", cell: (user) => whenShort(user.created_at), wide: true },
      ]}
      create={rules(who) ? { route: "POST /users/invite", schema: forms.UserInvite, names: ["email", "role"], verb: "Invite" } : undefined}
      made={(invite: Invited) => <><p>{invite.message}</p><Secret about={`For ${invite.email}, until ${when(invite.expires_at)}:`} value={invite.invite_url} /></>}
      update={rules(who) ? { route: "PATCH /users/{id}", schema: forms.UserPatch, names: ["role"] } : undefined}
      remove={{ route: "DELETE /users/{id}", verb: "Remove", warn: "They can no longer sign in here, and the keys that they made are revoked.", may: (user) => rules(who) || user.id === who.user.id }}
    />
  );
}

export function Trunks({ who }: { who: LoggedIn }) {
  return (
    <Rows<Trunk>
      title="Trunks" noun="trunk" may={rules(who)} about="Ways to carriers by SIP."
      list="GET /trunks"
      columns={[
        { head: "Name", cell: (trunk) => trunk.name },
        { head: "Host", cell: (trunk) => <code>{trunk.host}{trunk.port ? `:${trunk.port}` : ""}</code> },
        { head: "Transport", cell: (trunk) => trunk.transport.toUpperCase(), wide: true },
        { head: "Registers", cell: (trunk) => (trunk.register ? "yes" : "no"), wide: true },
        { head: "Places calls", cell: (trunk) => (trunk.outbound ? "yes" : "no"), wide: true },
      ]}
      create={{ route: "POST /trunks", schema: forms.TrunkCreate, names: trunkFields }}
      update={{ route: "PATCH /trunks/{id}", schema: forms.TrunkPatch, names: trunkFields }}
      remove={{ route: "DELETE /trunks/{id}", verb: "Delete", warn: "No call comes or goes by it any more." }}
    />
  );
}

export function DoNotCall({ who }: { who: LoggedIn }) {
  return (
    <Rows<Barred>
      title="Do not call" noun="number" may={rules(who)} about="Numbers that no task and no campaign may call."
      list="GET /do-not-call"
      columns={[
        { head: "Number", cell: (barred) => <span className="number">{barred.phone_number}</span> },
        { head: "Reason", cell: (barred) => barred.reason ?? "–" },
        { head: "Since", cell: (barred) => whenShort(barred.created_at) },
      ]}
      create={{ route: "POST /do-not-call", schema: forms.BarBody, names: ["phone_number", "reason"], verb: "Bar" }}
      remove={{ route: "DELETE /do-not-call/{id}", verb: "Remove", warn: "It may be called again." }}
    />
  );
}

const trunkFields = ["name", "host", "port", "transport", "username", "password", "realm", "register", "outbound", "caller_id", "allowed_networks", "codecs"] as const;

export function Numbers({ who }: { who: LoggedIn }) {
  const agents = useAgents();
  const trunks = useAsk("GET /trunks", { query: { limit: 100 } });
  const accounts = useAsk("GET /credentials", { query: { vendor: "twilio", limit: 100 } });
  const named = (rows?: { id: string; name: string }[]) => (rows ?? []).map((row) => ({ value: row.id, name: row.name }));
  return (
    <Rows<PhoneNumber>
      title="Numbers" noun="number" may={rules(who)} about="Which agent answers which number."
      list="GET /numbers"
      columns={[
        { head: "Number", cell: (number) => <span className="number">{number.phone_number}</span> },
        { head: "Label", cell: (number) => number.label ?? "–" },
        { head: "Agent", cell: (number) => (number.agent_id ? (agents.get(number.agent_id) ?? "–") : "the default") },
        { head: "By", cell: (number) => trunks.data?.find((trunk) => trunk.id === number.trunk_id)?.name ?? accounts.data?.find((account) => account.id === number.credential_id)?.name ?? "the server's account", wide: true },
      ]}
      create={{ route: "POST /numbers", schema: forms.NumberCreate, names: ["phone_number", "label", "agent_id", "trunk_id", "credential_id"] }}
      update={{ route: "PATCH /numbers/{id}", schema: forms.NumberPatch, names: ["label", "agent_id", "trunk_id", "credential_id"] }}
      remove={{ route: "DELETE /numbers/{id}", verb: "Delete", warn: "Calls to it are answered as the server's other numbers are." }}
      choices={{ agent_id: [...agents].map(([value, name]) => ({ value, name })), trunk_id: named(trunks.data), credential_id: named(accounts.data) }}
    />
  );
}

export function CredentialsPage({ who }: { who: LoggedIn }) {
  return (
    <Rows<Credential>
      title="Credentials" noun="credential" may={rules(who)} about="Accounts at carriers and vendors. Secrets are sealed, and never shown."
      list="GET /credentials"
      columns={[
        { head: "Name", cell: (credential) => credential.name },
        { head: "Vendor", cell: (credential) => credential.vendor },
        { head: "Secret", cell: (credential) => <code>{credential.secret_hint ?? "–"}</code>, wide: true },
        { head: "Default", cell: (credential) => (credential.default ? "yes" : "no"), wide: true },
        { head: "Tried", cell: (credential) => <><Badge word={credential.verdict} /> <span className="quiet">{credential.verified_at ? whenShort(credential.verified_at) : ""}</span></> },
      ]}
      create={{ route: "POST /credentials", schema: forms.CredentialCreate, names: ["vendor", "name", "secret", "account_id", "base_url", "default"] }}
      update={{ route: "PATCH /credentials/{id}", schema: forms.CredentialPatch, names: ["name", "secret", "account_id", "base_url", "default"] }}
      remove={{ route: "DELETE /credentials/{id}", verb: "Delete", warn: "What used it goes by the server's own account, if there is one." }}
      acts={(credential, done) => <Try id={credential.id} onDone={done} />}
    />
  );
}

function Try({ id, onDone }: { id: string; onDone: () => void }) {
  const { busy, fault, act } = useAct();
  return (
    <Button kind="bare" disabled={busy} title={fault?.message} onClick={() => void act(async () => { await ask("POST /credentials/{id}/verify", { path: { id } }); onDone(); })}>
      {busy ? "Trying…" : fault ? "Try again" : "Try"}
    </Button>
  );
}

/** Organisation is its name, how it may dial, and one's own password and sessions. */
export function Organisation({ who, onRename }: { who: LoggedIn; onRename: () => void }) {
  const [value, setValue] = useState<Values>({ name: who.organization.name });
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("PATCH /organizations/{id}", { path: { id: who.organization.id }, body: value }); onRename(); });
  };
  return (
    <Page title="Organisation" about={`You are ${who.user.email}, ${who.user.role}.`}>
      {rules(who) && (
        <Card title="Name">
          <form className="form" onSubmit={save}>
            <Fields schema={forms.OrganizationNamed} value={value} onChange={setValue} details={detailsOf(fault)} />
            <Trouble fault={fault} />
            <div className="actions"><button className="button" disabled={busy}>Rename</button></div>
          </form>
        </Card>
      )}
      <Limits may={rules(who)} />
      <Organisations />
      <Password />
      <Sessions />
    </Page>
  );
}

/** Organisations are those that one is in: a session works in one at a time. */
function Organisations() {
  const asking = useAsk("GET /organizations", { query: { limit: 100 } });
  const { fault, busy, act } = useAct();
  if (asking.total < 2) return null;
  const work = (id: string) => act(async () => { await ask("POST /auth/switch", { body: { organization_id: id } }); location.assign("/console/"); });
  return (
    <Card title="Your organisations" flush>
      <Trouble fault={fault} />
      <Loaded asking={asking}>
        {(all) => (
          <Table name="Organisations" rows={all} empty="None."
            columns={[
              { head: "Name", cell: (one) => one.name },
              { head: "Role", cell: (one) => plain(one.role) },
              { head: "", cell: (one) => (one.current ? <span className="quiet">this one</span> : <Button kind="bare" disabled={busy} onClick={() => void work(one.id)}>Work here</Button>) },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Limits({ may }: { may: boolean }) {
  const asking = useAsk("GET /dialing");
  return (
    <Card title="Limits of dialling" aside={<span className="quiet">what is left out is the server's own</span>}>
      <Loaded asking={asking}>{(dialing) => <LimitsForm may={may} effective={dialing.effective as Values} rules={dialing.rules as Values} />}</Loaded>
    </Card>
  );
}

function LimitsForm({ may, rules: own, effective }: { may: boolean; rules: Values; effective: Values }) {
  const [value, setValue] = useState<Values>(own);
  const [saved, setSaved] = useState(false);
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    setSaved(false);
    void act(async () => { await ask("PUT /dialing", { body: value }); setSaved(true); });
  };
  if (!may) return <pre className="diff">{JSON.stringify(effective, null, 2)}</pre>;
  return (
    <form className="form" onSubmit={save}>
      <Fields schema={forms.RulesBody} names={["max_calls", "calls_per_second", "ring_seconds", "zone", "allow", "deny", "retry", "windows"]} value={value} onChange={setValue} details={detailsOf(fault)} />
      <Trouble fault={fault} />
      <div className="actions">
        <button className="button" disabled={busy}>Save the limits</button>
        {saved && <span role="status" className="done">Saved.</span>}
      </div>
    </form>
  );
}

function Password() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [said, setSaid] = useState("");
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => {
      setSaid((await ask("POST /auth/password", { body: { current_password: current, new_password: next } })).data.message);
      setCurrent("");
      setNext("");
    });
  };
  return (
    <Card title="Your password">
      <form className="form" onSubmit={save}>
        <div className="columns">
          <label>Current password<input type="password" autoComplete="current-password" required value={current} onChange={({ target }) => setCurrent(target.value)} /></label>
          <label>New password<input type="password" autoComplete="new-password" required minLength={12} value={next} onChange={({ target }) => setNext(target.value)} /></label>
        </div>
        <Trouble fault={fault} />
        <div className="actions"><button className="button" disabled={busy}>Change it</button>{said && <span role="status" className="done">{said}</span>}</div>
      </form>
    </Card>
  );
}

function Sessions() {
  const asking = useAsk("GET /auth/sessions", { query: { limit: 50 } });
  return (
    <Card title="Your sessions" flush>
      <Loaded asking={asking}>
        {(sessions) => (
          <Table name="Sessions" rows={sessions} empty="None."
            columns={[
              { head: "From", cell: (session) => session.address },
              { head: "Last used", cell: (session) => whenShort(session.last_used_at) },
              { head: "Program", cell: (session) => <span className="wrap">{session.client ?? "–"}</span>, wide: true },
              {
                head: "",
                cell: (session) => session.current ? <span className="quiet">this one</span> : (
                  <Sure label="End" question="Whoever works with it has to sign in again." onSure={async () => { await ask("DELETE /auth/sessions/{id}", { path: { id: session.id } }); asking.again(); }} />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

/** Webhooks shows what was sent, and sends what failed again. */
export function Webhooks({ who }: { who: LoggedIn }) {
  const { query } = usePlace();
  const [status, offset] = [query.get("status") ?? "", Number(query.get("offset") ?? 0)];
  const asking = useAsk("GET /webhooks/deliveries", { query: { status, limit: pageSize, offset } }, 5000);
  return (
    <Page title="Webhooks" about="What was sent to the addresses that tasks and campaigns name.">
      {rules(who) && <Signing />}
      <div className="filters">
        <label>
          State
          <select value={status} onChange={({ target }) => setQuery({ status: target.value, offset: "" })}>
            {["", "pending", "delivered", "failed"].map((state) => <option key={state} value={state}>{state || "any"}</option>)}
          </select>
        </label>
      </div>
      <Card title="Deliveries" flush>
        <Loaded asking={asking}>
          {(rows: Delivery[]) => (
            <>
              <Table name="Deliveries" rows={rows} empty={<p>Nothing was sent yet.</p>}
                columns={[
                  { head: "Event", cell: (delivery) => plain(delivery.event_type) },
                  { head: "State", cell: (delivery) => <Badge word={delivery.status} /> },
                  { head: "To", cell: (delivery) => delivery.url, wide: true },
                  { head: "Made", cell: (delivery) => whenShort(delivery.created_at) },
                  { head: "Tries", cell: (delivery) => delivery.attempt_count, number: true, wide: true },
                  { head: "Answer", cell: (delivery) => delivery.response_status ?? delivery.error ?? "–", wide: true },
                  { head: "", cell: (delivery) => delivery.status === "pending" || !rules(who) ? null : <Replay id={delivery.id} onDone={asking.again} /> },
                ]}
              />
              <Pager total={asking.total} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function Replay({ id, onDone }: { id: string; onDone: () => void }) {
  const { busy, fault, act } = useAct();
  return (
    <>
      <Button kind="bare" disabled={busy} onClick={() => void act(async () => { await ask("POST /webhooks/deliveries/{id}/replay", { path: { id } }); onDone(); })}>Send again</Button>
      {fault && <span className="wrong">{fault.message}</span>}
    </>
  );
}

function Signing() {
  const settings = useAsk("GET /webhooks/settings");
  const [secret, setSecret] = useState("");
  const [address, setAddress] = useState("");
  const { busy, fault, act } = useAct();
  const test = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("POST /webhooks/test", { body: { url: address } }); setAddress(""); });
  };
  return (
    <Card title="Signing" aside={<span className="quiet">{settings.data && (settings.data.secret_created_at ? `the secret is of ${when(settings.data.secret_created_at)}` : "there is no secret yet")}</span>}>
      {secret && <Secret about="Copy the secret now: it is shown this once. The former one is valid for a while." value={secret} />}
      <form className="filters" onSubmit={test}>
        <label>Send a test to<input type="url" required placeholder="https://example.com/hook" value={address} onChange={({ target }) => setAddress(target.value)} /></label>
        <button className="button" disabled={busy}>Send</button>
        <Button disabled={busy} onClick={() => void act(async () => { setSecret((await ask("POST /webhooks/secret", { body: {} })).data.secret); settings.again(); })}>New secret</Button>
      </form>
      <Trouble fault={fault ?? settings.fault} />
    </Card>
  );
}
