import type { Evidence } from '../../src/compliance/plan/evidence.ts';
import { type Point, STANDARDS, type Standard } from '../../src/compliance/plan/point.ts';

/** Where each part of the evidence is read. A part that is not named here does not compile. */
const SOURCES: Readonly<Record<keyof Evidence, string>> = {
  engine: 'the engine',
  containers: 'the containers',
  networks: 'the networks',
  guests: 'the networks',
  wantedPorts: 'the settings',
  daemon: 'dockerd’s options',
  hostFiles: 'files of the host',
  auditRules: 'rules of the kernel’s audit',
  dockerGroup: 'groups of the host',
  engineStorage: 'the engine’s disk',
  stateStorage: 'the disk of the state folder',
  dataStorage: 'the disks of the volumes',
  stateFiles: 'the state folder',
  clock: 'the host’s clock',
  edge: 'requests to the edge',
  inside: 'handshakes with all listeners',
  waf: 'the edge',
  limits: 'the edge',
  firewall: 'the kernel’s rules',
  auditLog: 'the audit log',
  backups: 'the sets of backups',
  logs: 'the agent and the edge’s lines',
  monitoring: 'the relay of alerts',
  recipients: 'the settings',
  signOn: 'the containers',
};

const sourceOf = ({ needs }: Point): string => (needs.length === 0 ? 'you' : [...new Set(needs.map((part) => SOURCES[part]))].join(', '));

const rows = (points: readonly Point[]): string =>
  [
    '| section | point | judged by |',
    '| --- | --- | --- |',
    ...points.map((point) => `| ${point.section} | ${point.title} | ${sourceOf(point)} |`),
  ].join('\n');

/** The generated part of docs/compliance.md: everything below this heading. */
export const POINTS_HEADING = '## The points';

export function pointsPart(points: readonly Point[]): string {
  const parts = (Object.keys(STANDARDS) as Standard[]).map((id) => {
    const own = points.filter(({ standard }) => standard === id);
    return `### ${STANDARDS[id].title} ${STANDARDS[id].version}: ${own.length} points\n\n${rows(own)}`;
  });
  return `${POINTS_HEADING}

Written from the table in the program; a test fails when it is stale (\`npx vitest run --project golden -u\` writes it again). Titles are in our own
words: the text of each standard is its makers'.

${parts.join('\n\n')}
`;
}
