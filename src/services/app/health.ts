import * as z from 'zod';
import type { JsonObject } from '../../core/json.ts';
import { urlPath } from '../../settings/fields.ts';
import type { ImageStart } from './environment/launch.ts';

/** What an image is asked for where the settings name no other path. */
export const HEALTH_PATH = '/api/health';

/** Docker’s check of one container. */
export const healthSettings = z
  .strictObject({
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Run in the container, which is healthy if it exits with 0: a program and its arguments, no shell'),
    // Not `path`: its variable would be that of `app.healthPath`.
    get: urlPath('/')
      .unwrap()
      .optional()
      .describe('Asked for in the container over plain HTTP, healthy if it answers 2xx or 3xx; needs no program of the image'),
    none: z.boolean().default(false).describe('Docker does not check it: a container counts as healthy while it runs'),
    intervalSeconds: seconds(3600).describe('Between two checks; 10 where the image does not say'),
    timeoutSeconds: seconds(600).describe('A check that takes longer has failed; 10 where the image does not say'),
    startSeconds: seconds(3600).describe('Failures in the first so many seconds do not count; 60 where the image does not say'),
  })
  .superRefine(({ command, get, none }, context) => {
    const said = [command && 'command', get && 'get', none && 'none'].filter(Boolean);
    if (said.length > 1) context.addIssue({ code: 'custom', message: `says ${said.join(' and ')}: choose one`, input: undefined });
  });

function seconds(most: number) {
  const message = `should be a whole number from 1 to ${most}`;
  return z.int(message).min(1, message).max(most, message).optional();
}

/** What the balancer asks a replica. */
export const readySettings = z.strictObject({
  statuses: z
    .array(z.int().min(200, 'should be a status from 200 to 599').max(599, 'should be a status from 200 to 599'))
    .min(1)
    .default([200])
    .describe('Statuses of `app.readyPath` by which a replica can serve: [200, 429] where its own limits may refuse the check'),
  intervalSeconds: z.int().min(1).max(60).default(2).describe('Between two checks; about half of it once a check has failed'),
  rise: z.int().min(1).max(20).default(1).describe('So many checks have to succeed before a replica gets requests again'),
  fall: z.int().min(1).max(20).default(3).describe('So many checks have to fail before it gets none'),
});

export type HealthSettings = z.output<typeof healthSettings>;

/** Where an application is, and what is known of its image. */
export interface Checked {
  health: HealthSettings;
  healthPath: string;
  port: number;
  tls: boolean;
  /** It is an image of the operator's. */
  foreign: boolean;
  /** What the image says; undefined where it was not asked, or is not there. */
  says: ImageStart | undefined;
}

/** Whether nothing but the image can say how its health is checked: no setting does. */
export const imageDecides = ({ health: { command, get, none }, healthPath, foreign }: Omit<Checked, 'says'>): boolean =>
  foreign && !command && !get && !none && healthPath === HEALTH_PATH;

/** Whether the health of it is asked by the program that is mounted. */
export const isProbed = ({ health: { get }, tls, foreign }: Omit<Checked, 'says'>): boolean => get !== undefined && foreign && !tls;

/**
 * The health check in Compose's words; undefined leaves all of it to the image.
 * @param probe the program that is mounted
 */
export function healthCheck(checked: Checked, probe: string | undefined): JsonObject | undefined {
  const { health, says } = checked;
  if (health.none) return { disable: true };
  const given = {
    ...(health.intervalSeconds && { interval: `${health.intervalSeconds}s` }),
    ...(health.timeoutSeconds && { timeout: `${health.timeoutSeconds}s` }),
    ...(health.startSeconds && { start_period: `${health.startSeconds}s` }),
  };
  if (imageDecides(checked) && says?.checksHealth) return Object.keys(given).length > 0 ? given : undefined;
  const usual = { interval: '10s', timeout: '10s', retries: 5, start_period: '60s', start_interval: '500ms' };
  return { test: testOf(checked, probe), ...usual, ...given };
}

function testOf(checked: Checked, probe: string | undefined): string[] {
  const { health, healthPath, port, foreign } = checked;
  if (health.command) return ['CMD', ...health.command];
  const path = health.get ?? healthPath;
  if (!foreign) return ['CMD', '/usr/local/bin/healthcheck', path];
  if (probe) return ['CMD', probe, 'probe', String(port), path, String(Math.min(5, health.timeoutSeconds ?? 5))];
  return shellTest(checked, path);
}

/** Asks with what the image has: curl, wget or Node. Loopback needs no verification. */
function shellTest({ tls, port }: Checked, path: string): string[] {
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}${path}`;
  const [curl, wget, node] = tls ? [' -k', ' --no-check-certificate', 'NODE_TLS_REJECT_UNAUTHORIZED=0 NODE_NO_WARNINGS=1 '] : ['', '', ''];
  return [
    'CMD-SHELL',
    [
      `if command -v curl >/dev/null; then curl -fsS${curl} -m 3 -o /dev/null '${url}'`,
      `elif command -v wget >/dev/null; then wget -q${wget} -T 3 -O /dev/null '${url}'`,
      `else ${node}node -e "fetch('${url}',{signal:AbortSignal.timeout(3000)}).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"; fi`,
    ].join('; '),
  ];
}
