// How things are written: times, durations, numbers, and which of the agent's words were heard.

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export const when = (time: string | null | undefined): string => (time ? clock.format(new Date(time)) : "–");
export const whenShort = (time: string | null | undefined): string => (time ? short.format(new Date(time)) : "–");

const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const hour = (time: string): string => hours.format(new Date(time));
export const day = (time: string): string => days.format(new Date(time));

/** 75.2 seconds are 1:15. */
export function span(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const two = (n: number) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

export function size(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

/** in_progress is "in progress". */
export const plain = (word: string): string => word.replaceAll("_", " ");

/** A percentile of some numbers by nearest rank; undefined of none. */
export function percentile(numbers: number[], p: number): number | undefined {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)];
}

/** unheard is the end of what the agent meant to say that the caller did not hear; "" if all was heard, or the two do not fit together. */
export function unheard(text: string | null, heard: string | null): string {
  if (!text || text === heard) return "";
  if (!heard) return text;
  return text.startsWith(heard) ? text.slice(heard.length) : "";
}

/** held is, for each entry of a transcript, how often the agent paused in its turn: it follows the last of the turn's. */
export function held(entries: { role: string; turn: number | null }[], turns: { turn: number; held: number }[]): number[] {
  const lastOf = new Map(entries.map((entry, i) => [entry.role === "agent" ? entry.turn : undefined, i]));
  return entries.map(({ role, turn: n }, i) => (role === "agent" && lastOf.get(n) === i ? (turns.find(({ turn }) => turn === n)?.held ?? 0) : 0));
}

/** lost is, for each entry of a transcript, what the caller did not hear of the agent's words: it follows the last of each turn's. */
export function lost(entries: { role: string; turn: number | null }[], turns: { n: number; text: string | null; heard: string | null }[]): string[] {
  const byNumber = new Map(turns.map((turn) => [turn.n, turn]));
  const lastOf = new Map(entries.map((entry, i) => [entry.role === "agent" ? entry.turn : undefined, i]));
  return entries.map(({ role, turn: n }, i) => {
    const turn = role === "agent" && n !== null && lastOf.get(n) === i ? byNumber.get(n) : undefined;
    return turn ? unheard(turn.text, turn.heard) : "";
  });
}

export interface DiffLine {
  kind: "same" | "gone" | "new";
  text: string;
}

/** diff compares two texts line by line, by their longest common subsequence. */
export function diff(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  const longest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i++] });
      j++;
    } else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1])) {
      lines.push({ kind: "gone", text: a[i++] });
    } else {
      lines.push({ kind: "new", text: b[j++] });
    }
  }
  return lines;
}
