// Whom the organisation deals with, and what else it wants to know of them.
import { useEffect, useState, type FormEvent } from "react";
import { ask, useAsk } from "../api";
import { forms, type Contact, type CustomField } from "../api.gen";
import { detailsOf, Fields, type Schema, type Values } from "../form";
import { setQuery, usePlace } from "../router";
import { Button, Card, Dialog, Loaded, Page, pageSize, Pager, Sure, Table, Trouble, useAct } from "../ui";
import { plain, whenShort } from "../words";

const orders = [
  { value: "", name: "newest first" },
  { value: "createdAt=asc", name: "oldest first" },
  { value: "lastName=asc;firstName=asc", name: "name" },
  { value: "updatedAt=desc", name: "last changed" },
];

const fullName = (contact: Contact): string => [contact.firstName, contact.lastName].filter(Boolean).join(" ") || "no name";

export function Contacts() {
  const { query } = usePlace();
  const [search, sort, offset] = [query.get("search") ?? "", query.get("sort") ?? "", Number(query.get("offset") ?? 0)];
  const asking = useAsk("GET /crm/contacts", { query: { searchBy: search, sortBy: sort, pageSize, page: Math.floor(offset / pageSize) + 1 } });
  const defined = useAsk("GET /crm/custom-fields", { query: { filterBy: "entityType:CONTACT", pageSize: 100 } });
  const [editing, setEditing] = useState<{ contact?: Contact }>();
  const find = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setQuery({ search: String(new FormData(event.currentTarget).get("search") ?? "").trim(), offset: "" });
  };
  return (
    <Page title="Contacts" about="Whom you deal with." actions={<Button kind="main" disabled={!defined.data} onClick={() => setEditing({})}>New contact</Button>}>
      <div className="filters">
        <form role="search" className="actions" onSubmit={find}>
          <label>Search<input key={search} name="search" type="search" defaultValue={search} maxLength={200} /></label>
          <button className="button">Find</button>
        </form>
        <label>
          Sort by
          <select value={sort} onChange={({ target }) => setQuery({ sort: target.value, offset: "" })}>
            {orders.map((order) => <option key={order.value} value={order.value}>{order.name}</option>)}
          </select>
        </label>
      </div>
      <Card flush>
        <Loaded asking={asking}>
          {(page) => (
            <>
              <Table name="Contacts" rows={page.items} empty={<p>{search ? "Nobody is found." : "No contacts yet."}</p>}
                columns={[
                  { head: "Name", cell: (contact) => fullName(contact) },
                  { head: "Phone", cell: (contact) => <span className="number">{contact.phone ?? "–"}</span> },
                  { head: "Email", cell: (contact) => contact.email ?? "–", wide: true },
                  { head: "Since", cell: (contact) => whenShort(contact.createdAt), wide: true },
                  {
                    head: "",
                    cell: (contact) => (
                      <span className="actions">
                        <Button kind="bare" disabled={!defined.data} aria-label={`Edit ${fullName(contact)}`} onClick={() => setEditing({ contact })}>Edit</Button>
                        <Sure label="Delete" question={`${fullName(contact)} is gone for good, with all addresses.`}
                          onSure={async () => { await ask("DELETE /crm/contacts/{id}", { path: { id: String(contact.id) } }); asking.again(); }} />
                      </span>
                    ),
                  },
                ]}
              />
              <Pager total={page.totalCount ?? 0} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
      {editing && (
        <Editor contact={editing.contact} defined={defined.data?.items ?? []} onClose={() => setEditing(undefined)}
          onSaved={() => { setEditing(undefined); asking.again(); }} />
      )}
    </Page>
  );
}

const names = ["firstName", "lastName", "companyPosition", "nationalId", "metadata"] as const;

const inputs: Record<CustomField["fieldType"], Schema> = {
  STRING: { type: "string" }, NUMBER: { type: "number" }, DATE: { type: "string", description: "Such as 2024-02-15." }, BOOLEAN: { type: "boolean" },
  LIST: { type: "string" }, FILE: { type: "string" },
};

/** customSchema is the form of custom fields, each of its type. */
function customSchema(defined: CustomField[], options: Map<number, string[]>): Schema {
  const input = (field: CustomField): Schema => ({
    ...inputs[field.fieldType],
    ...(field.fieldType === "LIST" ? { enum: options.get(field.id) ?? [] } : {}),
    description: [field.fieldLabel, field.description, inputs[field.fieldType].description].filter(Boolean).join(" · ") || undefined,
  });
  return { type: "object", properties: Object.fromEntries(defined.map((field) => [field.fieldKey, input(field)])) };
}

/** useOptions are the options of all lists among fields, by the fields' ids. */
function useOptions(defined: CustomField[]): Map<number, string[]> {
  const [options, setOptions] = useState(new Map<number, string[]>());
  const lists = defined.filter((field) => field.fieldType === "LIST").map((field) => field.id).join();
  useEffect(() => {
    if (!lists) return;
    const stop = new AbortController();
    const read = async (id: string): Promise<[number, string[]]> => {
      const { data } = await ask("GET /crm/custom-fields/{id}/options", { path: { id }, query: { pageSize: 100 }, signal: stop.signal });
      return [Number(id), data.items.map((option) => option.value)];
    };
    Promise.all(lists.split(",").map(read)).then((all) => setOptions(new Map(all)), () => undefined); // a list without options says so itself
    return () => stop.abort();
  }, [lists]);
  return options;
}

type Addresses = Pick<Contact["addresses"][number], "channelType" | "address">[];

function Editor({ contact, defined, onSaved, onClose }: { contact?: Contact; defined: CustomField[]; onSaved: () => void; onClose: () => void }) {
  const [value, setValue] = useState<Values>({ ...(contact as unknown as Values) });
  const [custom, setCustom] = useState<Values>({ ...contact?.customFields });
  const [addresses, setAddresses] = useState<Addresses>(contact?.addresses ?? [{ channelType: "PHONE", address: "" }]);
  const options = useOptions(defined);
  const { busy, fault, act } = useAct();
  const details = detailsOf(fault);
  const save = (event: FormEvent) => {
    event.preventDefault();
    const customFields = Object.fromEntries(defined.map(({ fieldKey }) => [fieldKey, custom[fieldKey] ?? null]));
    const body = { ...Object.fromEntries(names.map((name) => [name, value[name] ?? null])), customFields, addresses: addresses.filter(({ address }) => address.trim()) };
    void act(async () => {
      if (contact) await ask("PUT /crm/contacts/{id}", { path: { id: String(contact.id) }, body });
      else await ask("POST /crm/contacts", { body });
      onSaved();
    });
  };
  const put = (at: number, next: Partial<Addresses[number]>) => setAddresses(addresses.map((one, i) => (i === at ? { ...one, ...next } : one)));
  return (
    <Dialog title={contact ? `Edit ${fullName(contact)}` : "New contact"} onClose={onClose}>
      <form className="form" onSubmit={save}>
        <Fields schema={forms.ContactCreate} names={names} value={value} onChange={setValue} details={details} />
        <fieldset>
          <legend>Addresses</legend>
          {addresses.map((one, at) => (
            <div key={at} className="actions">
              <select aria-label={`Channel ${at + 1}`} value={one.channelType} onChange={({ target }) => put(at, { channelType: target.value as Addresses[number]["channelType"] })}>
                {(["PHONE", "WHATSAPP", "EMAIL"] as const).map((channel) => <option key={channel} value={channel}>{plain(channel.toLowerCase())}</option>)}
              </select>
              <input aria-label={`Address ${at + 1}`} value={one.address} maxLength={320} onChange={({ target }) => put(at, { address: target.value })} />
              <Button kind="bare" aria-label={`Remove address ${at + 1}`} onClick={() => setAddresses(addresses.filter((_, i) => i !== at))}>✕</Button>
              {details[`addresses[${at}].address`] && <span className="wrong">{details[`addresses[${at}].address`]}</span>}
            </div>
          ))}
          <Button kind="bare" onClick={() => setAddresses([...addresses, { channelType: "EMAIL", address: "" }])}>Add an address</Button>
        </fieldset>
        {defined.length > 0 && (
          <fieldset>
            <legend>Custom fields</legend>
            <Fields schema={customSchema(defined, options)} path="customFields" value={custom} onChange={setCustom} details={details} />
          </fieldset>
        )}
        <Trouble fault={fault} />
        <div className="actions end">
          <Button onClick={onClose}>Cancel</Button>
          <button className="button main" disabled={busy}>{busy ? "Saving…" : contact ? "Save" : "Create"}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** CustomFields are the definitions, of contacts and of what else there will be. */
export function CustomFields({ may }: { may: boolean }) {
  const { query } = usePlace();
  const offset = Number(query.get("offset") ?? 0);
  const asking = useAsk("GET /crm/custom-fields", { query: { pageSize, page: Math.floor(offset / pageSize) + 1 } });
  const [value, setValue] = useState<Values>();
  const [listing, setListing] = useState<CustomField>();
  const { busy, fault, act } = useAct();
  const save = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("POST /crm/custom-fields", { body: value }); setValue(undefined); asking.again(); });
  };
  return (
    <Page title="Custom fields" about="What else contacts may have." actions={may && <Button kind="main" onClick={() => setValue({ entityType: "CONTACT" })}>New custom field</Button>}>
      <Card flush>
        <Loaded asking={asking}>
          {(page) => (
            <>
              <Table name="Custom fields" rows={page.items} empty={<p>No custom fields yet.</p>}
                columns={[
                  { head: "Key", cell: (field) => <code>{field.fieldKey}</code> },
                  { head: "Type", cell: (field) => plain(field.fieldType.toLowerCase()) },
                  { head: "Label", cell: (field) => field.fieldLabel ?? "–", wide: true },
                  { head: "Of", cell: (field) => plain(field.entityType.toLowerCase()), wide: true },
                  {
                    head: "",
                    cell: (field) => may && (
                      <span className="actions">
                        {field.fieldType === "LIST" && <Button kind="bare" aria-label={`Options of ${field.fieldKey}`} onClick={() => setListing(field)}>Options</Button>}
                        <Sure label="Delete" question="The field goes, with all values that contacts have of it."
                          onSure={async () => { await ask("DELETE /crm/custom-fields/{id}", { path: { id: String(field.id) }, query: { force: true } }); asking.again(); }} />
                      </span>
                    ),
                  },
                ]}
              />
              <Pager total={page.totalCount ?? 0} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
      {value && (
        <Dialog title="New custom field" onClose={() => setValue(undefined)}>
          <form className="form" onSubmit={save}>
            <Fields schema={forms.FieldCreate} names={["fieldKey", "fieldType", "entityType", "fieldLabel", "description"]} value={value} onChange={setValue} details={detailsOf(fault)} />
            <Trouble fault={fault} />
            <div className="actions end">
              <Button onClick={() => setValue(undefined)}>Cancel</Button>
              <button className="button main" disabled={busy}>{busy ? "Saving…" : "Create"}</button>
            </div>
          </form>
        </Dialog>
      )}
      {listing && <Options field={listing} onClose={() => setListing(undefined)} />}
    </Page>
  );
}

function Options({ field, onClose }: { field: CustomField; onClose: () => void }) {
  const path = { id: String(field.id) };
  const asking = useAsk("GET /crm/custom-fields/{id}/options", { path, query: { pageSize: 100 } });
  const [value, setValue] = useState("");
  const { busy, fault, act } = useAct();
  const add = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => { await ask("POST /crm/custom-fields/{id}/options", { path, body: { definitionId: field.id, value } }); setValue(""); asking.again(); });
  };
  return (
    <Dialog title={`Options of ${field.fieldKey}`} onClose={onClose}>
      <form className="form" onSubmit={add}>
        <label>New option<input value={value} required maxLength={200} onChange={({ target }) => setValue(target.value)} /></label>
        <Trouble fault={fault} />
        <div className="actions"><button className="button" disabled={busy}>Add</button></div>
      </form>
      <Loaded asking={asking}>
        {(page) => (
          <Table name="Options" rows={page.items} empty={<p>No options yet.</p>}
            columns={[
              { head: "Value", cell: (option) => option.label ?? option.value },
              {
                head: "",
                cell: (option) => (
                  <Sure label="Remove" question="Contacts that have it have none any more."
                    onSure={async () => { await ask("DELETE /crm/custom-fields/{id}/options/{option}", { path: { ...path, option: String(option.id) } }); asking.again(); }} />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Dialog>
  );
}
