// Bots: agents bound to a channel.
import { useState } from "react";
import { ask, useAsk } from "../api";
import { forms, type Bot, type Deployment, type LoggedIn } from "../api.gen";
import { Rows } from "../resource";
import { Link } from "../router";
import { Badge, Button, Dialog, Loaded, useAct } from "../ui";
import { plain, whenShort } from "../words";
import { rules } from "./admin";

export function Bots({ who }: { who: LoggedIn }) {
  return (
    <Rows<Bot>
      title="Bots" noun="bot" may={rules(who)} about="Agents bound to a channel. A bot's agent is among the agents, too."
      list="GET /bots"
      columns={[
        { head: "Name", cell: (bot) => bot.name },
        { head: "Type", cell: (bot) => plain(bot.type) },
        { head: "State", cell: (bot) => <Badge word={bot.is_active ? "active" : "paused"} /> },
        { head: "Conversations", cell: (bot) => <Link to={`/conversations?bot_id=${bot.id}`}>{bot.conversation_count}<span className="hidden"> conversations of {bot.name}</span></Link>, number: true },
        { head: "Agent", cell: (bot) => <Link to={`/agents/${bot.agent_id}`}>open<span className="hidden"> the agent of {bot.name}</span></Link>, wide: true },
        { head: "Changed", cell: (bot) => whenShort(bot.updated_at), wide: true },
      ]}
      create={{ route: "POST /bots", schema: forms.BotCreate, names: ["name", "type", "system_prompt", "config"] }}
      update={{ route: "PUT /bots/{id}", schema: forms.BotPut, names: ["name", "system_prompt", "config"] }}
      remove={{ route: "DELETE /bots/{id}", verb: "Delete", warn: "Its numbers are answered by the default agent from then on. Its conversations stay." }}
      acts={(bot, done) => <Acts bot={bot} onDone={done} />}
    />
  );
}

function Acts({ bot, onDone }: { bot: Bot; onDone: () => void }) {
  const [found, setFound] = useState<Deployment>();
  const [shown, setShown] = useState(false);
  const { busy, fault, act } = useAct();
  const path = { id: bot.id };
  return (
    <>
      {fault && <span className="wrong" role="alert">{fault.message}</span>}
      <Button kind="bare" disabled={busy} onClick={() => void act(async () => { await ask("POST /bots/{id}/toggle", { path }); onDone(); })}>{bot.is_active ? "Pause" : "Activate"}</Button>
      <Button kind="bare" disabled={busy} onClick={() => void act(async () => setFound((await ask("POST /bots/{id}/deploy/verify", { path })).data))}>Verify</Button>
      {bot.type.startsWith("whatsapp") && <Button kind="bare" onClick={() => setShown(true)}>Channel</Button>}
      {shown && <Where bot={bot} onClose={() => setShown(false)} />}
      {found && <Checks bot={bot} found={found} onClose={() => setFound(undefined)} />}
    </>
  );
}

/** Where is what to enter at Meta or Twilio so that messages reach a bot. */
function Where({ bot, onClose }: { bot: Bot; onClose: () => void }) {
  const asking = useAsk("GET /bots/{id}/channel", { path: { id: bot.id } });
  return (
    <Dialog title={`The channel of ${bot.name}`} onClose={onClose}>
      <Loaded asking={asking}>
        {({ provider, webhook_url: url, verify_token: token }) => (
          <>
            {!provider && <p>The bot has no channel yet. Name one in its config, as <code>whatsapp</code>.</p>}
            {provider && !url && <p>The server does not know its own address: start it with PARLEY_PUBLIC_URL.</p>}
            {url && <Copied label={provider === "meta" ? "Callback URL of the app's webhook, for the field messages" : "A message comes in, and status callback (POST)"} text={url} />}
            {token && <Copied label="Verify token" text={token} />}
          </>
        )}
      </Loaded>
      <div className="actions end"><Button kind="main" onClick={onClose}>Done</Button></div>
    </Dialog>
  );
}

/** Copied is a text to be entered elsewhere. */
function Copied({ label, text }: { label: string; text: string }) {
  return <label>{label}<input readOnly value={text} onFocus={({ target }) => target.select()} /></label>;
}

/** Checks is what came of looking at a bot's channel, and what to do about it. */
function Checks({ bot, found, onClose }: { bot: Bot; found: Deployment; onClose: () => void }) {
  return (
    <Dialog title={found.verified ? `${bot.name} can be reached` : `${bot.name} is not ready`} onClose={onClose}>
      <ul className="checks">
        {found.checks.map((check, i) => (
          <li key={`${check.name}${i}`}>
            <Badge word={check.status} /> <strong>{plain(check.name)}</strong> {check.about && <span className="number">{check.about}</span>}
            <p>{check.detail}{check.fix && <><br /><span className="hint">{check.fix}</span></>}</p>
          </li>
        ))}
      </ul>
      <div className="actions end"><Button kind="main" onClick={onClose}>Done</Button></div>
    </Dialog>
  );
}
