import path from 'node:path';
import { docker } from '../cli.ts';
import type { Workspace } from '../workspace.ts';

/** Containers, networks and volumes that a preview or a drill has made; empty where there are none. @param preview its project */
export async function madeBy(preview: string): Promise<string> {
  const filter = ['--quiet', '--filter', `label=io.medianest.preview=${preview}`];
  const lists = [
    ['ps', '--all'],
    ['network', 'ls'],
    ['volume', 'ls'],
  ].map((list) => docker([...list, ...filter]));
  return (await Promise.all(lists)).map(({ stdout }) => stdout).join('');
}

export async function inPreview(project: string, query: string): Promise<string> {
  const psql = ['psql', '-XqAt', '-h', '/run', '-U', 'postgres', '-d', 'medianest', '-c', query];
  return (await docker(['exec', `${project}-postgres`, ...psql])).stdout.trim();
}

/** The files of a preview's database that a text is in: of its tables, indexes, WAL and statistics. */
export async function filesWith(project: string, text: string): Promise<string> {
  const grep = ['run', '--rm', '--network', 'none', '--volume', `${project}_postgres-data:/data:ro`, '--entrypoint', 'grep'];
  const { status, stdout, stderr } = await docker([...grep, 'debian:trixie-slim', '-rla', text, '/data']);
  if (status !== 0 && status !== 1) throw new Error(stderr);
  return stdout;
}

/** Volumes of the names that a command would take, made by something else. */
export function occupied({ project, dir }: Workspace): [volume: string, labels: string[], command: string[]][] {
  const look = `${project}-look`;
  const drill = `${project}-drill`;
  return [
    [`${look}_uploads`, [`com.docker.compose.project=${look}`], ['restore', 'latest', '--into', look]],
    [
      `${look}_postgres-data`,
      [`io.medianest.project=${look}`, `com.docker.compose.project=${look}`],
      ['restore', 'latest', '--into', look],
    ],
    [`${look}_preview-config`, [], ['restore', 'latest', '--into', look]],
    [
      `${look}_uploads`,
      [`io.medianest.preview=${look}`, `io.medianest.project=${look}`, 'io.medianest.preview-of=another'],
      ['restore', 'latest', '--into', look],
    ],
    [`${project}_unsanitized`, [], ['restore', 'latest', '--into', look, '--sanitize']],
    [`${drill}_uploads`, [`com.docker.compose.project=${drill}`], ['drill']],
    [`${project}_export`, [], ['backup', 'export', '--to', path.join(dir, 'x.tar')]],
  ];
}

/** SQL: tables with a text in every column, keys that refer to one another, and a trigger that copies. @param quoted name of a table and its column */
export const personalData = (quoted: string, text: string): string =>
  `create table persons (email varchar(60) primary key, token text not null, born date, "Full Name" text);
   create table ${quoted} (${quoted} text, whose varchar(60) references persons(email));
   create table log (line text);
   create function tell() returns trigger language plpgsql as 'begin insert into log values (old.email); return new; end';
   create trigger tell after update on persons for each row execute function tell();
   alter table persons enable always trigger tell;
   insert into persons select '${text}' || n || '@real.test', '${text}' || n, now(), '${text}' from generate_series(1, 500) n;
   insert into ${quoted} select '${text}', email from persons;
   insert into requests (title, kind, note, requested_by) values ('${text}', 'movie', '${text} two', '${text}');
   analyze`;
