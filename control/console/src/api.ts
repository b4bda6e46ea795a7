// Asks the API: typed by its description (api.gen.ts), with the session's cookie, which no script can read.
import { useCallback, useEffect, useRef, useState } from "react";
import type { Answers } from "./api.gen";

export type Route = keyof Answers;
export type Words = Record<string, string | number | boolean | undefined>;

export interface Asked {
  path?: Record<string, string>; // fills {id} and its like
  query?: Words; // what is undefined or empty is left out
  body?: unknown;
  type?: string; // of a body that is a file; left out: text/csv
  signal?: AbortSignal;
}

export interface Answer<T> {
  data: T;
  meta: { total?: number; limit?: number; offset?: number };
}

/** What the API says is wrong. details tell of fields, by their paths. */
export class Fault extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly details: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** inCRM says whether an operation is of the CRM contract, whose answers have no envelope. */
const inCRM = (route: string): boolean => route.includes(" /crm/");

/** Where an operation is. */
export function url(route: string, asked: Asked = {}): string {
  const path = route.slice(route.indexOf(" ") + 1).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(asked.path?.[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked.query ?? {})) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  return `${inCRM(route) ? `/crm/api/v1${path.slice(4)}` : `/api/v1${path}`}${query.size ? `?${query}` : ""}`;
}

/** bare says whether an operation's answers have no envelope: those of bots and conversations. */
const bare = (route: string): boolean => /^\w+ \/(bots|conversations)(\/|$)/.test(route);

/** unwrapped gives an answer without an envelope what the others have. Of a list it is known only whether there is more. */
function unwrapped<T>(data: T, { query = {} }: Asked, more: boolean): Answer<T> {
  return { data, meta: Array.isArray(data) ? { total: Number(query.offset ?? 0) + data.length + Number(more) } : {} };
}

const signedOut = new Set<() => void>();

/** onSignedOut tells when the session is over; it returns how to stop that. */
export function onSignedOut(f: () => void): () => void {
  signedOut.add(f);
  return () => void signedOut.delete(f);
}

/** ask does one request. It throws a Fault. */
export async function ask<R extends Route>(route: R, asked: Asked = {}): Promise<Answer<Answers[R]>> {
  const isForm = asked.body instanceof Blob;
  let response: Response;
  try {
    response = await fetch(url(route, asked), {
      method: route.slice(0, route.indexOf(" ")),
      headers: asked.body === undefined ? {} : { "Content-Type": isForm ? (asked.type ?? "text/csv") : "application/json" },
      body: asked.body === undefined ? undefined : isForm ? (asked.body as Blob) : JSON.stringify(asked.body),
      signal: asked.signal,
    });
  } catch (cause) {
    if (asked.signal?.aborted) throw cause;
    throw new Fault(0, "The server does not answer. Try again in a moment.");
  }
  const said = (await response.json().catch(() => undefined)) as (Answer<Answers[R]> & { error?: string; message?: string; details?: Record<string, string> }) | undefined;
  if (response.ok && said && bare(route)) return unwrapped(said as unknown as Answers[R], asked, response.headers.has("Link"));
  if (response.ok && said) return inCRM(route) ? { data: said as unknown as Answers[R], meta: {} } : said;
  if (response.status === 401 && route !== "POST /auth/login") signedOut.forEach((f) => f());
  throw new Fault(response.status, (inCRM(route) ? said?.message : said?.error) ?? `The server answered ${response.status}.`, said?.details);
}

export interface Asking<T> {
  data?: T;
  total: number;
  fault?: Error;
  busy: boolean;
  again: () => void;
}

/** useAsk asks when the page shows, when what is asked changes, and every so many milliseconds while somebody looks. No route: not at all. */
export function useAsk<R extends Route>(route: R | undefined, asked: Asked = {}, every = 0): Asking<Answers[R]> {
  const key = route ? `${route} ${url(route, asked)}` : "";
  const [state, setState] = useState<{ key: string; data?: Answers[R]; total: number; fault?: Error }>({ key: "", total: 0 });
  const [round, setRound] = useState(0);
  const latest = useRef(asked);
  latest.current = asked;
  useEffect(() => {
    if (!route) return;
    const stop = new AbortController();
    ask(route, { ...latest.current, signal: stop.signal }).then(
      ({ data, meta }) => setState({ key, data, total: meta.total ?? 0 }),
      (fault: Error) => stop.signal.aborted || setState((was) => ({ ...was, key, fault, data: was.key === key ? was.data : undefined })),
    );
    return () => stop.abort();
  }, [route, key, round]);
  useEffect(() => {
    if (!every || !route) return;
    const timer = setInterval(() => document.hidden || setRound((n) => n + 1), every);
    return () => clearInterval(timer);
  }, [every, route]);
  const again = useCallback(() => setRound((n) => n + 1), []);
  return { data: state.data, total: state.total, fault: state.key === key ? state.fault : undefined, busy: state.key !== key, again };
}
