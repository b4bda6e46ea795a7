// What belongs to the organisation: keys, people, and its ways to carriers and vendors.
import { useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import { forms, scopes, type APIKey, type Barred, type Credential, type Invited, type LoggedIn, type NewAPIKey, type Number as PhoneNumber, type Trunk, type User } from "../api.gen";
import { Rows } from "../resource";
import { Badge, Button, Card, Dialog, Filter, Loaded, Page, Secret, Sure, Trouble, useAct, Table } from "../ui";
import { detailsOf, Fields, type Schema, type Values } from "../form";
import { usePlace } from "../router";
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
      create={{ route: "POST /api-keys", schema: keyForm, names: ["name", "expires_at", "scopes"] }}
      made={(key: NewAPIKey) => <Secret about="Copy the key now: it is shown this once." value={key.key} />}
      remove={{ route: "DELETE /api-keys/{id}", verb: "Revoke", warn: "Programs that use this key are refused at once. It cannot be brought back.", may: (key) => key.status === "active" }}
      acts={(key, done) => key.status === "active" && <Renew id={key.id} onDone={done} />}
    />
  );
}

// The scopes that there are, to choose from.
const keyForm: Schema = { ...forms.APIKeyCreate, properties: { ...forms.APIKeyCreate.properties, scopes: { ...forms.APIKeyCreate.properties.scopes, items: { type: "string", enum: scopes } } } };

/** Renew gives a key another secret; the one before opens nothing from then on. */
function Renew({ id, onDone }: { id: string; onDone: () => void }) {
  const [made, setMade] = useState<NewAPIKey>();
  return (
    <>
      <Sure label="New secret" question="The secret before opens nothing from then on: whoever uses it needs the new one."
        onSure={async () => setMade((await ask("POST /api-keys/{id}/regenerate", { path: { id } })).data)} />
      {made && (
        <Dialog title={`The new secret of ${made.name}`} onClose={() => { setMade(undefined); onDone(); }}>
          <Secret about="Copy the key now: it is shown this once." value={made.key} />
        </Dialog>
      )}
    </>
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
        { head: "State", cell: (trunk) => <span title={trunk.error ?? undefined}><Badge word={standing(trunk)} />{trunk.error && <span className="hidden">, {trunk.error}</span>}</span> },
        { head: "Places calls", cell: (trunk) => (trunk.outbound ? "yes" : "no"), wide: true },
      ]}
      create={{ route: "POST /trunks", schema: forms.TrunkCreate, names: trunkFields }}
      update={{ route: "PATCH /trunks/{id}", schema: forms.TrunkPatch, names: trunkFields }}
      remove={{ route: "DELETE /trunks/{id}", verb: "Delete", warn: "No call comes or goes by it any more." }}
    />
  );
}

/** standing is how a trunk does. */
const standing = (trunk: Trunk): string | undefined =>
  trunk.register && trunk.registered !== null ? (trunk.registered ? "registered" : "not_registered") : trunk.up === null ? undefined : trunk.up ? "up" : "down";

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
      create={{ route: "POST /numbers", schema: forms.NumberCreate, names: ["phone_number", "label", "agent_id", "trunk_id", "credential_id", "pre_answer"] }}
      update={{ route: "PATCH /numbers/{id}", schema: forms.NumberPatch, names: ["label", "agent_id", "trunk_id", "credential_id", "pre_answer"] }}
      remove={{ route: "DELETE /numbers/{id}", verb: "Delete", warn: "Calls to it are answered as the server's other numbers are." }}
      choices={{ agent_id: [...agents].map(([value, name]) => ({ value, name })), trunk_id: named(trunks.data), credential_id: named(accounts.data) }}
    />
  );
}

