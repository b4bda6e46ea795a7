// A call to an agent, by the browser's own WebRTC: docs/webrtc.md. The console and the widget have it.
//
//	token ─▶ POST /webrtc/whip ─▶ answer ─▶ sound both ways, and a channel of messages
import type { Entry } from "./api.gen";

export type State = "none" | "connecting" | "listening" | "hearing" | "thinking" | "speaking" | "held" | "bridged" | "talking" | "over";

export type Line = Entry & { id: string; final: boolean };

/** An exchange that is over, as the channel tells it. Times are in milliseconds. */
export interface Exchange {
  turn: number;
  why: string;
  said: string;
  text: string;
  heard: string;
  interrupted: boolean;
  held: number;
  false_alarms: number;
  latency_ms: Record<string, number>;
}

/** What a page shows of a call. */
export interface Seen {
  state: State;
  agent: string; // its id; "": the default one
  call: string; // its id; "": not known yet
  began: number; // when it was answered, by performance.now(); 0: not yet
  lines: Line[];
  turns: Exchange[];
  keys: string; // that were pressed
  muted: boolean;
  microphone: boolean;
  lost: boolean; // the network is away, and the call waits for it
  silence?: string; // why there is no microphone
  trouble?: string; // what went wrong
  soundAfterAnswer?: number; // milliseconds until the agent was first heard
  soundAfterPress?: number;
}

/** A Pass is what opens one call, and where. */
export interface Pass {
  token: string;
  whip_url: string;
  ice_servers?: RTCIceServer[]; // relays
}

export const nothing: Seen = { state: "none", agent: "", call: "", began: 0, lines: [], turns: [], keys: "", muted: false, microphone: false, lost: false };

interface Message {
  type: string;
  error?: string;
  data?: Partial<Exchange> & { call_id?: string; status?: string; state?: State; transcript?: Line[]; removed?: string[] };
}

const audible = 0.01; // of full scale: softer is no sound yet
const patience = 2000; // milliseconds for a network to come back by itself
const tries = 15; // to reach the server, so far apart

/** Why there is no microphone, in words that say what to do. */
export function whySilent(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "The browser does not let this page hear you. Allow the microphone beside the page's address.";
  if (name === "NotFoundError") return "There is no microphone here.";
  if (name === "NotReadableError") return "The microphone is in use by something else, or does not work.";
  if (name === "InsecureContext") return "Browsers give pages a microphone only over https, or on localhost.";
  return `The microphone cannot be used (${error instanceof Error ? error.message : String(error)}).`;
}

async function listen(): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    const error = new Error("no microphones here");
    error.name = "InsecureContext";
    throw error;
  }
  return navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
}

/** fragment is what the server is told of an offer with which ICE restarts (RFC 8840). */
export function fragment(offer: string): string {
  const wanted = /^a=(group|ice-ufrag|ice-pwd|mid|candidate|end-of-candidates)|^m=/;
  return offer.split(/\r?\n/).filter((line) => wanted.test(line)).join("\r\n") + "\r\n";
}

/** renewed is an answer with the credentials and candidates of a fragment. */
export function renewed(answer: string, news: string): string {
  const lines = news.split(/\r?\n/);
  const fresh = (name: string) => lines.find((line) => line.startsWith(`a=${name}:`)) ?? "";
  const candidates = lines.filter((line) => line.startsWith("a=candidate:"));
  return answer
    .split("\r\n")
    .filter((line) => !line.startsWith("a=candidate:"))
    .flatMap((line) => {
      if (line.startsWith("a=ice-ufrag:")) return [fresh("ice-ufrag")];
      if (line.startsWith("a=ice-pwd:")) return [fresh("ice-pwd")];
      return line === "a=end-of-candidates" ? [...candidates, line] : [line];
    })
    .join("\r\n");
}

/** A Meter says how loud a stream is at the moment, of full scale. */
class Meter {
  readonly #ear: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(sound: AudioContext, stream: MediaStream) {
    this.#ear = new AnalyserNode(sound, { fftSize: 1024 });
    this.#samples = new Float32Array(this.#ear.fftSize);
    sound.createMediaStreamSource(stream).connect(this.#ear);
  }

