import { means, type NodeState, type Topology, type TopologyGroup, type TopologyNode, VISITORS } from '../plan/topology.ts';

/** Names as Mermaid takes them; it has no way to quote a quote. */
const id = (text: string): string => text.replace(/[^A-Za-z0-9]+/g, '_');
const label = (lines: readonly string[]): string => `"${lines.filter(Boolean).join('<br/>').replaceAll('"', '#quot;')}"`;

const CLASSES: Record<NodeState, string> = {
  unseen: '',
  healthy: 'fill:#d9f2e1,stroke:#1a7f42,color:#0b3d1f',
  starting: 'fill:#fdf0cf,stroke:#9a6700,color:#4d3300',
  unhealthy: 'fill:#fddede,stroke:#b42318,color:#5c0f0a',
  stopped: 'fill:#fddede,stroke:#b42318,color:#5c0f0a,stroke-dasharray:4 3',
  missing: 'fill:#eeeeee,stroke:#666666,color:#333333,stroke-dasharray:4 3',
};

/** One container is a box of its own, several are boxes in one; titles have one line, because Mermaid leaves no space for more. */
function groupLines(group: TopologyGroup): string[] {
  const notes = [
    ...group.published.map((entry) => `published ${entry}`),
    ...(group.also.length > 0 ? [`also in ${group.also.join(', ')}`] : []),
  ];
  const [only] = group.nodes;
  if (only && group.nodes.length === 1) return [`    ${box(id(group.id), only, notes)}`];
  return [
    `    subgraph ${id(group.id)} [${label([[`${group.component} (${group.nodes.length})`, ...notes].join(', ')])}]`,
    '      direction LR',
    ...group.nodes.map((node) => `      ${box(`node_${id(node.name)}`, node, [])}`),
    '    end',
  ];
}

function box(name: string, node: TopologyNode, notes: readonly string[]): string {
  const state = node.state === 'unseen' ? '' : `:::${node.state}`;
  return `${name}[${label([node.name, node.role ?? '', node.state === 'unseen' ? '' : node.state, ...node.details, ...notes])}]${state}`;
}

/** The picture as text that GitHub, GitLab and many editors draw. */
export function mermaid(picture: Topology): string {
  const left = picture.leftOut.length > 0 ? [`  %% left out for want of their images: ${picture.leftOut.join(', ')}`] : [];
  const lines = ['flowchart TB', ...left, `  ${VISITORS}((${label(['visitors'])}))`];
  for (const network of picture.networks) {
    lines.push(
      `  subgraph net_${id(network.name)} [${label([`${network.name} ${network.subnet}${network.internal ? ', internal' : ''}`])}]`,
    );
    for (const group of picture.groups.filter(({ home }) => home === network.name)) lines.push(...groupLines(group));
    lines.push('  end');
  }
  for (const { id: name, name: text, url } of picture.outside) lines.push(`  ${id(name)}([${label([text, url])}])`);
  for (const flow of picture.flows) lines.push(`  ${id(flow.from)} ${flow.tls ? '==>' : '-.->'}|${means(flow)}| ${id(flow.to)}`);
  const used = new Set(picture.groups.flatMap(({ nodes }) => nodes.map(({ state }) => state)));
  for (const state of used) if (CLASSES[state]) lines.push(`  classDef ${state} ${CLASSES[state]}`);
  return lines.join('\n');
}
