import { useState, type FormEvent } from "react";
import { ask } from "../api";
import type { LoggedIn } from "../api.gen";
import { Mark } from "../app";
import { Trouble, useAct } from "../ui";

/** SignIn asks for an address and a password. The session is a cookie that no script can read. */
export function SignIn({ onEnter }: { onEnter: (who: LoggedIn) => void }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { busy, fault, act } = useAct();
  const enter = (event: FormEvent) => {
    event.preventDefault();
    void act(async () => onEnter((await ask("POST /auth/login", { body: { email, password } })).data));
  };
  return (
    <main className="gate">
      <form onSubmit={enter} className="card gate-card">
        <Mark />
        <h1>Sign in to Parley</h1>
        <label>
          Email
          <input type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.target.value)} />
        </label>
        <label>
          Password
          <input type="password" autoComplete="current-password" required maxLength={512} value={password} onChange={(event) => setPassword(event.target.value)} />
        </label>
        <Trouble fault={fault} />
        <button className="button main" disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
        <p className="quiet">Lost your password? Whoever runs the server sets a new one with <code>parley users password</code>.</p>
      </form>
    </main>
  );
}
