import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock } from '../../../src/state/lock.ts';
import { HOME, medianest } from '../../support/cli.ts';

interface Listed {
  jobs: {
    name: string;
    cron: string;
    timezone: string;
    state: string;
    lastRun: string | null;
    nextRun: string | null;
    message: string | null;
  }[];
}
interface Ran {
  ran: { job: string; status: number; message?: string }[];
}

/** Jobs of a project that was never started: renewal of certificates needs no engine. */
describe('jobs', { timeout: 120_000 }, () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-jobs-'));
  const state = (...parts: string[]) => path.join(dir, '.medianest', ...parts);
  const settings = (more = '') => writeFileSync(path.join(dir, 'medianest.yml'), `profile: staging\nproject: jobs-test\n${more}`);
  const run = (...args: string[]) => medianest(args, { cwd: dir });
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await run(...args, '--json')).stdout) as T;
  const record = (name: string) => JSON.parse(readFileSync(state('jobs', `${name}.json`), 'utf8')) as Record<string, unknown>;
  /** As if the job had run for the last time long ago. */
  const overdue = (name: string, more: object = {}) =>
    writeFileSync(state('jobs', `${name}.json`), JSON.stringify({ handled: '2026-01-01T00:00:00.000Z', ...more }));
  const until = (what: string, probe: () => boolean) => expect.poll(probe, { timeout: 60_000, interval: 50, message: what }).toBe(true);
  /** In the background, killed by whoever started it. */
  const start = (env: Record<string, string>, ...args: string[]): ChildProcess =>
    spawn(process.execPath, [path.join(HOME, 'bin/medianest.js'), ...args], { cwd: dir, stdio: 'ignore', env: { ...process.env, ...env } });
  const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once('exit', (status) => resolve(status)));
  /** The project's own lock: a job that changes anything waits for it. */
  const projectLock = () => acquireLock(state('lock'), 'a test', 0, new AbortController().signal, () => {});
  const child = () => {
    const file = state('jobs', 'certs.lock.child');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid : undefined;
  };
  const others = 'full: off, incr: off, diff: off, prune: off, verify: off, drill: off, agent: off, disk: off';

  beforeAll(async () => {
    settings();
    expect((await run('render')).status).toBe(0);
  });
  beforeEach(() => {
    settings(`jobs: { times: { ${others} } }\n`);
    rmSync(state('jobs'), { recursive: true, force: true });
    // Something to renew, which takes the project's lock.
    rmSync(state('certs'), { recursive: true, force: true });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('are listed with their times, by the settings', async () => {
    settings('jobs: { timezone: Europe/Berlin, times: { full: "15 3 * * 6", drill: off } }\n');
    const { jobs } = await json<Listed>('jobs', 'list');
    expect(jobs.map(({ name }) => name)).toEqual(['full', 'incr', 'diff', 'prune', 'verify', 'certs', 'agent', 'disk']);
    expect(jobs[0]).toMatchObject({ cron: '15 3 * * 6', timezone: 'Europe/Berlin', state: 'never', lastRun: null, message: null });
    expect(Date.parse(jobs[0]?.nextRun as string)).toBeGreaterThan(Date.now());
    expect((await run('jobs', 'list')).stdout).toContain('Nothing runs them yet: sudo medianest jobs install');
    expect((await run('backup', 'schedule', 'show')).stdout).toContain('OnCalendar=Sat *-*-* 03:15:00 Europe/Berlin\n');
    expect((await run('backup', 'schedule', 'show')).stdout).not.toContain('drill');
  });

  it.each([
    ['jobs: { times: { full: "61 3 * * 6" } }\n', /jobs\.times\.full.*has "61" as its minute/],
    ['jobs: { times: { ful: off } }\n', /jobs\.times\.ful: there is no such job.*full/],
    ['jobs: { timezone: Europe/Berlim }\n', /jobs\.timezone.*should be `host`, or a time zone such as Europe\/Berlin/],
  ])('are refused where a setting is wrong: %j', async (text, words) => {
    settings(text);
    const listed = await run('jobs', 'list', '--json');
    expect([listed.status, (JSON.parse(listed.stdout) as { error: { message: string } }).error.message]).toEqual([
      2,
      expect.stringMatching(words),
    ]);
  });

  it('begin with their next time, and are run once it has come', async () => {
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [] });
    overdue('certs');
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [{ job: 'certs', status: 0 }] });
    expect(record('certs')).toMatchObject({ status: 0, attempts: 1, ended: expect.any(String) });
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [] });
  });

  it('that fail are told with their words', async () => {
    await run('jobs', 'run-due');
    overdue('certs');
    writeFileSync(state('certs'), 'no folder');
    const due = await run('jobs', 'run-due', '--json');
    expect(due.status).toBe(4);
    const { ran } = JSON.parse(due.stdout) as Ran;
    expect(ran).toEqual([{ job: 'certs', status: 1, message: expect.stringContaining(state('certs')) }]);
    expect((await json<Listed>('jobs', 'list')).jobs[0]).toMatchObject({ name: 'certs', state: 'failed', message: ran[0]?.message });
    expect(await json<Ran>('jobs', 'run-due'), 'until its next time').toEqual({ ran: [] });
  });

  it('survive a runner that is killed, and are not run twice', async () => {
    await run('jobs', 'run-due');
    overdue('certs');
    const lock = await projectLock();
    const runner = start({}, 'jobs', 'run-due');
    await until('the job runs', () => child() !== undefined);
    runner.kill('SIGKILL');
    await ended(runner);
    const listed = await json<Listed>('jobs', 'list');
    expect(listed.jobs[0]).toMatchObject({ name: 'certs', state: 'running' });
    expect(await json<Ran>('jobs', 'run-due'), 'it runs still').toEqual({ ran: [] });
    lock.release();
    await until('it comes to its end', () => record('certs').ended !== undefined);
    expect(record('certs')).toMatchObject({ status: 0, attempts: 1 });
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [] });
  });

  it('that are killed themselves are begun again, after what they left behind has ended', async () => {
    const lock = await projectLock();
    const job = start({}, 'jobs', 'run', 'certs');
    await until('its command runs', () => child() !== undefined);
    const orphan = child() as number;
    job.kill('SIGKILL');
    await ended(job);
    expect((await json<Listed>('jobs', 'list')).jobs[0]).toMatchObject({ state: 'interrupted' });
    lock.release();
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [{ job: 'certs', status: 0 }] });
    expect(record('certs')).toMatchObject({ status: 0, attempts: 2 });
    // Where nothing collects it, it stays as a zombie.
    const stat = existsSync(`/proc/${orphan}/stat`) ? readFileSync(`/proc/${orphan}/stat`, 'utf8') : ' Z ';
    expect(stat).toContain(' Z ');
  });

  it('are run by one runner, and each once at a time', async () => {
    await run('jobs', 'run-due');
    overdue('certs');
    const lock = await projectLock();
    const runner = start({}, 'jobs', 'watch');
    await until('the job runs', () => child() !== undefined);
    expect(await run('jobs', 'run-due')).toMatchObject({ status: 0, stdout: 'another runner is at work\n' });
    const second = await run('jobs', 'run', 'certs', '--json');
    expect([second.status, JSON.parse(second.stdout)]).toEqual([1, { error: expect.objectContaining({ code: 'LOCKED' }) }]);
    lock.release();
    await until('the job ends', () => record('certs').ended !== undefined);
    runner.kill('SIGINT');
    expect(await ended(runner)).toBe(130);
  });

  it('are run in their time where the clock is put back by an hour while the runner works', async () => {
    await run('jobs', 'run-due');
    const preload = path.join(dir, 'clock.cjs');
    const put = path.join(dir, 'put-back');
    writeFileSync(
      preload,
      `const { existsSync } = require('node:fs');
const now = Date.now;
const shift = () => (existsSync(${JSON.stringify(put)}) ? 3_600_000 : 0);
globalThis.Date = class extends Date {
  constructor(...args) {
    super(...(args.length === 0 ? [now() - shift()] : args));
  }
  static now() {
    return now() - shift();
  }
};
`,
    );
    const runner = start({ NODE_OPTIONS: `--require ${preload}` }, 'jobs', 'watch');
    await until('it is at work', () => existsSync(state('jobs', 'runner.lock')));
    writeFileSync(put, '');
    const hourAgo = (time: unknown) => Date.parse(time as string) < Date.now() - 3_000_000;
    await until('it has looked by the clock that was put back', () => hourAgo(record('certs').handled));
    overdue('certs');
    await until('the job ends', () => record('certs').ended !== undefined);
    expect(hourAgo(record('certs').ended)).toBe(true);
    runner.kill('SIGINT');
    expect(await ended(runner)).toBe(130);
    // The clock is right again: an hour has passed, and what was due in it runs once.
    rmSync(put);
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [{ job: 'certs', status: 0 }] });
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [] });
  });

  it('are interrupted with their runner, and due again', async () => {
    await run('jobs', 'run-due');
    overdue('certs');
    const lock = await projectLock();
    const runner = start({}, 'jobs', 'watch');
    await until('the job runs', () => child() !== undefined);
    runner.kill('SIGTERM');
    expect(await ended(runner)).toBe(130);
    lock.release();
    expect((await json<Listed>('jobs', 'list')).jobs[0]).toMatchObject({ state: 'interrupted' });
    expect(await json<Ran>('jobs', 'run-due')).toEqual({ ran: [{ job: 'certs', status: 0 }] });
  });

  it('say what is not there, and run nothing in a dry run', async () => {
    expect((await run('jobs', 'run', 'cert')).stderr).toMatch(/there is no job "cert" here.*certs/s);
    expect(await json('jobs', 'run', 'certs', '--dry-run')).toEqual({ job: 'certs', result: 'planned' });
    expect(existsSync(state('jobs'))).toBe(false);
    expect((await run('jobs', 'install')).stderr).toMatch(
      /systemd does not run here; nothing was changed[\s\S]*\* \* \* \* \* .*medianest\.js jobs run-due/,
    );
    expect((await run('jobs', 'install', '--dry-run')).stdout).toMatch(/OnCalendar=\*-\*-\* \*:\*:00\nRandomizedDelaySec=0s/);
  });
});
