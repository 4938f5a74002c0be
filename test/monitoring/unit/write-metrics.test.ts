import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Capability, Context } from '../../../src/capability/capability.ts';
import { gauge, metricsText, single } from '../../../src/core/metrics-text.ts';
import { silent } from '../../../src/core/reporter.ts';
import { deployMetrics } from '../../../src/deploy/plan/deploy-metrics.ts';
import type { Release } from '../../../src/deploy/plan/releases.ts';
import { healthMetrics } from '../../../src/health/plan/health-metrics.ts';
import { open } from '../../../src/project/open.ts';
import { writeMetrics } from '../../../src/project/write-metrics.ts';
import { jobMetrics } from '../../../src/schedule/plan/job-metrics.ts';
import type { Job } from '../../../src/schedule/plan/jobs.ts';
import { registry } from '../../../src/services/index.ts';
import { HOME } from '../../support/cli.ts';
import { removeTemporaryFolders, temporaryFolder } from '../../support/temporary.ts';

afterAll(removeTemporaryFolders);

/** A project that was started once. @param metrics what its two capabilities say */
function project(metrics: { good?: Capability['metrics']; other?: Capability['metrics'] }, started = true) {
  const cwd = temporaryFolder('metrics');
  const state = path.join(cwd, '.medianest');
  const said: string[] = [];
  if (started) {
    mkdirSync(path.join(state, 'current'), { recursive: true });
    writeFileSync(path.join(state, 'current/manifest.json'), JSON.stringify({ version: 1, id: 'x', services: [], configs: {}, files: [] }));
  }
  const capabilities = Object.entries(metrics).map(([name, tell]) => ({ name, metrics: tell }));
  const context = {
    ...{
      home: HOME,
      cwd,
      env: {},
      flags: { set: [] },
      signal: new AbortController().signal,
      clock: { now: () => new Date() },
    },
    ...{ registry: async () => registry, capabilities: async () => [{ name: 'silent' }, ...capabilities] },
    report: { ...silent, verbose: (text: string) => void said.push(text) },
  } as unknown as Context;
  const folder = path.join(state, 'metrics');
  return {
    state,
    said,
    cwd,
    open: () => open(context),
    file: (name: string) => path.join(folder, `${name}.prom`),
    text: (name: string) => readFileSync(path.join(folder, `${name}.prom`), 'utf8'),
    run: (command = 'deploy') => writeMetrics(context, { command, result: undefined }),
  };
}

describe('the metrics that a command writes', () => {
  it('are a file of each capability, whole, and one that says that none failed', async () => {
    const { run, text, file, state } = project({ good: () => [single('x', 'X.', 1)], other: async () => [single('y', 'Y.', 2)] });
    await run();
    expect(text('good')).toBe('# HELP x X.\n# TYPE x gauge\nx 1\n');
    expect(text('other')).toContain('y 2\n');
    expect(text('collection')).toMatch(/medianest_metrics_failed\{capability="good"\} 0\n.*\{capability="other"\} 0\n$/);
    // node-exporter is another user.
    expect(statSync(file('good')).mode & 0o777).toBe(0o644);
    expect(readdirSync(path.join(state, 'metrics')).filter((name) => !name.endsWith('.prom'))).toEqual([]);
  });

  it('are told with the settings that the command has read, or with those of a file that it has changed', async () => {
    const heard: string[] = [];
    const { run, open: openProject, cwd } = project({ good: ({ project: { loaded } }) => void heard.push(loaded.settings.project) });
    const write = (name: string) => writeFileSync(path.join(cwd, 'medianest.yml'), `version: 1\nproject: ${name}\n`);
    write('first');
    const opened = await openProject();
    await run();
    write('second-and-longer');
    await run();
    expect([opened.loaded.settings.project, ...heard]).toEqual(['first', 'first', 'second-and-longer']);
  });

  it('are none where there is nothing to tell, nor in a folder that a newer medianest has written', async () => {
    const silentOnes = project({ good: () => undefined, other: () => [] });
    await silentOnes.run();
    expect(existsSync(path.join(silentOnes.state, 'metrics'))).toBe(false);
    const newer = project({ good: () => [single('x', 'X.', 1)] });
    writeFileSync(path.join(newer.state, 'state.json'), '{"version":99}\n');
    await newer.run();
    expect(existsSync(newer.file('good'))).toBe(false);
    expect(newer.said.join()).toMatch(/newer medianest/);
  });

  it('are what was written last where a capability fails, which is said, and fails nothing', async () => {
    let works = true;
    const { run, text, said } = project({
      good: () => [single('x', 'X.', works ? 1 : 2)],
      other: () => {
        if (!works) throw new Error('the catalogue is damaged');
        return [single('y', 'Y.', 1)];
      },
    });
    await run();
    works = false;
    await run();
    expect([text('good'), text('other')]).toEqual([expect.stringContaining('x 2'), expect.stringContaining('y 1')]);
    expect(text('collection')).toContain('medianest_metrics_failed{capability="good"} 0');
    expect(text('collection')).toContain('medianest_metrics_failed{capability="other"} 1');
    expect(said.join()).toContain('the catalogue is damaged');
    works = true;
    await run();
    expect(text('collection')).toContain('medianest_metrics_failed{capability="other"} 0');
  });

  it('stay as they are where a capability has nothing new, and are written again where they are the same', async () => {
    let says = true;
    const { run, file } = project({ good: () => (says ? [single('x', 'X.', 1)] : undefined) });
    const long = new Date(0);
    await run();
    utimesSync(file('good'), long, long);
    await run();
    expect(statSync(file('good')).mtimeMs).toBeGreaterThan(0);
    says = false;
    utimesSync(file('good'), long, long);
    await run();
    expect(statSync(file('good')).mtimeMs).toBe(0);
  });

  it('are none before the first start: no state folder is made', async () => {
    const { run, state } = project({ good: () => [single('x', 'X.', 1)] }, false);
    await run();
    expect(existsSync(state)).toBe(false);
  });

  it('cannot be written, which fails nothing', async () => {
    const { run, state, said } = project({ good: () => [single('x', 'X.', 1)] });
    // A file stands where the folder should be: also root cannot write then.
    writeFileSync(path.join(state, 'metrics'), '');
    chmodSync(path.join(state, 'metrics'), 0o400);
    await run();
    expect(said.join('\n')).toMatch(/metrics of good were not written/);
  });
});

