// The calls that this page has: to an agent, docs/webrtc.md, or to listen to one, docs/desk.md. There is one call to an agent at a time, and it
// goes on while the person looks at other pages of the console.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ask, Fault } from "./api";
import { Call, nothing, type Pass, type Seen, type State } from "./call";

const consent = 300; // seconds for the person to let the page hear them
const asks = 20; // of who listens, or tries a draft, until a balancer leads them to the node that has it

/** pass is what opens a call to an agent, by the session of who is signed in. Its page is this server's: so is the call. */
async function pass(agent: string): Promise<Pass> {
  const { data } = await ask("POST /webrtc/tokens", { body: { agent_id: agent || undefined, ttl_seconds: consent } });
  return { ...data, whip_url: "/webrtc/whip" };
}

/** draft is what opens a call to an agent as it is being written, of which nothing is saved. */
async function draft(agent: string, change: object): Promise<Pass> {
  try {
    const { data } = await ask("POST /agents/{id}/try", { path: { id: agent }, body: change });
    return { ...data, whip_url: "/webrtc/whip" };
  } catch (error) {
    const details = error instanceof Fault ? Object.entries(error.details) : [];
    throw new Error([(error as Error).message, ...details.map(([field, text]) => `${field} ${text}`)].join("; "));
  }
}

/** ear is what opens a call that goes on, to somebody whom nobody hears. */
async function ear(id: string): Promise<Pass> {
  const { data } = await ask("POST /calls/{id}/listen", { path: { id } });
  return { ...data, whip_url: "/webrtc/whip" };
}

let seen = nothing;
let call: Call | undefined;
const watchers = new Set<() => void>();

function show(news: Seen): void {
  seen = news;
  watchers.forEach((f) => f());
}

/** useTalk is what there is to see of the call that goes on, or went on last. */
export function useTalk(): Seen {
  return useSyncExternalStore(
    (f) => {
      watchers.add(f);
      return () => void watchers.delete(f);
    },
    () => seen,
  );
}

/**
 * begin calls an agent; none named: the default one. change is what is different in it than what is saved; none given: nothing. Only where a
 * button was pressed: browsers let no page sound before.
 */
export function begin(agent: string, withMicrophone: boolean, change?: object): void {
  call?.hangUp();
  show({ ...nothing, state: "connecting", agent });
  call = new Call(seen, show);
  void call.open(change ? draft(agent, change) : pass(agent), withMicrophone, change ? asks : 0);
}

/** useListening is a call that is listened to: what there is to see of it, what listens, and what begins to. It ends with the component. */
export function useListening(id: string): { seen: Seen; line: () => Call | undefined; listen: () => void } {
  const [seen, see] = useState(nothing);
  const line = useRef<Call>(undefined);
  useEffect(() => () => line.current?.hangUp(), []);
  const listen = () => {
    const began: Seen = { ...nothing, state: "connecting" };
    see(began);
    line.current = new Call(began, see);
    void line.current.open(ear(id), false, asks);
  };
  return { seen, line: () => line.current, listen };
}

/** current is the call that goes on, or went on last. */
export const current = (): Call | undefined => call;

export const goesOn = (state: State): boolean => state !== "none" && state !== "over";
