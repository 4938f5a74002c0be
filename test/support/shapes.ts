import { docker } from './cli.ts';

/** Of `plan --json`. */
export interface Change {
  service: string;
  action: string;
  cause: string;
  downtime: string;
  dataRisk: string;
}

/** `plan --json`. */
export interface Plan {
  profile: string;
  changes: Change[];
  files: { path: string; action: string }[];
}

/** `up --json`. */
export interface Up extends Plan {
  project: string;
  result: string;
  urls: string[];
  trust: string;
}

/** One line of `logs --json`. */
export interface LogLine {
  service: string;
  time: string;
  level: string;
  message: string;
  fields?: Record<string, unknown>;
}

/** `logs --json`: an object a line. */
export const jsonLines = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogLine);

/** The volumes of a project, by name. */
export const volumesOf = async (project: string): Promise<string[]> =>
  (await docker(['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project}`])).stdout
    .split('\n')
    .filter(Boolean)
    .sort();

/** What `health` of a stack of dev-compose says of each check while all is well. */
export const allWell = (services: readonly string[]): string[] => [
  'audit ok',
  'certificate.edge ok',
  'clock ok',
  ...services.map((name) => `container.${name} ok`),
  'disk.database ok',
  'disk.repository ok',
  'disk.uploads ok',
  'drift ok',
  'images ok',
  'integrity ok',
  'kernel.vm.overcommit_memory ok',
  'memory ok',
  'parameters ok',
  'segmentation ok',
  'uploads.quota ok',
];
