import { STYLE as TOPOLOGY } from '../../topology/draw/svg.ts';

const LIGHT =
  '--page:#ffffff;--card:#f4f6f8;--ink:#1c2733;--soft:#55636f;--line:#c3ccd4;--link:#0b57c2;--ok:#1a7f42;--warn:#8a5a00;--fail:#b42318;--okback:#d9f2e1;--warnback:#fdf0cf;--failback:#fddede;--c0:#1f6feb;--c1:#b35900;--c2:#1a7f42;--c3:#8250df;--c4:#b42318;--c5:#0f7c8a;--c6:#7d6200;--c7:#a0307a';
const DARK =
  '--page:#10161c;--card:#18212a;--ink:#e6edf3;--soft:#a3b1bd;--line:#3b4a58;--link:#6cb0ff;--ok:#5fd08f;--warn:#e3b341;--fail:#f0877b;--okback:#173d28;--warnback:#453612;--failback:#4f1f1c;--c0:#6cb0ff;--c1:#f0a35e;--c2:#5fd08f;--c3:#c4a3ff;--c4:#f0877b;--c5:#58c7d6;--c6:#d9bd45;--c7:#ee8fc7';

/** Lines differ by their dashes too: colour is never alone. */
const LINES = ['none', '6 3', '2 2', '8 3 2 3', '4 2', '1 3', '10 4', '3 3 1 3'].map(
  (dashes, index) => `.c${index}{stroke:var(--c${index});stroke-dasharray:${dashes}} circle.c${index}{fill:var(--c${index})}`,
);

/** Of both pages: light or dark as the reader's system is, in one column on a phone. */
export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media(prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box} body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:1180px;margin:0 auto;padding:12px 18px} h1{font-size:22px;margin:0} h2{font-size:18px;margin:26px 0 8px} h3{font-size:15px;margin:16px 0 6px}
p{margin:6px 0} .soft,footer{color:var(--soft);font-size:13px} a{color:var(--link)} code{font:13px ui-monospace,"DejaVu Sans Mono",monospace}
.verdict{border-radius:10px;padding:12px 16px;border-left:6px solid} .verdict p{margin:0} .verdict .word{font-size:18px;font-weight:650}
.verdict.ok{background:var(--okback);border-color:var(--ok)} .verdict.warn,.verdict.unknown{background:var(--warnback);border-color:var(--warn)} .verdict.fail{background:var(--failback);border-color:var(--fail)}
.checks{list-style:none;margin:10px 0;padding:0} .checks li{padding:6px 0;border-bottom:1px solid var(--line)} .state{font-weight:650} .state.ok{color:var(--ok)} .state.warn{color:var(--warn)} .state.fail{color:var(--fail)}
.missing{background:var(--card);border:1px dashed var(--line);border-radius:8px;padding:10px 14px;color:var(--ink)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px;margin:8px 0} .figures div{background:var(--card);border-radius:8px;padding:8px 12px} .figures b{display:block;font-size:19px} .figures span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr));gap:12px} figure{margin:0;background:var(--card);border-radius:10px;padding:10px 12px;min-width:0} figcaption{font-weight:600;font-size:14px;margin-bottom:4px}
figure .missing{border:0;padding:18px 0;color:var(--soft)} svg.chart{display:block;width:100%;height:auto;overflow:visible} .chart text{fill:var(--soft);font-size:11.5px} .chart .grid{stroke:var(--line);stroke-width:.7;fill:none} .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.key{list-style:none;margin:6px 0 0;padding:0;font-size:13px} .key li{display:inline-block;margin:0 12px 2px 0} .key span{color:var(--soft)} .key svg{margin-right:5px;vertical-align:middle}
.timeline{list-style:none;margin:8px 0 0;padding:0;max-width:840px} .timeline p{margin:4px 0 0;font-size:14px} .timeline p span{color:var(--soft);font-size:13px} .timeline svg,.axis{display:block} .axis{max-width:840px;margin-bottom:10px} .axis text{fill:var(--soft);font-size:12px} .timeline .grid{stroke:var(--line);stroke-width:.7}
.bar.ok,.mark.ok{fill:var(--ok)} .bar.warn,.mark.warn{fill:var(--warn)} .bar.fail,.mark.fail{fill:var(--fail)} .bar.plain,.mark.plain{fill:var(--c0)}
.picture{overflow-x:auto} .picture svg{display:block;width:100%;min-width:760px;max-width:1240px;height:auto}
table{border-collapse:collapse;font-size:13px;width:100%;margin:8px 0} th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top} th{color:var(--soft);font-weight:600}
@media(max-width:640px){thead{display:none} tr{display:block;padding:8px 0;border-bottom:1px solid var(--line)} td{display:flex;gap:10px;border:0;padding:1px 0} td:empty{display:none} td::before{content:attr(data-head);flex:0 0 84px;color:var(--soft)}}
nav{display:flex;flex-wrap:wrap;gap:6px;margin:8px 0} nav a{border:1px solid var(--line);border-radius:16px;padding:4px 12px;text-decoration:none;min-height:32px} nav a[aria-current]{background:var(--ink);color:var(--page);border-color:var(--ink)}
.stale{background:var(--failback);border-radius:8px;padding:8px 12px} :focus-visible{outline:3px solid var(--link);outline-offset:2px}
@media print{figure,tr,.checks li{break-inside:avoid}}
${LINES.join('\n')}
${TOPOLOGY}`;
