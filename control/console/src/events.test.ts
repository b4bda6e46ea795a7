import { expect, test } from "vitest";
import { happenings, timed } from "./events";
import type { Entry, Turn } from "./api.gen";

const turn = (n: number, more: Partial<Turn>): Turn => ({
  n, why: "words", said: null, text: null, heard: null, interrupted: false, error: null, latency: null, counts: null, offset_ms: n * 1000, duration_ms: 500, ...more,
});
const entry = (more: Partial<Entry>): Entry => ({ seq: 0, role: "system", text: "", interrupted: false, turn: null, offset_ms: 0, duration_ms: null, timestamp: "", ...more });

test("what happened in a call is told in order", () => {
  const call = {
    status: "completed" as const, cause: "caller", error: null, duration_seconds: 5, started_at: "2026-11-23T10:00:00Z", answered_at: "2026-11-23T10:00:04Z", ended_at: "2026-11-23T10:00:09Z",
    turns: [turn(1, { why: "greeting", interrupted: true, counts: { held: 1 } }), turn(2, { latency: { voice_to_voice: 640 }, error: "acme" })],
    transcript: [entry({ offset_ms: 1200, text: "The caller pressed 1." }), entry({ role: "agent", text: "Hello." }), entry({ role: "tool", offset_ms: 1900, text: "ok" })],
  };
  expect(happenings(call).map(({ at, kind }) => `${at} ${kind}`)).toEqual([
    "0 call", "1 answer", "1 hold", "1.2 key", "1.5 barge-in", "1.9 tool", "2 answer", "2 trouble", "5 call",
  ]);
  expect(happenings(call)[0].text).toBe("Answered, after it rang 0:04.");
  expect(happenings(call)[6].text).toContain("640 ms");
});

test("a call that nobody answered says so", () => {
  const call = { status: "failed" as const, cause: "no_answer", error: null, duration_seconds: null, started_at: "", answered_at: null, ended_at: "2026-11-23T10:00:09Z", turns: [], transcript: [] };
  expect(happenings(call).map(({ text }) => text)).toEqual(["It was not answered.", "The call ends: no answer."]);
});

test("words make up their text, and share its time", () => {
  const found = timed({ text: "Good day, Ada.", offset_ms: 1000, duration_ms: 1400 });
  expect(found.map((word) => word.text).join("")).toBe("Good day, Ada.");
  expect(found.map((word) => word.from)).toEqual([1, 1.5, 2]);
  expect(found.map((word) => word.to)).toEqual([1.4, 1.9, 2.4]);
  expect(timed({ text: "", offset_ms: 0, duration_ms: null })).toEqual([]);
});

test("words have the times of the record, and the others share what is between them", () => {
  const words = [{ text: "day,", offset_ms: 2000, duration_ms: 300 }, { text: "Ada.", offset_ms: 5000, duration_ms: 400 }, { text: "gone", offset_ms: 1, duration_ms: 1 }];
  const found = timed({ text: "Good day, my Ada.", offset_ms: 1000, duration_ms: 1400, words });
  expect(found.map((word) => word.from)).toEqual([1, 2, 2.975, 5]);
  expect(found.map((word) => word.to)).toEqual([1.8, 2.3, 4.325, 5.4]);
});
