import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { docker, HOME, type Run } from '../../support/cli.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
let image: string;
const out = (...parts: string[]) => path.join(space.dir, 'out', ...parts);

/** A program of the image, without a network, over the rendered files and the templates. */
const inside = (...argv: string[]): Promise<Run> => {
  const mounts = [
    [out('prometheus'), '/etc/medianest/current'],
    [out('blackbox-exporter'), '/etc/blackbox'],
    [out('pki'), '/run/certs/current'],
    [out('pki'), '/run/trust'],
    [path.join(HOME, 'templates'), '/templates'],
  ].flatMap(([source, target]) => ['--volume', `${source}:${target}:ro`]);
  const [program = '', ...args] = argv;
  const sealed = ['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--tmpfs', '/tmp'];
  return docker(['run', '--rm', ...sealed, ...mounts, '--entrypoint', program, image, ...args]);
};
const accepted = (run: Run) =>
  expect({ status: run.status, said: run.status === 0 ? '' : run.stdout + run.stderr }).toEqual({ status: 0, said: '' });

const withRules = readdirSync(path.join(HOME, 'templates')).filter((name) =>
  readdirSync(path.join(HOME, 'templates', name)).includes('rules.yml'),
);

beforeAll(async () => {
  space = await workspace('promtool', 'observability: light\n');
  accepted(await space.run(['images', 'build', '--profile', 'prod']));
  accepted(await space.run(['render', '--profile', 'prod', '--out', 'out']));
  const { services } = parse(readFileSync(out('compose.yml'), 'utf8')) as { services: Record<string, { image: string }> };
  image = services.prometheus?.image ?? '';
  // promtool looks whether the files of TLS are there, and not into them.
  mkdirSync(out('pki'));
  for (const name of ['fullchain.pem', 'privkey.pem', 'internal-ca.pem']) writeFileSync(out('pki', name), '');
}, 900_000);
afterAll(() => space.destroy());

it('Prometheus accepts its configuration, with the rules of prod', async () => {
  accepted(await inside('promtool', 'check', 'config', '/etc/medianest/current/prometheus.yml'));
});

it.each(withRules)('the rules of %s pass every lint', async (component) => {
  accepted(await inside('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', `/templates/${component}/rules.yml`));
});

it.each(withRules)('the rules of %s fire, and are silent, as their tests say', async (component) => {
  accepted(await inside('promtool', 'test', 'rules', `/templates/${component}/rules.test.yml`));
});

it('blackbox-exporter accepts its configuration', async () => {
  accepted(await inside('prometheus-blackbox-exporter', '--config.check', '--config.file=/etc/blackbox/blackbox.yml'));
});

it.each(['node', 'postgres', 'redis', 'blackbox', 'nginx'])('prometheus-%s-exporter starts without a privilege', async (name) => {
  // The package gives one of them a capability; with it, the program could not be started here.
  accepted(await inside(`prometheus-${name}-exporter`, '--version'));
});
