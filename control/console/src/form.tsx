// Forms made of JSON Schemas: the API's own, so that what it takes is what can be filled in. What is wrong it says beside the field.
import { useId, useRef, useState, type ReactNode } from "react";
import { Fault } from "./api";
import { resolve } from "./check";
import { Button } from "./ui";
import { plain } from "./words";

export interface Schema {
  readonly $ref?: string;
  readonly $defs?: Record<string, Schema>;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly patternDescription?: string; // what a text must be, in words
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

export type Values = Record<string, unknown>;
export type Choices = Record<string, { value: string; name: string }[]>; // for fields that name rows, by the field's name

interface Place {
  path: string; // as the API names fields: voice_settings.speed
  name: string;
  schema: Schema;
  root: Schema;
  needed: boolean;
  details: Record<string, string>;
  choices?: Choices;
}

type Input = Place & { value: unknown; onChange: (value: unknown) => void };

const kinds = (schema: Schema): readonly string[] => (typeof schema.type === "string" ? [schema.type] : (schema.type ?? []));
export const nullable = (schema: Schema): boolean => kinds(schema).includes("null");

/** follow leads from a reference to what it refers to. */
function follow(schema: Schema, root: Schema): Schema {
  const inner = schema.oneOf?.length === 2 && schema.oneOf[1].type === "null" ? schema.oneOf[0] : schema;
  const found = resolve(inner, root);
  return { ...found, description: schema.description ?? found.description };
}

/** wrong is what the API says of a field, or of what is within it where that has no fields of its own. */
function wrong({ path, details }: Pick<Place, "path" | "details">, deep: boolean): string[] {
  return Object.entries(details).flatMap(([field, text]) =>
    field === path ? [text] : deep && (field.startsWith(`${path}.`) || field.startsWith(`${path}[`)) ? [`${field.slice(path.length).replace(/^\./, "")}: ${text}`] : [],
  );
}

export const detailsOf = (fault?: Error): Record<string, string> => (fault instanceof Fault ? fault.details : {});

/** Fields are the fields of an object, in the order of names; none given: all, those that are needed first. */
export function Fields({ schema, root = schema, value, onChange, path = "", names, details, choices }: {
  schema: Schema;
  root?: Schema;
  value: Values;
  onChange: (value: Values) => void;
  path?: string;
  names?: readonly string[];
  details: Record<string, string>;
  choices?: Choices;
}) {
  const all = Object.keys(schema.properties ?? {});
  const needs = (name: string) => schema.required?.includes(name) ?? false;
  const shown = names ?? all.sort((a, b) => Number(needs(b)) - Number(needs(a)) || a.localeCompare(b));
  const input = (name: string): Input => ({
    path: path ? `${path}.${name}` : name,
    name,
    schema: follow(schema.properties![name], root),
    root,
    needed: needs(name),
    details,
    choices,
    value: value[name],
    onChange: (next) => {
      const { [name]: _, ...rest } = value;
      onChange(next === undefined ? rest : { ...rest, [name]: next });
    },
  });
  const inputs = shown.filter((name) => schema.properties?.[name]).map(input);
  const small = inputs.filter((one) => !isWide(one));
  return (
    <>
      {small.length > 0 && <div className="columns">{small.map((one) => <Field key={one.name} {...one} />)}</div>}
      {inputs.filter(isWide).map((one) => <Field key={one.name} {...one} />)}
    </>
  );
}

const isGroup = (schema: Schema): boolean => kinds(schema).includes("object") && !!schema.properties && !schema.oneOf && !schema.anyOf && !schema.$defs;
const isText = (schema: Schema): boolean => kinds(schema).includes("string") && (schema.maxLength ?? 0) >= 1000 && !schema.format;
const isList = (schema: Schema): boolean => kinds(schema).includes("array") && kinds(schema.items ?? {}).includes("string");
const isScalar = (schema: Schema): boolean => !!schema.enum || ["string", "number", "integer", "boolean"].some((kind) => kinds(schema).includes(kind));
const isLoose = (schema: Schema): boolean => {
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches) return branches.every((one) => one.const !== undefined || isScalar(one));
  return !schema.type && !schema.properties && !schema.allOf && !schema.$ref;
};
const isRows = (schema: Schema, root: Schema): boolean => kinds(schema).includes("array") && !!schema.items && isGroup(follow(schema.items, root));
const isWide = ({ schema }: Place): boolean => isGroup(schema) || isText(schema) || !(isScalar(schema) || isList(schema) || isLoose(schema));

function Field(input: Input) {
  const { schema } = input;
  if (isGroup(schema)) return <Group {...input} />;
  if (isList(schema)) return schema.items?.enum ? <Several {...input} /> : <Lines {...input} />;
  if (isScalar(schema)) return <Scalar {...input} />;
  if (isRows(schema, input.root)) return <Rows {...input} />;
  if (isLoose(schema)) return <Loose {...input} />;
  return <Json {...input} />;
}

