// The frame of all pages: who is signed in, where they can go, and which page stands there.
import { useCallback, useEffect, useState } from "react";
import { ask, Fault, onSignedOut } from "./api";
import type { LoggedIn } from "./api.gen";
import { go, Link, usePlace } from "./router";
import { Button } from "./ui";
import { pages } from "./pages";
import { SignIn } from "./pages/signin";
import { current, goesOn, useTalk } from "./talk";

// Whether it is worth asking for a session: its cookie is for the server alone. /invite leaves this mark, too.
const known = "parley.known";

export function App() {
  const [who, setWho] = useState<LoggedIn | null | undefined>(undefined); // null: nobody
  const [fault, setFault] = useState<Error>();
  const look = useCallback(() => {
    setFault(undefined);
    ask("GET /auth/session").then(
      ({ data }) => setWho(data),
      (error: Error) => (error instanceof Fault && error.status === 401 ? setWho(null) : setFault(error)),
    );
  }, []);
  useEffect(() => {
    if (localStorage.getItem(known)) look();
    else setWho(null);
    return onSignedOut(() => {
      current()?.hangUp(); // nobody could, any more
      setWho(null);
    });
  }, [look]);
  useEffect(() => {
    if (who) localStorage.setItem(known, "1");
    else if (who === null) localStorage.removeItem(known);
  }, [who]);
  const enter = (person: LoggedIn) => {
    if (location.pathname === "/console/") go("/talk", true); // the first thing to do here
    setWho(person);
  };
  if (fault) {
    return (
      <main className="gate">
        <p role="alert">{fault.message}</p>
        <Button onClick={look}>Try again</Button>
      </main>
    );
  }
  if (who === undefined) return <main className="gate quiet" role="status">Loading…</main>;
  return who ? <Frame who={who} onChange={look} onLeave={() => setWho(null)} /> : <SignIn onEnter={enter} />;
}

function Frame({ who, onChange, onLeave }: { who: LoggedIn; onChange: () => void; onLeave: () => void }) {
  const { path } = usePlace();
  const inCall = goesOn(useTalk().state);
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const found = pages.flatMap((group) => group.pages).map((page) => ({ page, match: page.at.exec(path) })).find(({ match }) => match);
  const leave = () => {
    current()?.hangUp();
    void ask("POST /auth/logout").then(onLeave, onLeave);
  };
  return (
    <div className="frame">
      <a className="skip" href="#main">To the page</a>
      <aside className={open ? "side open" : "side"}>
        <div className="brand">
          <Mark />
          <strong>Parley</strong>
          <Button kind="bare" className="button menu" aria-expanded={open} aria-controls="places" onClick={() => setOpen(!open)}>Menu</Button>
        </div>
        <nav id="places" aria-label="Places">
          {pages.map((group) => (
            <div key={group.name} className="group">
              <h2>{group.name}</h2>
              {group.pages.filter((page) => page.name).map((page) => (
                <Link key={page.to} to={page.to} aria-current={page.to === "/" ? (path === "/" ? "page" : undefined) : path.startsWith(page.to) ? "page" : undefined}>
                  {page.name}
                  {page.to === "/talk" && inCall && <><i className="dot" /><span className="hidden">, in a call</span></>}
                </Link>
              ))}
            </div>
          ))}
          <footer className="group">
            <span className="who" title={who.user.email}>{who.user.name ?? who.user.email}</span>
            <span className="quiet">{who.organization.name} · {who.user.role}</span>
            <Button kind="bare" onClick={leave}>Sign out</Button>
          </footer>
        </nav>
      </aside>
      <main id="main" tabIndex={-1}>
        {found ? found.page.show(found.match!, who, onChange) : <p>Nothing is here. <Link to="/">To the overview</Link></p>}
      </main>
    </div>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" className="mark" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M8 13v6M13 9v14M18.500 12v8M24 7v18" />
    </svg>
  );
}
