import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, rendered, SUBNETS } from '../../support/settings.ts';
import { until } from '../../support/stack.ts';

/**
 * CrowdSec as `up` starts it, without a network: it talks to itself.
 * @param dir a folder for its configuration
 * @param more options of `docker run`
 * @param start in place of its own start
 */
export async function startCrowdsec(
  name: string,
  [project, text]: readonly [project: string, settings: string],
  dir: string,
  more: readonly string[] = [],
  start: readonly string[] = [],
): Promise<void> {
  const loaded = load({ file: `version: 1\nproject: ${project}\n${text}` });
  const stack = buildStack(loaded.settings, registry, {
    version: '0.0.0',
    overrides: {},
    subnets: SUBNETS,
    sourceHash: (folder: string) => hashImageSource(HOME, folder),
  });
  const image = stack.services.find((service) => service.name === 'crowdsec')?.image.ref as string;
  const config = path.join(dir, 'crowdsec/current');
  const secrets = path.join(dir, 'secrets');
  for (const folder of [config, secrets]) mkdirSync(folder, { recursive: true });
  for (const file of rendered(stack).files.filter((one) => one.path.startsWith('crowdsec/')))
    writeFileSync(path.join(config, path.basename(file.path)), file.contents.replaceAll('10.50.0.76', '127.0.0.1'));
  writeFileSync(path.join(secrets, 'bans-key'), 'a-key-of-the-edge');
  for (const folder of [dir, path.dirname(config), config, secrets]) chmodSync(folder, 0o755);
  const labels = { 'com.docker.compose.project': project, 'com.docker.compose.service': 'crowdsec' };
  const started = await docker([
    ...['run', '--detach', '--name', name, '--network', 'none', '--read-only', '--cap-drop', 'ALL', '--user', '10046:10046'],
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ...['--tmpfs', '/run:mode=1777', '--tmpfs', '/tmp:mode=1777', '--volume', '/var/lib/crowdsec'],
    ...['--volume', `${path.dirname(config)}:/etc/medianest:ro`, '--volume', `${secrets}:/run/secrets:ro`],
    ...['--env', 'CROWDSEC_SERVER=127.0.0.1:8080', '--env', 'CROWDSEC_METRICS=127.0.0.1:6060', ...more, image, ...start],
  ]);
  expect(started, started.stderr).toMatchObject({ status: 0 });
}

/** Waits until it answers who is banned. */
export const answers = (name: string): Promise<void> =>
  until('CrowdSec answers', async () => (await docker(['exec', name, 'healthcheck'])).status === 0, 60);
