import { shellWord } from '../../core/shell-word.ts';
import type { ComposeService } from './compose-project.ts';
import type { Move } from './folders.ts';
import type { Judged } from './kinds.ts';

/** One command of the move, and what it does. */
export interface Command {
  command: string;
  why: string;
}

interface MoveOf {
  file: string;
  judged: readonly Judged[];
  database: ComposeService | undefined;
  databaseName: string | undefined;
  /** Ports that the old project has and the stack is to have. */
  ports: { httpPort?: number; httpsPort?: number };
  moves: readonly Move[];
}

/** Of the host, free as a rule: where the new stack is looked at while the old one has its own. */
const MEANWHILE = { httpPort: 18_080, httpsPort: 18_443 };

const containersOf = ({ containerName, replicas }: ComposeService): string[] =>
  replicas > 1 ? Array.from({ length: replicas }, (_, index) => containerName.replace(/-1$/, `-${index + 1}`)) : [containerName];

/** The whole move, in the order of its commands: five at most. */
export function commandsOf({ file, judged, database, databaseName, ports, moves }: MoveOf): Command[] {
  const stopped = judged
    .filter(({ kind }) => ['app', 'process', 'proxy', 'cron'].includes(kind))
    .flatMap(({ service }) => containersOf(service));
  const busy = ports.httpPort !== undefined || ports.httpsPort !== undefined;
  const sets = busy ? Object.entries(MEANWHILE).map(([key, port]) => `--set edge.${key}=${port}`) : [];
  return [
    { command: `medianest adopt ${shellWord(file)} --write`, why: 'writes medianest.yml and the files of its secrets' },
    {
      command: ['medianest up', ...sets].join(' '),
      why: busy
        ? `starts the stack beside the old project, at port ${MEANWHILE.httpsPort} for the time being`
        : 'starts the stack beside the old project',
    },
    ...(database
      ? [
          {
            command: `medianest import database ${shellWord(`container:${database.containerName}`)}${databaseName ? ` --database ${shellWord(databaseName)}` : ''}${stopped.length > 0 ? ` --stop ${stopped.map(shellWord).join(',')}` : ''}`,
            why: `stops ${stopped.join(', ') || 'nothing'} of the old project and takes over its database; with --into rehearsal and without --stop it is rehearsed`,
          },
        ]
      : []),
    ...(!database && busy && stopped.length > 0
      ? [
          {
            command: `docker stop ${stopped.map(shellWord).join(' ')}`,
            why: 'stops the old project: its data stays, and docker start brings it back',
          },
        ]
      : []),
    ...(moves.length > 0
      ? [
          {
            command: `medianest import files ${moves.map(({ from }) => shellWord(from)).join(' ')} --to ${moves.map(({ to }) => to).join(',')}`,
            why: 'copies its files; those of the old project stay',
          },
        ]
      : []),
    ...(busy ? [{ command: 'medianest up', why: 'moves the edge to the ports that the old project had' }] : []),
  ];
}
