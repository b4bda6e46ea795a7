import { expect, test } from "vitest";
import { diff, held, lost, milliseconds, percentile, plain, size, span, unheard } from "./words";
import { url } from "./api";

test("times", () => {
  expect([span(0), span(75.2), span(3675), span(null), span(-1)]).toEqual(["0:00", "1:15", "1:01:15", "–", "0:00"]);
  expect([milliseconds(350), milliseconds(1234), milliseconds(null)]).toEqual(["350 ms", "1.23 s", "–"]);
  expect([size(10), size(1527084), plain("in_progress")]).toEqual(["1 KiB", "1.5 MiB", "in progress"]);
});

test("percentiles go by nearest rank", () => {
  const numbers = [50, 10, 40, 20, 30];
  expect([percentile(numbers, 50), percentile(numbers, 95), percentile(numbers, 1), percentile([], 50)]).toEqual([30, 50, 10, undefined]);
  expect(numbers[0]).toBe(50);
});

test("words that were not heard", () => {
  expect(unheard("I will stop now.", "I will")).toBe(" stop now.");
  expect(unheard("I will stop.", null)).toBe("I will stop.");
  expect(unheard("I will stop.", "I will stop.")).toBe("");
  expect(unheard("I'll stop.", "I will")).toBe("");
  expect(unheard(null, null)).toBe("");
});

test("what was lost follows a turn's last words", () => {
  const entries = [{ role: "agent", turn: 1 }, { role: "user", turn: 2 }, { role: "agent", turn: 2 }, { role: "agent", turn: 2 }, { role: "system", turn: null }];
  const turns = [{ n: 1, text: "Hello.", heard: "Hello." }, { n: 2, text: "Wait. I look.", heard: "Wait." }];
  expect(lost(entries, turns)).toEqual(["", "", "", " I look.", ""]);
  expect(lost([], turns)).toEqual([]);
});

test("what was held is told at a turn's last words", () => {
  const entries = [{ role: "agent", turn: 1 }, { role: "agent", turn: 1 }, { role: "user", turn: 2 }, { role: "agent", turn: 2 }];
  expect(held(entries, [{ turn: 1, held: 2 }])).toEqual([0, 2, 0, 0]);
});

test("a diff has every line once", () => {
  expect(diff("a\nb\nc", "a\nx\nc\nd").map((line) => line.kind[0] + line.text)).toEqual(["sa", "gb", "nx", "sc", "nd"]);
  expect(diff("a", "a").map((line) => line.kind)).toEqual(["same"]);
});

test("a URL has its path filled in, and nothing that is empty", () => {
  expect(url("GET /calls/{id}", { path: { id: "a/b" } })).toBe("/api/v1/calls/a%2Fb");
  expect(url("GET /calls", { query: { status: "", limit: 50, agent_id: undefined } })).toBe("/api/v1/calls?limit=50");
});