  get peak(): number {
    this.#ear.getFloatTimeDomainData(this.#samples);
    return this.#samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  }
}

/** A Problem is a refusal of WHIP's (RFC 9457). */
class Problem extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

const elsewhere = 503; // what listens asks again, until a balancer leads it to the call's node

/** A Call is one call, from the button to its end. It is made while a button is pressed. What is seen of it is given to show. */
export class Call {
  readonly #pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  readonly #sound = new AudioContext(); // made while a button is pressed: browsers let no page sound before
  readonly #player = new Audio();
  readonly #pressed = performance.now();
  readonly #channel: RTCDataChannel;
  readonly #mouth: RTCRtpTransceiver;
  #microphone?: MediaStream;
  #token = "";
  #at = ""; // the call's own URL
  #answer = "";
  #restarts = 0;
  #patience = 0; // timer
  #frame = 0;
  own?: Meter;
  agents?: Meter;

  constructor(private seen: Seen, private readonly show: (seen: Seen) => void) {
    this.#mouth = this.#pc.addTransceiver("audio", { direction: "sendrecv" });
    this.#channel = this.#pc.createDataChannel("parley");
    this.#channel.onmessage = ({ data }: MessageEvent<string>) => this.#told(JSON.parse(data) as Message);
    this.#channel.onclose = () => this.#over();
    this.#pc.ontrack = ({ track }) => this.#hear(new MediaStream([track]));
    this.#pc.onconnectionstatechange = () => this.#moved();
    addEventListener("online", this.#elsewhere);
    addEventListener("pagehide", this.hangUp);
  }

  #see(change: Partial<Seen>): void {
    this.seen = { ...this.seen, ...change };
    this.show(this.seen);
  }

  get #ended(): boolean {
    return this.seen.state === "over";
  }

  /** open begins the call that a pass is for; its offer is refused so often at most. */
  async open(pass: Promise<Pass>, withMicrophone: boolean, refusals = 0): Promise<void> {
    try {
      pass.catch(() => undefined); // it is waited for below
      if (withMicrophone) await this.microphone();
      const { token, whip_url, ice_servers } = await pass;
      this.#token = token;
      if (ice_servers) this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: ice_servers });
      await this.#pc.setLocalDescription();
      if (this.#ended) return;
      const answer = await this.#offer(whip_url, this.#pc.localDescription!.sdp, refusals);
      this.#at = new URL(answer.headers.get("Location") ?? "", new URL(whip_url, location.href)).href;
      this.#answer = await answer.text();
      if (this.#ended) return void this.#forget();
      this.#see({ began: performance.now() });
      await this.#pc.setRemoteDescription({ type: "answer", sdp: this.#answer });
    } catch (error) {
      this.#over((error as Error).message);
    }
  }

  async #offer(to: string, sdp: string, refusals: number): Promise<Response> {
    for (let n = 0; ; n++) {
      try {
        return await this.#ask("POST", to, "application/sdp", sdp);
      } catch (error) {
        if (n >= refusals || !(error instanceof Problem) || error.status !== elsewhere) throw error;
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  }

  /** takeOver asks for the call that is listened to, once there is a microphone. */
  async takeOver(): Promise<void> {
    this.#see({ trouble: undefined });
    await this.microphone();
    if (this.seen.microphone) this.#send({ type: "command", command: "take_over" });
  }

  handBack(): void {
    this.#send({ type: "command", command: "hand_back" });
  }

  /** #hush gives the microphone back. */
  #hush(): void {
    this.#microphone?.getTracks().forEach((track) => track.stop());
    this.own = undefined;
    void this.#mouth.sender.replaceTrack(null).catch(() => undefined); // the call may be over
    this.#see({ microphone: false, muted: false });
  }

