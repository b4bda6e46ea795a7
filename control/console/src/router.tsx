// Where the page is: paths below /console, by the browser's own history.
import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from "react";

const root = "/console";
const moved = new EventTarget();

export function go(to: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", root + to);
  moved.dispatchEvent(new Event("move"));
  if (!replace) scrollTo(0, 0);
}

function subscribe(f: () => void): () => void {
  moved.addEventListener("move", f);
  addEventListener("popstate", f);
  return () => {
    moved.removeEventListener("move", f);
    removeEventListener("popstate", f);
  };
}

/** usePlace is the path below /console, with what stands behind its question mark. */
export function usePlace(): { path: string; query: URLSearchParams } {
  const place = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const { pathname, searchParams } = new URL(place, location.origin);
  return { path: pathname.slice(root.length) || "/", query: searchParams };
}

/** setQuery changes what stands behind the question mark, and leaves out what is empty. */
export function setQuery(change: Record<string, string>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  go(location.pathname.slice(root.length) + (query.size ? `?${query}` : ""), true);
}

export function Link({ to, onClick, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.defaultPrevented) return;
    event.preventDefault();
    go(to);
  };
  return <a href={root + to} onClick={follow} {...rest} />;
}
