import { expect, test } from "vitest";
import { changed, loosely, type Schema } from "./form";

const schema: Schema = {
  properties: { name: { type: "string" }, label: { type: ["string", "null"] }, port: { type: ["integer", "null"] }, enabled: { type: "boolean" } },
};

test("a change says what differs, and clears what was emptied", () => {
  const before = { id: "1", name: "Ada", label: "desk", port: 5060, enabled: true };
  expect(changed(schema, before, { ...before })).toEqual({});
  expect(changed(schema, before, { ...before, port: 5061, enabled: false })).toEqual({ port: 5061, enabled: false });
  expect(changed(schema, before, { id: "1", enabled: true, port: 5060 })).toEqual({ name: "", label: null });
});

test("a field of several kinds is read as what it looks like", () => {
  expect(["", "3", "-0.5", "true", "never", "2s", "+44"].map(loosely)).toEqual([undefined, 3, -0.5, true, "never", "2s", "+44"]);
});