  /** microphone lets the far end hear the person, from now on. */
  async microphone(): Promise<void> {
    try {
      const stream = await listen();
      if (this.#ended) return stream.getTracks().forEach((track) => track.stop());
      this.#microphone = stream;
      this.own = new Meter(this.#sound, stream);
      await this.#mouth.sender.replaceTrack(stream.getAudioTracks()[0]);
      this.#see({ microphone: true, muted: false, silence: undefined });
    } catch (error) {
      this.#see({ silence: whySilent(error) });
    }
  }

  /** #ask does a request of WHIP, whose errors are problems (RFC 9457). */
  async #ask(method: string, to: string, kind?: string, body?: string): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#token}` };
    if (kind) headers["Content-Type"] = kind;
    if (method === "PATCH") headers["If-Match"] = "*";
    const answer = await fetch(to, { method, headers, body, keepalive: method === "DELETE" });
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as { detail?: string; title?: string };
    throw new Problem(answer.status, problem.detail ?? problem.title ?? `The server answered ${answer.status}.`);
  }

  #told({ type, error, data }: Message): void {
    if (this.#ended) return; // it was on its way when the call was hung up
    switch (type) {
      case "connected":
      case "transcript_update": {
        const lines = new Map(this.seen.lines.map((line) => [line.id, line]));
        for (const line of data?.transcript ?? []) lines.set(line.id, line);
        for (const gone of data?.removed ?? []) lines.delete(gone);
        this.#see({ call: data?.call_id ?? "", lines: [...lines.values()].sort((a, b) => a.offset_ms - b.offset_ms || a.seq - b.seq) });
        if (this.seen.state === "connecting") this.#see({ state: "listening" });
        break;
      }
      case "state":
        if (this.seen.state === "talking" && data?.state === "listening") this.#hush(); // somebody else has the call again
        this.#see({ state: data?.state });
        break;
      case "turn":
        this.#see({ turns: [...this.seen.turns, data as Exchange] });
        break;
      case "call_status_update":
        if (data?.status === "completed" || data?.status === "failed") this.#over(data.status === "failed" ? "The call has failed." : undefined);
        break;
      case "error":
        this.#see({ trouble: error });
    }
  }

  /** #hear plays the agent's sound, and notes when it is first heard. */
  #hear(stream: MediaStream): void {
    this.#player.srcObject = stream;
    void this.#player.play().catch((error: Error) => this.#see({ trouble: `The browser plays no sound: ${error.message}` }));
    void this.#sound.resume();
    this.agents = new Meter(this.#sound, stream);
    const look = () => {
      if (this.#ended) return;
      if (this.agents!.peak < audible) {
        this.#frame = requestAnimationFrame(look);
        return;
      }
      const now = performance.now();
      this.#see({ soundAfterAnswer: now - this.seen.began, soundAfterPress: now - this.#pressed });
    };
    look();
  }

  #moved(): void {
    clearTimeout(this.#patience);
    switch (this.#pc.connectionState) {
      case "connected":
        this.#see({ lost: false });
        break;
      case "disconnected":
        this.#see({ lost: true });
        this.#patience = window.setTimeout(this.#elsewhere, patience);
        break;
      case "failed":
        this.#see({ lost: true });
        void this.restart();
    }
  }

  readonly #elsewhere = () => {
    if (this.#at) void this.restart();
  };

  /** restart finds another way to the server, over which the same call goes on (RFC 8445, section 9). */
  async restart(): Promise<void> {
    if (this.#ended || this.#pc.signalingState !== "stable") return;
    if (++this.#restarts > tries) return this.#over("The connection was lost.");
    try {
      await this.#pc.setLocalDescription(await this.#pc.createOffer({ iceRestart: true }));
      const answer = await this.#ask("PATCH", this.#at, "application/trickle-ice-sdpfrag", fragment(this.#pc.localDescription!.sdp));
      await this.#pc.setRemoteDescription({ type: "answer", sdp: renewed(this.#answer, await answer.text()) });
      this.#restarts = 0; // the server knows the call: it says so when it has given it up
    } catch (error) {
      if (this.#ended) return;
      if (!(error instanceof TypeError)) return this.#over((error as Error).message); // a TypeError: the server is not reached
      await this.#pc.setLocalDescription({ type: "rollback" });
      this.#patience = window.setTimeout(this.#elsewhere, patience);
    }
  }

  #send(message: object): boolean {
    if (this.#channel.readyState !== "open") return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  key(key: string): void {
    if (this.#send({ type: "key", key })) this.#see({ keys: (this.seen.keys + key).slice(-24) });
  }

  type(text: string): void {
    this.#send({ type: "text", text });
  }

  /** mute keeps the page from sending sound. The server's own mute would keep keys out as well. */
  mute(muted: boolean): void {
    this.#microphone?.getAudioTracks().forEach((track) => (track.enabled = !muted));
    this.#see({ muted });
  }

  readonly hangUp = () => this.#over();

  #forget(): void {
    if (this.#at) void this.#ask("DELETE", this.#at).catch(() => undefined); // it was over already
    this.#at = "";
  }

  #over(trouble?: string): void {
    if (this.#ended) return;
    this.#see({ state: "over", trouble: trouble ?? this.seen.trouble, lost: false, microphone: false });
    clearTimeout(this.#patience);
    cancelAnimationFrame(this.#frame);
    removeEventListener("online", this.#elsewhere);
    removeEventListener("pagehide", this.hangUp);
    this.#forget();
    this.#microphone?.getTracks().forEach((track) => track.stop());
    this.#player.srcObject = null;
    this.#channel.onclose = null;
    this.#pc.close();
    void this.#sound.close();
  }
}
