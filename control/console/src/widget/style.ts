/** style is the widget's own: nothing of the page's reaches it but what --parley-accent and --parley-on-accent say. */
export const style = `
:host { all: initial; color-scheme: light dark; }
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
.frame {
  --ink: light-dark(#16201f, #e4eae9); --quiet: light-dark(#55636a, #9aa9ad); --card: light-dark(#ffffff, #171c1f); --line: light-dark(#c9d1d4, #3a454a);
  --accent: var(--parley-accent, light-dark(#0f766e, #4fc3b6)); --on-accent: var(--parley-on-accent, light-dark(#ffffff, #06211e)); --bad: light-dark(#b3261e, #ff8f85);
  display: flex; flex-direction: column; align-items: flex-end; gap: 10px; color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
.corner { position: fixed; z-index: 2147483000; right: max(16px, env(safe-area-inset-right)); bottom: max(16px, env(safe-area-inset-bottom)); max-width: calc(100vw - 32px); }
button, input { font: inherit; color: inherit; }
button { border: 1px solid var(--line); border-radius: 999px; background: var(--card); padding: 6px 14px; min-height: 36px; cursor: pointer; }
button[aria-pressed="true"] { background: var(--ink); color: var(--card); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.main { display: inline-flex; align-items: center; gap: 10px; min-height: 48px; padding: 0 22px; border-color: transparent; background: var(--accent); color: var(--on-accent); font-weight: 600; box-shadow: 0 2px 10px rgb(0 0 0 / 0.25); }
.main .dot { width: 10px; height: 10px; border-radius: 50%; background: currentColor; }
.main.on .dot { border-radius: 2px; }
.panel { width: 320px; max-width: 100%; padding: 14px; border: 1px solid var(--line); border-radius: 14px; background: var(--card); box-shadow: 0 4px 24px rgb(0 0 0 / 0.18); }
.panel > * + * { margin-top: 10px; }
.head { display: flex; align-items: center; gap: 10px; }
.status { flex: 1; font-weight: 600; }
.level { flex: none; width: 40px; height: 8px; border-radius: 4px; overflow: hidden; border: 1px solid var(--line); }
.level::before { content: ""; display: block; height: 100%; background: var(--accent); transform-origin: left; transform: scaleX(var(--loud, 0)); }
.trouble { color: var(--bad); font-size: 14px; }
.lines { max-height: 200px; overflow-y: auto; overflow-wrap: anywhere; }
.lines p + p { margin-top: 6px; }
.lines .user { color: var(--quiet); text-align: right; }
form { display: flex; gap: 8px; align-items: flex-end; }
label { flex: 1; min-width: 0; font-size: 13px; color: var(--quiet); }
input { display: block; width: 100%; min-height: 36px; padding: 4px 10px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: var(--ink); font-size: 16px; }
@media (prefers-reduced-motion: reduce) { .level { display: none; } }
@media (forced-colors: active) { .main, .panel { border: 1px solid; } }
`;
