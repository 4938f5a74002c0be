import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { docker, type Run } from '../cli.ts';
import { parsed, until } from '../stack.ts';
import type { Workspace } from '../workspace.ts';
import type { ListedSet } from './backup-stack.ts';

/** What `restore --json` says. */
export interface Outcome {
  backup: string;
  result: string;
  safety: string | null;
  steps: string[];
  checks: { id: string; status: string; message: string }[];
  urls: string[];
}

const PSQL = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c'];

/** What the stack holds before `writeNow`, and after it. */
export const THEN = { rows: ['one'], role: 'reader', other: "it's another", files: ['one.txt=then'] };
export const NOW = { rows: ['one', 'now'], role: '', other: "it's another", files: ['one.txt=now', 'two.txt=now'] };

/** A single database with its dumps, and files beside it. */
export class DevBackups {
  /** The folder of the installation, once it was restored on a bare host. */
  bare: string | undefined;

  readonly space: Workspace;
  constructor(space: Workspace) {
    this.space = space;
  }

  async inside(service: string, ...argv: string[]): Promise<string> {
    const { status, stdout, stderr } = await docker(['exec', `${this.space.project}-${service}-1`, ...argv]);
    if (status !== 0) throw new Error(`${service}: ${argv.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  sql(query: string): Promise<string> {
    return this.inside('postgres', ...PSQL, query);
  }

  async must(...args: string[]): Promise<Run> {
    const done = await this.space.run(args, this.bare === undefined ? {} : { cwd: this.bare });
    expect(done.status, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBe(0);
    return done;
  }

  async refused(...args: string[]) {
    const { status, stdout } = await this.space.run([...args, '--json']);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
    return { status, ...error };
  }

  upload(file: string, text: string): Promise<string> {
    return this.inside('app-1', 'sh', '-c', 'printf %s "$2" >"/srv/uploads/$1"', 'sh', file, text);
  }

  async sets() {
    return parsed<{ backups: (ListedSet & { kind?: string })[] }>(await this.must('backup', 'list', '--json')).backups;
  }

  async everything() {
    return {
      rows: (await this.sql('select text from noted order by id')).split('\n'),
      role: await this.sql("select rolname from pg_roles where rolname = 'reader'"),
      other: await this.sql("select datname from pg_database where datname = 'it''s another'"),
      files: (await this.inside('app-1', 'sh', '-c', 'cd /srv/uploads && for f in *; do echo "$f=$(cat "$f")"; done')).split('\n').sort(),
    };
  }

  async writeNow(): Promise<void> {
    await this.sql("insert into noted (text) values ('now')");
    await this.sql('drop owned by reader; drop role reader');
    await this.upload('one.txt', 'now');
    await this.upload('two.txt', 'now');
  }

  /** What an interrupted restore has touched. */
  touched(): string[] {
    const journal = path.join(this.space.state, 'restoring.json');
    return existsSync(journal) ? (JSON.parse(readFileSync(journal, 'utf8')).touched as string[]) : [];
  }

  dumping(): Promise<string> {
    return this.sql("select count(*) from pg_stat_activity where application_name = 'medianest-backup'");
  }

  /** While a session has locked a table, a dump waits for it. */
  async whileLocked(work: () => Promise<void>): Promise<void> {
    const session = "set application_name = 'locks'; begin; lock table noted; select pg_sleep(300)";
    const locked = docker(['exec', `${this.space.project}-postgres-1`, ...PSQL, session]);
    const locks = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'noted'::regclass";
    await until('the table is locked', async () => (await this.sql(locks)) === '1', 30);
    try {
      await work();
    } finally {
      await this.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'locks'");
      await locked;
    }
  }
}
