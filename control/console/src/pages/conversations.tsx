// Conversations: threads between customers and bots, by telephone and by text.
import { useCallback, useEffect, useState } from "react";
import { ask, useAsk } from "../api";
import type { Conversation, Message } from "../api.gen";
import { follow } from "../follow";
import { Link, setQuery, usePlace } from "../router";
import { Badge, Button, Card, Loaded, Page, pageSize, Pager, Table, Trouble, useAct } from "../ui";
import { plain, when, whenShort } from "../words";

const channels = ["", "voice", "whatsapp"];
const statuses = ["active", "completed", "escalated", "failed"] as const;

/** useEvents calls f when something happens to a conversation of the organisation; of which, is said: undefined, it may be any. */
function useEvents(f: (conversation?: string) => void) {
  useEffect(() => follow("/ws/conversations", (text) => {
    const { data } = JSON.parse(text) as { data?: { id: string; conversation_id?: string } };
    if (data) f(data.conversation_id ?? data.id);
  }, () => f()), [f]);
}

export function Conversations() {
  const { query } = usePlace();
  const offset = Number(query.get("offset") ?? 0);
  const [channel, status, bot] = ["channel", "status", "bot_id"].map((name) => query.get(name) ?? "");
  const asking = useAsk("GET /conversations", { query: { channel, status, bot_id: bot, limit: pageSize, offset } });
  const bots = useAsk("GET /bots", { query: { limit: 1000 } });
  useEvents(asking.again);
  return (
    <Page title="Conversations" about="What customers and bots have said to each other, by telephone and by text.">
      <div className="filters">
        <Filter name="channel" value={channel} options={channels.map((one) => ({ value: one, name: one ? plain(one) : "any" }))} />
        <Filter name="status" value={status} options={["", ...statuses].map((one) => ({ value: one, name: one ? plain(one) : "any" }))} />
        <Filter name="bot_id" label="Bot" value={bot} options={[{ value: "", name: "any" }, ...(bots.data ?? []).map(({ id, name }) => ({ value: id, name }))]} />
      </div>
      <Card flush>
        <Loaded asking={asking}>
          {(rows) => (
            <>
              <Table<Conversation> name="Conversations" rows={rows} empty={<p>No conversations yet.</p>} columns={[
                { head: "With", cell: (one) => <Link to={`/conversations/${one.id}`}>{one.external_id || "withheld"}</Link> },
                { head: "Channel", cell: (one) => plain(one.channel) },
                { head: "State", cell: (one) => <Badge word={one.status} /> },
                { head: "Bot", cell: (one) => one.bot_name, wide: true },
                { head: "Length", cell: (one) => (one.duration_seconds === null ? "–" : `${one.duration_seconds} s`), number: true, wide: true },
                { head: "Changed", cell: (one) => whenShort(one.updated_at), wide: true },
              ]} />
              <Pager total={asking.total} offset={offset} />
            </>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function Filter({ name, label = plain(name), value, options }: { name: string; label?: string; value: string; options: { value: string; name: string }[] }) {
  return (
    <label>
      {label}
      <select value={value} onChange={({ target }) => setQuery({ [name]: target.value, offset: "" })}>
        {options.map((option) => <option key={option.value} value={option.value}>{option.name}</option>)}
      </select>
    </label>
  );
}

/** ConversationPage shows a thread as it goes on, says where it stands, and has replies drafted. */
export function ConversationPage({ id }: { id: string }) {
  const one = useAsk("GET /conversations/{id}", { path: { id } });
  const thread = useAsk("GET /conversations/{id}/messages", { path: { id } });
  const [{ again: againOne }, { again: againThread }] = [one, thread];
  useEvents(useCallback((conversation) => {
    if (conversation && conversation !== id) return;
    againOne();
    againThread();
  }, [id, againOne, againThread]));
  return (
    <Loaded asking={one}>
      {(conversation) => (
        <Page
          title={conversation.external_id || "Withheld"}
          about={<><Badge word={conversation.status} /> {plain(conversation.channel)} · {conversation.bot_name} · since {when(conversation.created_at)}</>}
          actions={conversation.channel === "voice" && <Link className="button" to={`/calls/${id}`}>The call</Link>}
        >
          <Standing conversation={conversation} onDone={one.again} />
          <Card title="Thread" flush>
            <Loaded asking={thread}>{(messages) => <Thread messages={messages} />}</Loaded>
          </Card>
          {conversation.channel === "voice" ? <Drafting id={id} /> : <Composer id={id} />}
        </Page>
      )}
    </Loaded>
  );
}

const speakers: Record<Message["role"], string> = { user: "Customer", assistant: "Bot", tool: "Tool", system: "Note" };

function Thread({ messages }: { messages: Message[] }) {
  if (messages.length === 0) return <div className="empty">Nothing was said yet.</div>;
  return (
    <ol className="words" aria-live="polite" aria-label="Messages" tabIndex={0}>
      {messages.map((message) => (
        <li key={message.id} className={message.role === "assistant" ? "agent" : message.role}>
          <time className="quiet" dateTime={message.created_at} title={when(message.created_at)}>{new Date(message.created_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false })}</time>
          <b>{message.author === "human" ? "We" : speakers[message.role]}</b>
          <p>
            {message.message_type !== "text" && <span className="quiet">[{plain(message.message_type)}] </span>}
            {message.content}
            {message.status && <Badge word={message.status} />}
            {message.error && <><br /><span className="wrong">{message.error}</span></>}
          </p>
        </li>
      ))}
    </ol>
  );
}

function Standing({ conversation, onDone }: { conversation: Conversation; onDone: () => void }) {
  const { busy, fault, act } = useAct();
  const path = { id: conversation.id };
  const change = (f: () => Promise<unknown>) => void act(async () => { await f(); onDone(); });
  return (
    <Card title="Where it stands">
      <div className="filters">
        <label>
          State
          <select value={conversation.status} disabled={busy} onChange={({ target }) => change(() => ask("PUT /conversations/{id}/status", { path, body: { status: target.value } }))}>
            {statuses.map((status) => <option key={status} value={status}>{plain(status)}</option>)}
          </select>
        </label>
        <label className="check">
          <input type="checkbox" checked={conversation.ai_autoreply_enabled} disabled={busy}
            onChange={({ target }) => change(() => ask("POST /conversations/{id}/autoreply", { path, body: { enabled: target.checked } }))} />
          The bot replies by itself
        </label>
      </div>
      <Trouble fault={fault} />
    </Card>
  );
}

/** Composer writes to the customer by the channel, from nothing or from what the bot would answer. */
function Composer({ id }: { id: string }) {
  const [text, setText] = useState("");
  const [drafted, setDrafted] = useState(false);
  const { busy, fault, act } = useAct();
  const path = { id };
  const draft = () => void act(async () => {
    setText((await ask("POST /conversations/{id}/ai-draft", { path })).data.draft);
    setDrafted(true);
  });
  const send = () => void act(async () => {
    await ask("POST /conversations/{id}/messages", { path, body: { content: text } });
    setText((now) => (now === text ? "" : now)); // what was typed meanwhile stays
    setDrafted(false);
  });
  return (
    <Card title="Reply" aside={<Button disabled={busy} onClick={draft}>Draft a reply</Button>}>
      <p className="quiet">{drafted ? "What the bot would answer. It is sent when you send it." : "It is sent to the customer from the bot's number. The bot goes on replying by itself unless you turn that off."}</p>
      <Trouble fault={fault} />
      <label>
        Your words
        <textarea rows={4} maxLength={4096} value={text} onChange={({ target }) => setText(target.value)}
          onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !busy && text.trim()) send(); }} />
      </label>
      <div className="actions end"><Button kind="main" disabled={busy || !text.trim()} onClick={send}>Send</Button></div>
    </Card>
  );
}

function Drafting({ id }: { id: string }) {
  const [draft, setDraft] = useState<string>();
  const { busy, fault, act } = useAct();
  return (
    <Card title="AI draft" aside={<Button disabled={busy} onClick={() => void act(async () => setDraft((await ask("POST /conversations/{id}/ai-draft", { path: { id } })).data.draft))}>{busy ? "Drafting…" : "Draft a reply"}</Button>}>
      <p className="quiet">What the bot would answer. It is not sent.</p>
      <Trouble fault={fault} />
      {draft !== undefined && <textarea aria-label="Draft" rows={4} value={draft} onChange={({ target }) => setDraft(target.value)} />}
    </Card>
  );
}