it('the text is escaped as Prometheus reads it, and what is not known is left out', () => {
  const odd = gauge('x', 'Back\\slash\nand line.', [{ labels: { a: 'q"uote\\\n', b: 'ü' }, value: 1 }, { value: Number.NaN }]);
  expect(metricsText([odd, single('y', 'Y.', undefined), gauge('z', 'Z.', [])])).toBe(
    '# HELP x Back\\\\slash\\nand line.\n# TYPE x gauge\nx{a="q\\"uote\\\\\\n",b="ü"} 1\n',
  );
});

const values = (metrics: Parameters<typeof metricsText>[0]) =>
  metricsText(metrics)
    .split('\n')
    .filter((line) => /^medianest/.test(line));

it('deploys are told by their result', () => {
  const release = (id: string, result: Release['result'], hour: number) =>
    ({ id, result, time: new Date(hour * 3_600_000).toISOString(), seconds: 30 + hour }) as Release;
  const list = [release('r1', 'deployed', 1), release('r2', 'reverted', 2), release('r3', 'deployed', 3), release('r4', 'running', 4)];
  expect(values(deployMetrics(list))).toEqual([
    'medianest_deploy_last_timestamp_seconds{result="deployed"} 10800',
    'medianest_deploy_last_timestamp_seconds{result="rolled-back"} 7200',
    'medianest_deploy_last_timestamp_seconds{result="interrupted"} 14400',
    'medianest_deploy_last_duration_seconds{result="deployed"} 33',
    'medianest_deploy_last_duration_seconds{result="rolled-back"} 32',
    'medianest_deploy_last_duration_seconds{result="interrupted"} 34',
    'medianest_deploys{result="deployed"} 2',
    'medianest_deploys{result="rolled-back"} 1',
    'medianest_deploys{result="failed"} 0',
    'medianest_deploys{result="interrupted"} 1',
  ]);
  expect(values(deployMetrics([]))).toEqual([]);
});

it('the verdict of health is a number, with the checks behind it', () => {
  const checks = (['ok', 'ok', 'fail'] as const).map((status, index) => ({ id: `${index}`, status, message: '' }));
  expect(values(healthMetrics({ status: 'fail', checks }, new Date(5_500)))).toEqual([
    'medianest_health_status 2',
    'medianest_health_checks{status="ok"} 2',
    'medianest_health_checks{status="warn"} 0',
    'medianest_health_checks{status="fail"} 1',
    'medianest_health_timestamp_seconds 5',
  ]);
});

it('jobs tell of their last end; one that never came to one tells nothing', () => {
  const job = (name: string, record: object | undefined) => ({ name, record }) as unknown as Job & { record: undefined };
  const ended = { handled: '', ended: new Date(60_000).toISOString() };
  expect(
    values(
      jobMetrics([job('a', { ...ended, status: 0 }), job('b', { ...ended, status: 4 }), job('c', { handled: '' }), job('d', undefined)]),
    ),
  ).toEqual([
    'medianest_job_last_end_timestamp_seconds{name="a"} 60',
    'medianest_job_last_end_timestamp_seconds{name="b"} 60',
    'medianest_job_failed{name="a"} 0',
    'medianest_job_failed{name="b"} 1',
  ]);
});
