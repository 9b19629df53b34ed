"""How the report page looks: on a phone, on a desk, by day, by night, on paper."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --card: #fff; --page: #f3f5f8;
  --line: #dde2e9; --warn: #b4470b; --s0: #1f6fb2; --s1: #d2691e; --s2: #2e8b57; --s3: #7b4fa3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --card: #1b2129;
  --page: #12161c; --line: #2f3843; --warn: #ff9a5c; --s0: #6cb4ee; --s1: #f0a060; --s2: #6cc795;
  --s3: #b894dc; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main { max-width: 1280px; margin: 0 auto; padding: 16px; }
header { padding-bottom: 0; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 0; }
h3 { font-size: .95rem; margin: 12px 0 4px; }
p { margin: 2px 0 10px; color: var(--soft); }
main { columns: 2 480px; column-gap: 14px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px; margin-bottom: 14px; break-inside: avoid; }
.wide { column-span: all; }
.figures { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
@media (min-width: 1000px) { .figures { grid-template-columns: repeat(6, 1fr); } }
.figure b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
.figure span { color: var(--soft); } .figure.warn b { color: var(--warn); }
.scroll { overflow-x: auto; } .scroll + .scroll, .scroll + p { margin-top: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { text-align: left; vertical-align: bottom; padding: 4px 9px 4px 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; white-space: normal; }
td.number { font-variant-numeric: tabular-nums; }
tbody tr:last-child td { border-bottom: 0; }
figure { margin: 0 0 8px; } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font-size: 12px; } svg .y { text-anchor: end; }
svg .x { text-anchor: middle; }
svg .grid { stroke: var(--line); } svg .goal { stroke: var(--soft); stroke-dasharray: 5 4; }
polyline { fill: none; stroke-width: 2; }
polyline.s0 { stroke: var(--s0); } polyline.s1 { stroke: var(--s1); }
polyline.s2 { stroke: var(--s2); } polyline.s3 { stroke: var(--s3); }
circle.s0 { fill: var(--s0); } circle.s1 { fill: var(--s1); } circle.s2 { fill: var(--s2); }
circle.s3 { fill: var(--s3); }
figcaption span { margin-right: 14px; font-size: .85rem; }
figcaption .s0 { color: var(--s0); } figcaption .s1 { color: var(--s1); }
figcaption .s2 { color: var(--s2); } figcaption .s3 { color: var(--s3); }
.bars { margin-bottom: 8px; } .bar { display: flex; align-items: center; gap: 8px; margin: 3px 0; }
.bar span { flex: 0 0 150px; font-size: .85rem; overflow-wrap: anywhere; }
.bar i { background: var(--s0); height: 12px; border-radius: 3px; min-width: 2px; }
.bar b { font-size: .85rem; font-weight: 600; }
.nothing { color: var(--soft); font-style: italic; margin: 0; }
@media (max-width: 600px) { svg text { font-size: 17px; } h1 { font-size: 1.25rem; }
  .spare { display: none; } th, td { padding-right: 6px; } td:first-child { white-space: normal; }
  .figures { grid-template-columns: repeat(2, 1fr); } }
@media print { body { background: #fff; } section { border-color: #bbb; } }
"""
