// A talk button for any page: docs/webrtc.md.
//
//	<script src="https://HOST/widget.js" data-agent="…" data-token-url="/my/token" defer></script>
//
//	button ─▶ POST data-token-url ─▶ the page's own server, which has the key ─▶ token ─▶ Call
//	       ─▶ without it: POST /api/v1/widget/tokens ─▶ Parley, if the agent is public ─▶ token ─▶ Call
//
// It stands in a shadow tree, keeps no secret, asks nobody but the page's server and Parley, and needs of the page's policy no more than that:
// its style is a constructed sheet, which no style-src has to allow.
import { Call, nothing, type Pass, type Seen } from "../call";
import { action, passOf, said, settings, type Settings } from "./words";
import { style } from "./style";

const consent = 300; // seconds for the person to let the page hear them

type Attributes = Record<string, string | (() => void)>;

/** make makes an element; functions among its attributes are what its events of that name do. */
function make<K extends keyof HTMLElementTagNameMap>(name: K, attributes: Attributes = {}, ...inner: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "string") element.setAttribute(key, value);
    else element.addEventListener(key, value);
  }
  element.append(...inner);
  return element;
}

/** token asks the page's own server, which knows who its visitors are, for a pass, or Parley's, for an agent that any page may call. */
async function token({ agent, tokenURL }: Settings): Promise<Pass> {
  const answer = await fetch(tokenURL, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ agent_id: agent || undefined, ttl_seconds: consent }),
  });
  if (!answer.ok) throw new Error(answer.status === 429 ? "Too many calls: try again in a while." : "No call can be made now.");
  return passOf(await answer.json());
}

/** A Widget is the button, and what is seen of its call. */
class Widget {
  readonly #label = make("span");
  readonly #button = make("button", { type: "button", class: "main", click: () => this.#press() }, make("span", { class: "dot", "aria-hidden": "true" }), this.#label);
  readonly #status = make("p", { class: "status", role: "status" });
  readonly #trouble = make("p", { class: "trouble", role: "alert" });
  readonly #level = make("span", { class: "level", "aria-hidden": "true" });
  readonly #lines = make("div", { class: "lines", role: "log", "aria-label": "What was said", tabindex: "0" });
  readonly #mute = make("button", { type: "button", "aria-pressed": "false", click: () => this.#call?.mute(!this.#seen.muted) }, "Mute");
  readonly #words = make("input", { type: "text", maxlength: "2000", autocomplete: "off", enterkeyhint: "send" });
  readonly #form: HTMLFormElement;
  readonly #panel: HTMLElement;
  readonly root = make("div", { "data-parley-widget": "" });
  #seen: Seen = nothing;
  #call?: Call;
  #frame = 0;

  constructor(private readonly settings: Settings) {
    this.#form = make("form", {}, make("label", {}, make("span", {}, "Type instead"), this.#words), make("button", {}, "Send"));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#type();
    });
    this.#panel = make("section", { class: "panel", "aria-label": settings.label }, make("div", { class: "head" }, this.#status, this.#level, this.#mute), this.#trouble, this.#lines, this.#form);
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#hangUp();
    });
    const shadow = this.root.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    shadow.adoptedStyleSheets = [sheet];
    const frame = make("div", { class: settings.target ? "frame" : "frame corner" }, this.#panel, this.#button);
    shadow.append(frame);
    this.#show(nothing);
  }

  #press(): void {
    if (this.#goesOn) return this.#hangUp();
    this.#lines.replaceChildren();
    this.#show({ ...nothing, state: "connecting" });
    this.#call = new Call(this.#seen, (seen) => this.#show(seen));
    void this.#call.open(token(this.settings), true);
    this.#look();
  }

  #hangUp(): void {
    this.#call?.hangUp();
    this.#button.focus();
  }

  #type(): void {
    const words = this.#words.value.trim();
    if (!words) return;
    this.#call?.type(words);
    this.#words.value = "";
  }

  get #goesOn(): boolean {
    return this.#seen.state !== "none" && this.#seen.state !== "over";
  }

  /** #show shows what there is to see, and says what has changed: a status is read out when its words change. */
  #show(seen: Seen): void {
    this.#seen = seen;
    const write = (element: HTMLElement, text: string) => {
      if (element.textContent !== text) element.textContent = text;
    };
    write(this.#label, action(seen, this.settings.label));
    write(this.#status, said(seen));
    write(this.#trouble, seen.trouble ?? seen.silence ?? "");
    this.#panel.hidden = seen.state === "none";
    this.#trouble.hidden = !this.#trouble.textContent;
    this.#form.hidden = !this.#goesOn || seen.state === "connecting";
    this.#mute.hidden = !this.#goesOn || !seen.microphone;
    this.#mute.setAttribute("aria-pressed", String(seen.muted));
    this.#button.classList.toggle("on", this.#goesOn);
    this.#tell();
  }

  /** #tell brings the list of lines up to date, changing no more than has changed: a log is read out as it grows. */
  #tell(): void {
    const lines = this.#seen.lines.filter((line) => line.final && line.text && (line.role === "agent" || line.role === "user"));
    this.#lines.hidden = lines.length === 0;
    lines.forEach((line, i) => {
      const text = line.role === "user" ? `You: ${line.text}` : line.text;
      const item = this.#lines.children[i] ?? this.#lines.appendChild(make("p"));
      if (item.textContent !== text) item.textContent = text;
      item.className = line.role;
    });
    while (this.#lines.children.length > lines.length) this.#lines.lastChild!.remove();
    this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  /** #look shows how loud either side is, while the call goes on. */
  #look(): void {
    cancelAnimationFrame(this.#frame);
    if (!this.#goesOn) return void this.#level.style.setProperty("--loud", "0");
    const peak = Math.max(this.#call?.agents?.peak ?? 0, this.#seen.muted ? 0 : (this.#call?.own?.peak ?? 0));
    this.#level.style.setProperty("--loud", Math.min(1, Math.sqrt(peak)).toFixed(2));
    this.#frame = requestAnimationFrame(() => this.#look());
  }
}

/** begin puts the button where the script says: into an element of the page, or at its corner. */
function begin(script: HTMLScriptElement): void {
  const given = settings(script.dataset, script.src);
  if (typeof given === "string") return console.error(`widget.js: ${given}`);
  const place = given.target ? document.querySelector(given.target) : document.body;
  if (!place) return console.error(`widget.js: data-target: there is no ${given.target} on this page`);
  place.append(new Widget(given).root);
}

const script = document.currentScript as HTMLScriptElement;
if (document.readyState === "loading") addEventListener("DOMContentLoaded", () => begin(script), { once: true });
else begin(script);
