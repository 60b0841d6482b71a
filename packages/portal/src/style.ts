/** The portal's style. Set the custom properties `--webhooks-*` on the element, or around it, to theme it. */
export const css = `
:host {
  display: block; container-type: inline-size; color-scheme: light dark;
  --accent: var(--webhooks-accent, light-dark(#5350c4, #aba9ff));
  --on-accent: var(--webhooks-on-accent, light-dark(#ffffff, #0d0d12));
  --bg: var(--webhooks-background, light-dark(#ffffff, #17171b));
  --surface: var(--webhooks-surface, light-dark(#f5f5f7, #1d1d22));
  --text: var(--webhooks-text, light-dark(#16171d, #ededf2));
  --muted: var(--webhooks-muted, light-dark(#5a5c67, #a9aab6));
  --line: var(--webhooks-border, light-dark(#e4e4e9, #2a2a32));
  --field: light-dark(#8b8c98, #6e6f7d);
  --radius: var(--webhooks-radius, 6px);
  --good: light-dark(#12683e, #5fd79e); --bad: light-dark(#ad1f3b, #ff8fa0); --warn: light-dark(#9a3b06, #ff9f66); --info: light-dark(#1f58a3, #8dbdf7);
  font: 13px/20px var(--webhooks-font, Inter, system-ui, -apple-system, "Segoe UI", sans-serif); color: var(--text); background: var(--bg);
  border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; text-align: start;
}
:host([hidden]), [hidden] { display: none !important; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
*, *::before { box-sizing: border-box; }
nav { display: flex; gap: 4px; padding: 0 16px; border-bottom: 1px solid var(--line); background: var(--surface); overflow-x: auto; }
nav button { border: 0; border-radius: 0; background: none; padding: 12px 8px; border-bottom: 2px solid transparent; color: var(--muted); white-space: nowrap; }
nav button[aria-current] { color: var(--text); border-bottom-color: var(--accent); }
.main { padding: 16px 20px 20px; }
.main.stale { opacity: .75; }
.main[aria-busy] { opacity: .5; transition: opacity 0s 300ms; }
header { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; margin: 4px 0 12px; }
header h2 { flex: 0 1 auto; margin: 0; font-size: 18px; line-height: 1.3; font-weight: 600; overflow-wrap: anywhere; }
header h2:focus { outline: none; }
header button { margin-inline-start: auto; }
h3 { font-size: 13px; font-weight: 600; margin: 20px 0 8px; }
p { margin: 0 0 12px; overflow-wrap: anywhere; }
button, select, input, textarea { font: inherit; color: inherit; border-radius: var(--radius); }
button { min-height: 30px; padding: 4px 12px; border: 1px solid var(--line); background: var(--bg); cursor: pointer; }
button:hover { background: var(--surface); }
button[aria-disabled] { opacity: .6; cursor: default; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.danger { color: var(--bad); }
button.link { display: inline-flex; align-items: center; border: 0; padding: 0; min-height: 24px; background: none; color: var(--accent); text-align: start; overflow-wrap: anywhere; }
button.link:hover { text-decoration: underline; }
button.back { border: 0; padding: 0; min-height: 24px; background: none; color: var(--muted); }
button.back::before { content: "\\2190\\00a0" / ""; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0; } .actions:empty { display: none; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: start; font-weight: 500; color: var(--muted); font-size: 12px; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); }
td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; overflow-wrap: anywhere; }
td.moment { white-space: nowrap; } td.event { min-width: 110px; } td.type { overflow-wrap: normal; }
.url { display: block; color: var(--muted); font-size: 12px; }
.badge { white-space: nowrap; }
.badge::before, .mark::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-inline-end: 6px; background: currentColor; border-radius: 50%; }
.healthy, .delivered { color: var(--good); }
.failing { color: var(--warn); } .failing::before { border-radius: 0; clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.failed { color: var(--bad); } .failed::before { border-radius: 0; clip-path: polygon(20% 0, 50% 30%, 80% 0, 100% 20%, 70% 50%, 100% 80%, 80% 100%, 50% 70%, 20% 100%, 0 80%, 30% 50%, 0 20%); }
.paused { color: var(--info); } .paused::before { border-radius: 0; clip-path: polygon(0 0, 35% 0, 35% 100%, 65% 100%, 65% 0, 100% 0, 100% 100%, 0 100%); }
.disabled, .pending { color: var(--muted); } .disabled::before { border-radius: 0; height: 2px; vertical-align: middle; }
.pending::before { background: none; border: 2px solid currentColor; }
.processing { color: var(--info); } .processing::before { border-radius: 0; clip-path: polygon(0 0, 100% 50%, 0 100%); }
.empty { color: var(--muted); padding: 24px 0; }
.note, .help { color: var(--muted); font-size: 12px; }
.why { color: var(--text); background: var(--surface); border-radius: var(--radius); padding: 8px 12px; }
.old, .problem { margin: 12px 20px 0; padding: 8px 12px; border: 1px solid var(--bad); border-radius: var(--radius); color: var(--bad); overflow-wrap: anywhere; }
.problem { margin: 0 0 12px; } .problem p { margin: 0; }
.said { margin: 0; padding: 0 20px; color: var(--good); } .said:not(:empty) { padding-top: 12px; } .said.bad { color: var(--bad); }
dl { display: grid; grid-template-columns: minmax(96px, max-content) 1fr; gap: 6px 20px; margin: 12px 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font-family: var(--webhooks-mono, ui-monospace, SFMono-Regular, Menlo, Consolas, monospace); font-size: 12px; overflow-wrap: anywhere; }
pre { margin: 0 0 12px; padding: 10px 12px; max-height: 320px; overflow: auto; background: var(--surface); border-radius: var(--radius); white-space: pre-wrap; }
.caption { margin: 0 0 4px; } .confirm { display: contents; }
details { border-bottom: 1px solid var(--line); } summary { padding: 6px 0; cursor: pointer; overflow-wrap: anywhere; }
.secret { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; padding: 12px; background: var(--surface); border-radius: var(--radius); }
.secret code { font-size: 14px; }
.field { margin: 0 0 14px; max-width: 560px; } .field > label, legend { display: block; font-weight: 500; margin-bottom: 4px; padding: 0; }
.field input, .field select, .field textarea, .inline select { width: 100%; min-height: 34px; padding: 4px 8px; border: 1px solid var(--field); background: var(--bg); }
[aria-invalid] { border-color: var(--bad) !important; }
fieldset { border: 0; margin: 0 0 14px; padding: 0; max-width: 560px; }
.help, .error { margin: 4px 0 0; } .error { color: var(--bad); font-size: 13px; } .error:empty, .help:empty { display: none; }
.check { display: flex; gap: 8px; align-items: center; min-height: 28px; overflow-wrap: anywhere; } .check input { flex: none; margin: 0; width: 16px; height: 16px; accent-color: var(--accent); }
.choices { padding-inline-start: 24px; max-height: 240px; overflow: auto; }
.filters { display: flex; flex-wrap: wrap; gap: 0 12px; } .filters .field { flex: 1 1 110px; max-width: 240px; } .filters .moment { flex-basis: 190px; } .filters label { font-size: 12px; color: var(--muted); }
.fold { display: none; }
.inline { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 12px 0; } .inline h3 { flex-basis: 100%; margin: 8px 0 0; } .inline select { width: auto; max-width: 100%; }
@container (max-width: 560px) {
  .wide { display: none; }
  .main { padding: 12px 14px 16px; } nav { padding: 0 8px; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
  .fold { display: block; } header:has([aria-expanded="false"]) + .filters { display: none; }
  td.moment { white-space: normal; } td.event { min-width: 0; }
  .filters .field, .filters .moment { flex-basis: 130px; max-width: none; }
  button, .field input, .field select, .inline select { min-height: 40px; } .field input, .field select, .field textarea, .inline select { font-size: 16px; } button.link, button.back { min-height: 32px; } .check { min-height: 36px; }
}
@media (prefers-reduced-motion: no-preference) { button { transition: background 120ms; } }
`;