export function CredentialsPage({ who }: { who: LoggedIn }) {
  return (
    <Rows<Credential>
      title="Credentials" noun="credential" may={rules(who)} about="Accounts at carriers and vendors. Secrets are sealed, and never shown."
      list="GET /credentials" query={{ vendor: usePlace().query.get("vendor") ?? "" }}
      filters={<Filter label="Vendor" name="vendor" options={[...forms.CredentialCreate.properties.vendor.enum]} />}
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

/** Organisation is its name, what its agents may remember, who is asked about calls that come in, how it may dial, and one's own password and sessions. */
export function Organisation({ who, onRename }: { who: LoggedIn; onRename: () => void }) {
  const [value, setValue] = useState<Values>({ name: who.organization.name, memory: who.organization.memory, pre_answer: who.organization.pre_answer ?? undefined });
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("PATCH /organizations/{id}", { path: { id: who.organization.id }, body: { ...value, pre_answer: value.pre_answer ?? null } }); onRename(); });
  };
  return (
    <Page title="Organisation" about={`You are ${who.user.email}, ${who.user.role}.`}>
      {rules(who) && (
        <Card title="Name, memory and calls that come in">
          <form className="form" onSubmit={save}>
            <Fields schema={forms.OrganizationPatch} names={["name", "memory", "pre_answer"]} value={value} onChange={setValue} details={detailsOf(fault)} />
            <Trouble fault={fault} />
            <div className="actions"><button className="button" disabled={busy}>Save organisation</button></div>
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
  const [making, setMaking] = useState(false);
  const { fault, busy, act } = useAct();
  const work = (id: string) => act(async () => { await ask("POST /auth/switch", { body: { organization_id: id } }); location.assign("/console/"); });
  return (
    <Card title="Your organisations" aside={<Button kind="bare" className="button bare small" onClick={() => setMaking(true)}>New organisation</Button>} flush>
      <Trouble fault={fault} />
      <Loaded asking={asking}>
        {(all) => (
          <Table name="Organisations" rows={all} empty="None."
            columns={[
              { head: "Name", cell: (one) => one.name },
              { head: "Role", cell: (one) => plain(one.role) },
              { head: "", cell: (one) => (one.current ? <span className="quiet">this one</span> : <Button kind="bare" disabled={busy} aria-label={`Work in ${one.name}`} onClick={() => void work(one.id)}>Work here</Button>) },
            ]}
          />
        )}
      </Loaded>
      {making && <NewOrganisation onClose={() => setMaking(false)} onMade={() => { setMaking(false); asking.again(); }} />}
    </Card>
  );
}

function NewOrganisation({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const [value, setValue] = useState<Values>({});
  const { fault, busy, act } = useAct();
  const make = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("POST /organizations", { body: value }); onMade(); });
  };
  return (
    <Dialog title="New organisation" onClose={onClose}>
      <form className="form" onSubmit={make}>
        <Fields schema={forms.OrganizationNamed} value={value} onChange={setValue} details={detailsOf(fault)} />
        <Trouble fault={fault} />
        <div className="actions end"><Button onClick={onClose}>Cancel</Button><button className="button main" disabled={busy}>Create</button></div>
      </form>
    </Dialog>
  );
}

function Limits({ may }: { may: boolean }) {
  const asking = useAsk("GET /dialing");
  return (
    <Card title="Limits of dialling" aside={<span className="quiet">what is left out is the server's own</span>}>
      <Loaded asking={asking}>{(dialing) => <LimitsForm may={may} onSave={asking.again} effective={dialing.effective as Values} rules={dialing.rules as Values} />}</Loaded>
    </Card>
  );
}

function LimitsForm({ may, rules: own, effective, onSave }: { may: boolean; onSave: () => void; rules: Values; effective: Values }) {
  const [value, setValue] = useState<Values>(own);
  const [saved, setSaved] = useState(false);
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    setSaved(false);
    void act(async () => { await ask("PUT /dialing", { body: value }); setSaved(true); onSave(); });
  };
  if (!may) return <pre className="diff" tabIndex={0} aria-label="What holds now"><span>{JSON.stringify(effective, null, 2)}</span></pre>;
  return (
    <form className="form" onSubmit={save}>
      <Fields schema={forms.RulesBody} names={["max_calls", "calls_per_second", "ring_seconds", "zone", "allow", "deny", "retry", "windows"]} value={value} onChange={setValue} details={detailsOf(fault)} />
      <Trouble fault={fault} />
      <div className="actions">
        <button className="button" disabled={busy}>Save the limits</button>
        {saved && <span role="status" className="done">Saved.</span>}
      </div>
      <details><summary>What holds now</summary><pre className="diff" tabIndex={0} aria-label="What holds now"><span>{JSON.stringify(effective, null, 2)}</span></pre></details>
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
