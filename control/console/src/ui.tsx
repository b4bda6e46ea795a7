// The parts that pages are made of.
import { useEffect, useId, useRef, useState, type ButtonHTMLAttributes, type ReactNode } from "react";
import { Fault, type Asking } from "./api";
import { setQuery, usePlace } from "./router";
import { plain } from "./words";

export function Page({ title, about, actions, children }: { title: string; about?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Parley`;
  }, [title]);
  return (
    <>
      <header className="page-head">
        <div>
          <h1>{title}</h1>
          {about && <p className="quiet">{about}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Card({ title, aside, children, flush }: { title?: string; aside?: ReactNode; children: ReactNode; flush?: boolean }) {
  const id = useId();
  return (
    <section className={flush ? "card flush" : "card"} aria-labelledby={title ? id : undefined}>
      {title && (
        <header className="card-head">
          <h2 id={id}>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export function Button({ kind = "plain", ...rest }: { kind?: "plain" | "main" | "danger" | "bare" } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return <button type="button" className={`button ${kind}`} {...rest} />;
}

const tones: Record<string, string> = {
  completed: "good", active: "good", delivered: "good", works: "good", achieved: "good", enabled: "good", in_progress: "live", running: "live", initiated: "live",
  failed: "bad", refused: "bad", revoked: "bad", cancelled: "bad", not_achieved: "bad", paused: "warn", pending: "warn", partly_achieved: "warn",
  escalated: "warn", passed: "good", not_supported: "warn", registered: "good", up: "good", down: "bad", not_registered: "bad", fails: "bad", troubled: "warn",
};

export function Badge({ word }: { word: string | null | undefined }) {
  if (!word) return <span className="quiet">–</span>;
  return <span className={`badge ${tones[word] ?? ""}`}>{plain(word)}</span>;
}

/** What went wrong, read out to those who do not see it. */
export function Trouble({ fault }: { fault?: Error }) {
  if (!fault) return null;
  const details = fault instanceof Fault ? Object.entries(fault.details) : [];
  return (
    <div role="alert" className="trouble">
      <p>{fault.message}</p>
      {details.length > 0 && (
        <ul>
          {details.map(([field, text]) => (
            <li key={field}>
              <code>{field}</code> {text}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Loaded shows what was asked for, or that it is on its way, or why it does not come. */
export function Loaded<T>({ asking, children }: { asking: Asking<T>; children: (data: T) => ReactNode }) {
  if (asking.data === undefined && asking.fault) return <Trouble fault={asking.fault} />;
  if (asking.data === undefined) return <p className="quiet pad" role="status">Loading…</p>;
  return (
    <>
      <Trouble fault={asking.fault} />
      {children(asking.data)}
    </>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  number?: boolean;
  wide?: boolean; // left out on narrow screens
}

export function Table<T extends { id: string | number }>({ name, columns, rows, empty }: { name: string; columns: Column<T>[]; rows: T[]; empty: ReactNode }) {
  if (rows.length === 0) return <div className="empty">{empty}</div>;
  const look = (column: Column<T>) => [column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || undefined;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={name}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" className={look(column)}>
                {column.head || <span className="hidden">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              {columns.map((column) => (
                <td key={column.head} className={look(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Filter chooses what a list shows; the choice stands in the page's URL. "" is any. */
export function Filter({ label, name, options }: { label: string; name: string; options: (string | { value: string; name: string })[] }) {
  const value = usePlace().query.get(name) ?? "";
  const all = options.map((option) => (typeof option === "string" ? { value: option, name: plain(option) } : option));
  return (
    <label>
      {label}
      <select value={value} onChange={({ target }) => setQuery({ [name]: target.value, offset: "" })}>
        <option value="">any</option>
        {all.map((option) => <option key={option.value} value={option.value}>{option.name}</option>)}
      </select>
    </label>
  );
}

/** Narrowed says that a list is of one thing alone, to which a link led, and leads back to all. */
export function Narrowed({ name, to }: { name: string; to: string }) {
  const value = usePlace().query.get(name);
  if (!value) return null;
  return (
    <span className="narrowed">
      of one {to} <Button kind="bare" className="button bare small" onClick={() => setQuery({ [name]: "", offset: "" })}>Show all</Button>
    </span>
  );
}

export const pageSize = 25;

/** Pager leads through a list, whose offset stands in the page's URL. */
export function Pager({ total, offset }: { total: number; offset: number }) {
  if (total <= pageSize && offset === 0) return null;
  const to = (next: number) => setQuery({ offset: next > 0 ? String(next) : "" });
  return (
    <nav className="pager" aria-label="Pages">
      <span className="quiet">
        {Math.min(offset + 1, total)}–{Math.min(offset + pageSize, total)} of {total}
      </span>
      <Button disabled={offset === 0} onClick={() => to(offset - pageSize)}>Newer</Button>
      <Button disabled={offset + pageSize >= total} onClick={() => to(offset + pageSize)}>Older</Button>
    </nav>
  );
}

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current!;
    if (!dialog.open) dialog.showModal();
    dialog.querySelector<HTMLElement>(".dialog-body :is(input:not([readonly]), select, textarea, button)")?.focus(); // not what closes it
    return () => dialog.close();
  }, []);
  return (
    <dialog ref={box} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <header className="card-head">
        <h2 id={id}>{title}</h2>
        <Button kind="bare" aria-label="Close" onClick={onClose}>✕</Button>
      </header>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
}

/** A secret that is shown this once. */
export function Secret({ about, value }: { about: string; value: string }) {
  const [copied, setCopied] = useState(false);
  const id = useId();
  return (
    <div className="secret">
      <label htmlFor={id}>{about}</label>
      <input id={id} readOnly value={value} onFocus={(event) => event.target.select()} />
      <Button onClick={() => void navigator.clipboard?.writeText(value).then(() => setCopied(true))}>{copied ? "Copied" : "Copy"}</Button>
    </div>
  );
}

/** useAct runs what a button does, one at a time, and keeps what went wrong. */
export function useAct(): { busy: boolean; fault?: Error; act: (f: () => Promise<unknown>) => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Error>();
  const act = async (f: () => Promise<unknown>) => {
    setBusy(true);
    setFault(undefined);
    try {
      await f();
    } catch (error) {
      setFault(error as Error);
    } finally {
      setBusy(false);
    }
  };
  return { busy, fault, act };
}

/** A button that asks once more before it does what cannot be undone. */
export function Sure({ label, question, onSure }: { label: string; question: string; onSure: () => Promise<unknown> }) {
  const [open, setOpen] = useState(false);
  const { busy, fault, act } = useAct();
  return (
    <>
      <Button kind="bare" onClick={() => setOpen(true)}>{label}</Button>
      {open && (
        <Dialog title={`${label}?`} onClose={() => setOpen(false)}>
          <p>{question}</p>
          <Trouble fault={fault} />
          <div className="actions end">
            <Button onClick={() => setOpen(false)}>Keep</Button>
            <Button kind="danger" disabled={busy} onClick={() => void act(async () => { await onSure(); setOpen(false); })}>{label}</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}