function Label({ input, errors, children }: { input: Input; errors: string[]; children: (about: Record<string, unknown>) => ReactNode }) {
  const id = useId();
  const { schema, needed } = input;
  const example = schema.examples?.[0];
  const hint = [schema.description, example !== undefined && typeof example !== "object" ? `Such as ${String(example)}.` : ""].filter(Boolean).join(" ");
  return (
    <div className="label">
      <label htmlFor={id}>
        {plain(input.name)}
        {needed && <span aria-hidden="true"> *</span>}
      </label>
      {children({ id, required: needed, "aria-invalid": errors.length > 0 || undefined, "aria-describedby": `${id}-about` })}
      <span id={`${id}-about`}>
        {errors.map((error) => <span key={error} className="wrong">{error} </span>)}
        {hint && <span className="hint">{hint}</span>}
      </span>
    </div>
  );
}

const usual = (schema: Schema): string => (schema.default === undefined ? "" : String(schema.default));

function Scalar(input: Input) {
  const { schema, value, onChange, choices, name } = input;
  const kind = kinds(schema);
  const options = choices?.[name] ?? (schema.enum ? schema.enum.filter((word) => word !== null).map((word) => ({ value: String(word), name: plain(String(word)) })) : undefined);
  const set = (text: string) => onChange(text === "" ? undefined : text);
  return (
    <Label input={input} errors={wrong(input, true)}>
      {(about) => {
        if (kind.includes("boolean")) {
          return (
            <select {...about} value={value === undefined || value === null ? "" : String(value)} onChange={({ target }) => onChange(target.value === "" ? undefined : target.value === "true")}>
              <option value="">{usual(schema) ? `as usual: ${usual(schema) === "true" ? "yes" : "no"}` : "as usual"}</option>
              <option value="true">yes</option>
              <option value="false">no</option>
            </select>
          );
        }
        if (options) {
          return (
            <select {...about} value={String(value ?? "")} onChange={({ target }) => set(target.value)}>
              <option value="">{usual(schema) ? `as usual: ${plain(usual(schema))}` : "–"}</option>
              {options.map((option) => <option key={option.value} value={option.value}>{option.name}</option>)}
            </select>
          );
        }
        if (kind.includes("integer") || kind.includes("number")) {
          return (
            <input {...about} type="number" step={kind.includes("integer") ? 1 : "any"} min={schema.minimum} max={schema.maximum} placeholder={usual(schema)}
              value={value === undefined || value === null ? "" : String(value)} onChange={({ target }) => onChange(target.value === "" ? undefined : Number(target.value))} />
          );
        }
        if (schema.format === "date-time") {
          return <input {...about} type="datetime-local" value={local(value)} onChange={({ target }) => set(target.value && new Date(target.value).toISOString())} />;
        }
        if (isText(schema)) return <textarea {...about} rows={name.includes("prompt") ? 12 : 3} maxLength={schema.maxLength} value={String(value ?? "")} onChange={({ target }) => set(target.value)} />;
        const secret = name === "secret" || name === "password";
        return (
          <input {...about} type={secret ? "password" : "text"} autoComplete={secret ? "new-password" : "off"} maxLength={schema.maxLength} placeholder={usual(schema)}
            value={String(value ?? "")} onChange={({ target }) => set(target.value)} />
        );
      }}
    </Label>
  );
}

