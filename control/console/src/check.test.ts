import { expect, test } from "vitest";
import { check } from "./check";
import type { Schema } from "./form";

const schema: Schema = {
  type: ["object", "null"],
  additionalProperties: false,
  $defs: { step: { type: "object", required: ["say"], properties: { say: { type: "string", minLength: 1 }, after: { type: "string", pattern: "^[0-9]+s$", patternDescription: "a time such as 2s" } } } },
  properties: {
    steps: { type: "array", maxItems: 2, items: { $ref: "#/$defs/step" } },
    words: { oneOf: [{ type: "integer", minimum: 1 }, { const: "never" }] },
    vendor: { type: "string", enum: ["auto", "local"] },
    more: { type: "object", additionalProperties: { type: "number", maximum: 1 } },
    else: { type: "object", properties: { at: false as unknown as Schema } },
  },
};

const wrong = (value: unknown) => check(value, schema, "settings", schema);

test("what fits has nothing wrong with it", () => {
  expect(wrong({ steps: [{ say: "Hello", after: "2s" }], words: "never", vendor: "local", more: { a: 0.5 } })).toEqual({});
  expect(wrong({ words: 2 })).toEqual({});
  expect(wrong(null)).toEqual({});
});

test("what is wrong is named by its path", () => {
  expect(wrong({ steps: [{ after: "2" }, { say: "" }] })).toEqual({
    "settings.steps[0].say": "is required",
    "settings.steps[0].after": "must be a time such as 2s",
    "settings.steps[1].say": "must not be empty",
  });
  expect(wrong({ steps: [{ say: "a" }, { say: "b" }, { say: "c" }] })).toEqual({ "settings.steps": "must have 2 or less" });
  expect(wrong({ vendor: "acme" })).toEqual({ "settings.vendor": "must be one of auto, local" });
  expect(wrong({ vendr: "auto" })).toEqual({ "settings.vendr": "is unknown here" });
  expect(wrong({ more: { a: 2 } })).toEqual({ "settings.more.a": "must be 1 or less" });
  expect(wrong({ else: { at: 1 } })).toEqual({ "settings.else.at": "does not belong here" });
  expect(wrong("text")).toEqual({ settings: "must be an object" });
  expect(Object.keys(wrong({ words: 0 }))).toEqual(["settings.words"]);
});
