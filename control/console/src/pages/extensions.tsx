import { useState } from "react";
import { ask } from "../api";
import { forms, type Extension, type LoggedIn, type NewExtension } from "../api.gen";
import { Rows } from "../resource";
import { Dialog, Secret, Sure } from "../ui";
import { whenShort } from "../words";
import { rules } from "./admin";
import { useAgents } from "./calls";

/** Extensions are the softphones of the organisation's people, which register here. */
export function Extensions({ who }: { who: LoggedIn }) {
  const agents = useAgents();
  return (
    <Rows<Extension>
      title="Extensions" noun="extension" may={rules(who)} about="Softphones of your people: they register here, call agents, and are called when agents transfer to ext:NAME."
      list="GET /extensions"
      columns={[
        { head: "Username", cell: (extension) => <code>{extension.username}</code> },
        { head: "Name", cell: (extension) => extension.name },
        { head: "Agent", cell: (extension) => (extension.agent_id ? (agents.get(extension.agent_id) ?? "–") : "the default"), wide: true },
        { head: "Since", cell: (extension) => whenShort(extension.created_at), wide: true },
      ]}
      create={{ route: "POST /extensions", schema: forms.ExtensionCreate, names: ["username", "name", "agent_id"] }}
      made={(made: NewExtension) => <Secret about={`The password of ${made.username}: copy it now, it is shown this once.`} value={made.password} />}
      update={{ route: "PATCH /extensions/{id}", schema: forms.ExtensionPatch, names: ["name", "agent_id"] }}
      remove={{ route: "DELETE /extensions/{id}", verb: "Delete", warn: "Its softphone is no longer registered when its registration expires." }}
      acts={(extension) => <Password extension={extension} />}
      choices={{ agent_id: [...agents].map(([value, name]) => ({ value, name })) }}
    />
  );
}

function Password({ extension }: { extension: Extension }) {
  const [made, setMade] = useState<NewExtension>();
  return (
    <>
      <Sure label="New password" question={`The softphone of ${extension.username} needs the new one to register again.`}
        onSure={async () => setMade((await ask("POST /extensions/{id}/password", { path: { id: extension.id } })).data)} />
      {made && (
        <Dialog title={`The new password of ${made.username}`} onClose={() => setMade(undefined)}>
          <Secret about="Copy it now: it is shown this once." value={made.password} />
        </Dialog>
      )}
    </>
  );
}