/** local writes a time as an input of the browser's wants it: in its own zone. */
function local(value: unknown): string {
  if (typeof value !== "string" || !value) return "";
  const time = new Date(value);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function Several(input: Input) {
  const { schema, value, onChange } = input;
  const chosen = Array.isArray(value) ? (value as string[]) : [];
  const errors = wrong(input, true);
  return (
    <fieldset>
      <legend>{plain(input.name)}</legend>
      {schema.items!.enum!.map(String).map((word) => (
        <label key={word} className="check">
          <input type="checkbox" checked={chosen.includes(word)}
            onChange={({ target }) => onChange(target.checked ? [...chosen, word] : chosen.filter((other) => other !== word))} />
          {plain(word)}
        </label>
      ))}
      {errors.map((error) => <span key={error} className="wrong">{error}</span>)}
      {schema.description && <span className="hint">{schema.description}</span>}
    </fieldset>
  );
}

function Lines(input: Input) {
  const text = Array.isArray(input.value) ? (input.value as string[]).join("\n") : "";
  return (
    <Label input={{ ...input, schema: { ...input.schema, description: `${input.schema.description ?? ""} One a line.`.trim() } }} errors={wrong(input, true)}>
      {(about) => <textarea {...about} rows={3} value={text} onChange={({ target }) => input.onChange(target.value === "" ? undefined : target.value.split("\n"))} />}
    </Label>
  );
}

/** loosely reads what stands in a field that may be a number, yes or no, or a text. */
export function loosely(text: string): unknown {
  if (text === "") return undefined;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function Loose(input: Input) {
  return (
    <Label input={input} errors={wrong(input, true)}>
      {(about) => (
        <input {...about} autoComplete="off" placeholder={usual(input.schema)} value={typeof input.value === "object" && input.value ? JSON.stringify(input.value) : String(input.value ?? "")}
          onChange={({ target }) => input.onChange(loosely(target.value))} />
      )}
    </Label>
  );
}

/** fits says whether a value can be shown by the fields of an object: all that it has is among them. */
const fits = (value: unknown, schema: Schema): boolean =>
  value === undefined || value === null || (typeof value === "object" && !Array.isArray(value) && Object.keys(value).every((name) => schema.properties?.[name]));

/** Folded is what has parts: it opens where something is in it, and may be written as JSON instead. */
function Folded({ input, able, children }: { input: Input; able: boolean; children: ReactNode }) {
  const [raw, setRaw] = useState(!able);
  const within = Object.keys(input.details).some((field) => field.startsWith(`${input.path}.`) || field.startsWith(`${input.path}[`));
  const touched = (typeof input.value === "object" && input.value !== null && Object.keys(input.value).length > 0) || within;
  const written = raw || !able;
  return (
    <fieldset>
      <details open={touched || undefined} onInvalidCapture={(event) => { event.currentTarget.open = true; }}>
        <summary>{plain(input.name)}</summary>
        {input.schema.description && !written && <p className="hint">{input.schema.description}</p>}
        {!written && wrong(input, false).map((error) => <p key={error} className="wrong">{error}</p>)}
        <div className="form">
          {written ? <Json {...input} /> : children}
          {able && (
            <p><Button kind="bare" className="button bare small" aria-label={written ? `${plain(input.name)} as a form` : `${plain(input.name)} as JSON`} onClick={() => setRaw(!raw)}>{written ? "As a form" : "As JSON"}</Button></p>
          )}
        </div>
      </details>
    </fieldset>
  );
}

function Group(input: Input) {
  const schema = input.value ? input.schema : { ...input.schema, required: [] }; // what is not there needs nothing
  return (
    <Folded input={input} able={fits(input.value, input.schema)}>
      <Fields {...input} schema={schema} value={(input.value ?? {}) as Values} names={undefined} onChange={(next) => input.onChange(Object.keys(next).length ? next : undefined)} />
    </Folded>
  );
}

/** Rows are a list of objects: each has its fields. */
function Rows(input: Input) {
  const rows = Array.isArray(input.value) ? (input.value as Values[]) : [];
  const schema = follow(input.schema.items!, input.root);
  const put = (next: Values[]) => input.onChange(next.length ? next : undefined);
  const one = plain(input.name).replace(/s$/, "");
  return (
    <Folded input={input} able={rows.every((row) => fits(row, schema))}>
      {rows.map((row, i) => (
        <fieldset key={i} className="row">
          <legend>{`${one} ${i + 1}`}</legend>
          <div className="form">
            {wrong({ path: `${input.path}[${i}]`, details: input.details }, false).map((error) => <p key={error} className="wrong">{error}</p>)}
            <Fields {...input} schema={schema} path={`${input.path}[${i}]`} names={undefined} value={row} onChange={(next) => put(rows.with(i, next))} />
            <p><Button kind="bare" className="button bare small" aria-label={`Remove ${one} ${i + 1}`} onClick={() => put(rows.toSpliced(i, 1))}>Remove</Button></p>
          </div>
        </fieldset>
      ))}
      <p><Button aria-label={`Add ${one}`} onClick={() => put([...rows, {}])}>Add</Button></p>
    </Folded>
  );
}

/** Json is for what has no form: it is written as the API takes it, and refused by the browser while it is none. */
function Json(input: Input) {
  const [text, setText] = useState(() => (input.value === undefined || input.value === null ? "" : JSON.stringify(input.value, null, 2)));
  const [bad, setBad] = useState("");
  const last = useRef(input.value);
  if (last.current !== input.value) {
    last.current = input.value; // somebody else changed it: a version was restored
    setText(input.value === undefined || input.value === null ? "" : JSON.stringify(input.value, null, 2));
  }
  const write = (area: HTMLTextAreaElement) => {
    setText(area.value);
    area.setCustomValidity("");
    setBad("");
    if (area.value.trim() === "") {
      last.current = undefined;
      input.onChange(undefined);
      return;
    }
    try {
      const value: unknown = JSON.parse(area.value);
      last.current = value;
      input.onChange(value);
    } catch (error) {
      const said = `This is no JSON: ${(error as Error).message}`;
      area.setCustomValidity(said);
      setBad(said);
    }
  };
  return (
    <Label input={{ ...input, schema: { ...input.schema, examples: undefined } }} errors={bad ? [bad] : wrong(input, true)}>
      {(about) => <textarea {...about} className="code" spellCheck={false} rows={Math.min(24, Math.max(3, text.split("\n").length))} value={text} onChange={({ target }) => write(target)} />}
    </Label>
  );
}

/** changed is what PATCH has to be told: the fields that differ, null where one was cleared. */
export function changed(schema: Schema, before: Values, after: Values): Values {
  const out: Values = {};
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const [was, is] = [before[name] ?? null, after[name] ?? null];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    if (is !== null) out[name] = is;
    else if (nullable(field) || field.oneOf) out[name] = null;
    else if (kinds(field).includes("string")) out[name] = "";
  }
  return out;
}
