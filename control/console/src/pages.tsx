// Which pages there are, and where: the whole console on one screen.
import type { ReactNode } from "react";
import type { LoggedIn } from "./api.gen";
import { Overview } from "./pages/overview";
import { Calls } from "./pages/calls";
import { CallPage } from "./pages/call";
import { AgentPage, Agents } from "./pages/agents";
import { Contacts, CustomFields } from "./pages/contacts";
import { Live } from "./pages/live";
import { Talk } from "./pages/talk";
import { CampaignPage, Campaigns, TaskPage, Tasks } from "./pages/tasks";
import { CredentialsPage, DoNotCall, Keys, Numbers, Organisation, Trunks, Users, rules } from "./pages/admin";
import { Extensions } from "./pages/extensions";
import { Webhooks } from "./pages/webhooks";
import { Bots } from "./pages/bots";
import { ConversationPage, Conversations } from "./pages/conversations";

export interface Place {
  to: string;
  name?: string; // in the list of places; none: it is reached from another page
  at: RegExp;
  /** again reads the session anew, whose organisation or person has changed. */
  show: (match: RegExpExecArray, who: LoggedIn, again: () => void) => ReactNode;
}

export const pages: { name: string; pages: Place[] }[] = [
  {
    name: "Watch",
    pages: [
      { to: "/talk", name: "Talk", at: /^\/talk$/, show: () => <Talk /> },
      { to: "/", name: "Overview", at: /^\/$/, show: () => <Overview /> },
      { to: "/calls", name: "Calls", at: /^\/calls$/, show: () => <Calls /> },
      { to: "/calls/", at: /^\/calls\/([\w-]+)$/, show: (match) => <CallPage key={match[1]} id={match[1]} /> },
      { to: "/live", name: "Live", at: /^\/live$/, show: () => <Live /> },
    ],
  },
  {
    name: "Work",
    pages: [
      { to: "/agents", name: "Agents", at: /^\/agents$/, show: (_, who) => <Agents who={who} /> },
      { to: "/agents/", at: /^\/agents\/([\w-]+)$/, show: (match, who) => <AgentPage key={match[1]} id={match[1]} who={who} /> },
      { to: "/bots", name: "Bots", at: /^\/bots$/, show: (_, who) => <Bots who={who} /> },
      { to: "/conversations", name: "Conversations", at: /^\/conversations$/, show: () => <Conversations /> },
      { to: "/conversations/", at: /^\/conversations\/([\w-]+)$/, show: (match) => <ConversationPage key={match[1]} id={match[1]} /> },
      { to: "/contacts", name: "Contacts", at: /^\/contacts$/, show: () => <Contacts /> },
      { to: "/custom-fields", name: "Custom fields", at: /^\/custom-fields$/, show: (_, who) => <CustomFields may={rules(who)} /> },
      { to: "/tasks", name: "Tasks", at: /^\/tasks$/, show: () => <Tasks /> },
      { to: "/tasks/", at: /^\/tasks\/([\w-]+)$/, show: (match) => <TaskPage key={match[1]} id={match[1]} /> },
      { to: "/campaigns", name: "Campaigns", at: /^\/campaigns$/, show: () => <Campaigns /> },
      { to: "/campaigns/", at: /^\/campaigns\/([\w-]+)$/, show: (match) => <CampaignPage key={match[1]} id={match[1]} /> },
    ],
  },
  {
    name: "Lines",
    pages: [
      { to: "/numbers", name: "Numbers", at: /^\/numbers$/, show: (_, who) => <Numbers who={who} /> },
      { to: "/trunks", name: "Trunks", at: /^\/trunks$/, show: (_, who) => <Trunks who={who} /> },
      { to: "/extensions", name: "Extensions", at: /^\/extensions$/, show: (_, who) => <Extensions who={who} /> },
      { to: "/do-not-call", name: "Do not call", at: /^\/do-not-call$/, show: (_, who) => <DoNotCall who={who} /> },
      { to: "/credentials", name: "Credentials", at: /^\/credentials$/, show: (_, who) => <CredentialsPage who={who} /> },
      { to: "/webhooks", name: "Webhooks", at: /^\/webhooks$/, show: (_, who) => <Webhooks who={who} /> },
    ],
  },
  {
    name: "People",
    pages: [
      { to: "/keys", name: "API keys", at: /^\/keys$/, show: () => <Keys /> },
      { to: "/users", name: "Users", at: /^\/users$/, show: (_, who) => <Users who={who} /> },
      { to: "/organisation", name: "Organisation", at: /^\/organisation$/, show: (_, who, again) => <Organisation who={who} onRename={again} /> },
    ],
  },
];
