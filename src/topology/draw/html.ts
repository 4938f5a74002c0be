import type { Topology, TopologyGroup, TopologyNode } from '../plan/topology.ts';
import { markup, STATES, STYLE, svg } from './svg.ts';

const PAGE = `
:root{color-scheme:light dark} body{margin:0;font-family:system-ui,"DejaVu Sans",sans-serif;background:#fff;color:#1c2733}
header,section{padding:16px 28px} h1{font-size:20px;margin:0 0 4px} h2{font-size:16px} p{margin:0;color:#55636f}
.picture{overflow-x:auto;padding:0} .picture svg{max-width:100%;height:auto;display:block;margin:0 auto}
.table{overflow-x:auto} table{border-collapse:collapse;font-size:13px} th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid #c3ccd4;vertical-align:top;white-space:nowrap}
@media(prefers-color-scheme:dark){body{background:#10161c;color:#e6edf3} p{color:#a3b1bd} th,td{border-color:#3b4a58}}
@media(max-width:900px){.picture svg{max-width:none}}`;

const row = (cells: readonly string[], tag = 'td'): string =>
  `<tr>${cells.map((entry) => `<${tag}>${markup(entry)}</${tag}>`).join('')}</tr>`;

function line(group: TopologyGroup, node: TopologyNode, live: boolean): string[] {
  const { sign, word } = STATES[node.state];
  const networks = [group.home, ...group.also].join(', ');
  return [
    node.name,
    group.component,
    networks,
    group.published.join(', '),
    ...(live ? [`${sign} ${word}`, node.role ?? '', node.details.join(', '), node.address] : []),
  ];
}

/** One page that needs nothing else: the picture, and all of it as a table for those who cannot see it. */
export function html(picture: Topology, drawnAt: Date): string {
  const { project, profile, live, leftOut } = picture;
  const heads = ['service', 'component', 'networks', 'published', ...(live ? ['state', 'role', 'details', 'address'] : [])];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${markup(project)} (${markup(profile)})</title>
<style>${PAGE}${STYLE}
</style>
</head>
<body>
<header>
<h1>${markup(project)}</h1>
<p>profile ${markup(profile)}, ${live ? 'as it runs' : 'as it is rendered'}, ${drawnAt.toISOString().slice(0, 16).replace('T', ' ')} UTC</p>${
    leftOut.length > 0
      ? `
<p>left out for want of their images: ${markup(leftOut.join(', '))}</p>`
      : ''
  }
</header>
<main>
<div class="picture">
${svg(picture, true)}
</div>
<section>
<h2>Services</h2>
<div class="table"><table>
<thead>${row(heads, 'th')}</thead>
<tbody>${picture.groups.flatMap((group) => group.nodes.map((node) => row(line(group, node, live)))).join('\n')}</tbody>
</table></div>
</section>
</main>
</body>
</html>`;
}
