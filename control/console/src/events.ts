// What happened in a call besides words, in the order of time.
import type { CallDetail, Entry } from "./api.gen";
import { milliseconds, plain, span } from "./words";

export interface Happening {
  at: number; // seconds since the answer
  kind: "call" | "key" | "barge-in" | "hold" | "answer" | "tool" | "trouble" | "event";
  text: string;
}

type Told = Pick<CallDetail, "transcript" | "turns" | "duration_seconds" | "answered_at" | "started_at" | "ended_at" | "cause" | "error" | "status">;

/** rang is how long it rang, in seconds; 0: not at all. */
const rang = (call: Told): number => (call.answered_at ? Math.max(0, (Date.parse(call.answered_at) - Date.parse(call.started_at)) / 1000) : 0);

/** happenings are what a call's record tells of it. */
export function happenings(call: Told): Happening[] {
  const all: Happening[] = [];
  const put = (at: number, kind: Happening["kind"], text: string) => all.push({ at, kind, text });
  if (call.answered_at) put(0, "call", rang(call) >= 1 ? `Answered, after it rang ${span(rang(call))}.` : "Answered.");
  else put(0, "call", "It was not answered.");
  for (const turn of call.turns) {
    if (turn.offset_ms === null) {
      if (turn.error) put(0, "trouble", `Turn ${turn.n} failed: ${turn.error}.`);
      continue;
    }
    const [from, to] = [turn.offset_ms / 1000, (turn.offset_ms + turn.duration_ms) / 1000];
    const took = turn.latency?.voice_to_voice;
    put(from, "answer", `The agent begins turn ${turn.n} (${plain(turn.why)})${took ? `, ${milliseconds(took)} after the caller's last word` : ""}.`);
    if (turn.counts?.held) put(from, "hold", `It paused ${turn.counts.held} × for sounds of the caller's${turn.counts.false_alarms ? `, and went on after ${turn.counts.false_alarms}` : ""}.`);
    if (turn.interrupted) put(to, "barge-in", `The caller interrupts turn ${turn.n}.`);
    if (turn.error) put(from, "trouble", `A provider failed: ${turn.error}.`);
  }
  for (const entry of call.transcript) {
    if (entry.role === "system") put(entry.offset_ms / 1000, entry.text.startsWith("The caller pressed") ? "key" : "event", entry.text);
    if (entry.role === "tool") put(entry.offset_ms / 1000, "tool", entry.text);
  }
  if (call.error) put(call.duration_seconds ?? 0, "trouble", call.error);
  if (call.ended_at) put(call.duration_seconds ?? 0, "call", `The call ends: ${plain(call.cause ?? call.status)}.`);
  return all.map((one, i) => ({ one, i })).sort((a, b) => a.one.at - b.one.at || a.i - b.i).map(({ one }) => one);
}

export interface Timed {
  text: string;
  from: number; // seconds
  to: number;
}

/**
 * timed are an entry's words in pieces that can be pointed at, and when each sounded: as the record has it. Where it does not, a piece has its
 * share by letters of the time between those that it has, as speech goes.
 */
export function timed({ text, offset_ms, duration_ms, words }: Pick<Entry, "text" | "offset_ms" | "duration_ms" | "words">): Timed[] {
  const known: [place: number, at: number][] = [[0, offset_ms]]; // places in the text, and when they sounded
  const note = (place: number, at: number) => known.push([place, Math.max(at, known.at(-1)![1])]);
  let from = 0;
  for (const word of words ?? []) {
    const place = text.indexOf(word.text, from);
    if (place < 0) continue;
    from = place + word.text.length;
    note(place, word.offset_ms);
    note(from, word.offset_ms + word.duration_ms);
  }
  note(text.length, offset_ms + (duration_ms ?? 0));
  const when = (place: number) => {
    const next = known.findIndex(([there], i) => i > 0 && there >= place);
    const [[a, began], [b, ended]] = [known[next - 1], known[next]];
    return (b > a ? began + ((ended - began) * (place - a)) / (b - a) : ended) / 1000;
  };
  let at = 0;
  return (text.match(/\s*\S+/g) ?? []).map((piece) => {
    const first = at + piece.length - piece.trimStart().length;
    at += piece.length;
    return { text: piece, from: when(first), to: when(at) };
  });
}
