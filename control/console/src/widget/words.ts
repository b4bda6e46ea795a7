import type { Pass, Seen } from "../call";

/** What a page sets, by attributes of the script. */
export interface Settings {
  agent: string; // "": whom the page's server chooses
  tokenURL: string; // of the page's own server, or of Parley's
  label: string;
  target: string; // a selector; "": the page's corner
}

/** settings are those of a script's attributes, or what is wrong with them. A page without a server of its own asks that of the script. */
export function settings(data: DOMStringMap, script: string): Settings | string {
  if (!data.tokenUrl && !data.agent) return "data-agent: want the id of an agent that any page may call, or data-token-url: the path on your server that gives tokens";
  return { agent: data.agent ?? "", tokenURL: data.tokenUrl || new URL("/api/v1/widget/tokens", script).href, label: data.label || "Talk to us", target: data.target ?? "" };
}

/** passOf is the pass in what the page's server has answered: Parley's own answer, or its data alone. */
export function passOf(answer: unknown): Pass {
  const body = answer as { data?: Partial<Pass> } & Partial<Pass>;
  const pass = body?.data ?? body;
  if (!pass?.token || !pass.whip_url) throw new Error("The token is missing in what this page's server has answered.");
  return pass as Pass;
}

/** said is the state of a call, in words for people. */
export function said(seen: Seen): string {
  if (seen.lost) return "The network is away. Waiting…";
  switch (seen.state) {
    case "none":
      return "";
    case "connecting":
      return "Connecting…";
    case "over":
      return "The call is over.";
    case "thinking":
      return "One moment…";
    case "held":
      return "You are on hold.";
    case "talking":
    case "bridged":
      return "You are talking with a person.";
    case "speaking":
    case "listening":
    case "hearing":
      if (seen.microphone) return seen.muted ? "You are muted." : "Connected: speak at any time.";
      return "Connected.";
  }
}

/** action is what the button does next. */
export function action(seen: Seen, label: string): string {
  if (seen.state === "none") return label;
  return seen.state === "over" ? "Talk again" : "Hang up";
}
