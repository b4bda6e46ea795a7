// Holds values against the API's own JSON Schemas while they are written, so that what is wrong is said beside the field at once. The API has
// the last word: what a schema cannot say, it says when the form is sent.
import type { Schema } from "./form";

/** resolve leads from a reference to what it refers to. */
export function resolve(schema: Schema, root: Schema): Schema {
  if (!schema.$ref) return schema;
  let found: unknown = root;
  for (const step of schema.$ref.replace(/^#\//, "").split("/")) found = (found as Record<string, unknown> | undefined)?.[step];
  return (found as Schema | undefined) ?? {};
}

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value);
const wordsFor: Record<string, string> = { string: "a text", integer: "a whole number", number: "a number", boolean: "true or false", array: "a list", object: "an object", null: "null" };

/** check is what is wrong with a value, by the paths of its fields. */
export function check(value: unknown, schema: Schema | boolean, path: string, root: Schema): Record<string, string> {
  if (schema === true) return {};
  if (schema === false) return { [path]: "does not belong here" };
  const resolved = resolve(schema, root);
  const kind = typeOf(value);
  const kinds = typeof resolved.type === "string" ? [resolved.type] : (resolved.type ?? []);
  if (kinds.length && !kinds.includes(kind) && !(kind === "integer" && kinds.includes("number"))) {
    return { [path]: `must be ${kinds.filter((one) => one !== "null").map((one) => wordsFor[one] ?? one).join(" or ")}` };
  }
  return { ...branches(value, resolved, path, root), ...plainly(value, resolved, path), ...within(value, resolved, path, root) };
}

/** plainly is what is wrong with a value itself. */
function plainly(value: unknown, schema: Schema, path: string): Record<string, string> {
  const bad = (text: string) => ({ [path]: text });
  if (schema.enum && !schema.enum.some((one) => one === value)) return bad(`must be one of ${schema.enum.filter((one) => one !== null).join(", ")}`);
  if (schema.const !== undefined && schema.const !== value) return bad(`must be ${String(schema.const)}`);
  if (typeof value === "number") {
    if (schema.minimum !== undefined && value < schema.minimum) return bad(`must be ${schema.minimum} or more`);
    if (schema.maximum !== undefined && value > schema.maximum) return bad(`must be ${schema.maximum} or less`);
  }
  if (typeof value === "string") {
    const long = [...value].length;
    if (long < (schema.minLength ?? 0)) return bad(schema.minLength === 1 ? "must not be empty" : `must have ${schema.minLength} characters or more`);
    if (long > (schema.maxLength ?? Infinity)) return bad(`must have ${schema.maxLength} characters or less`);
    if (schema.pattern && !new RegExp(schema.pattern).test(value)) return bad(`must be ${schema.patternDescription ?? `as ${schema.pattern}`}`);
  }
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) return bad(`must have ${schema.minItems} or more`);
    if (value.length > (schema.maxItems ?? Infinity)) return bad(`must have ${schema.maxItems} or less`);
  }
  return {};
}

/** within is what is wrong with the parts of a value. */
function within(value: unknown, schema: Schema, path: string, root: Schema): Record<string, string> {
  if (Array.isArray(value)) {
    return schema.items ? Object.assign({}, ...value.map((item, i) => check(item, schema.items!, `${path}[${i}]`, root))) : {};
  }
  if (typeof value !== "object" || value === null) return {};
  const out: Record<string, string> = {};
  const under = (name: string) => (path ? `${path}.${name}` : name);
  for (const name of schema.required ?? []) if (!(name in value)) out[under(name)] = "is required";
  for (const [name, part] of Object.entries(value)) {
    const own = schema.properties?.[name];
    if (own !== undefined) Object.assign(out, check(part, own, under(name), root));
    else if (schema.additionalProperties === false) out[under(name)] = "is unknown here";
    else if (typeof schema.additionalProperties === "object") Object.assign(out, check(part, schema.additionalProperties, under(name), root));
  }
  return out;
}

/** branches is what is wrong where there is a choice: of what comes nearest. */
function branches(value: unknown, schema: Schema, path: string, root: Schema): Record<string, string> {
  const tried = (schema.oneOf ?? schema.anyOf ?? []).map((one) => check(value, one, path, root));
  const out: Record<string, string> = {};
  if (tried.length && !tried.some((found) => Object.keys(found).length === 0)) {
    const deepest = (found: Record<string, string>) => Number(path in found) * 1000 + Object.keys(found).length;
    Object.assign(out, tried.sort((a, b) => deepest(a) - deepest(b))[0]);
  }
  for (const one of schema.allOf ?? []) Object.assign(out, check(value, one, path, root));
  return out;
}
