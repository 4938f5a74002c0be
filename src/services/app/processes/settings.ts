import * as z from 'zod';
import { cpus, hostName, memory, portNumber, urlPath } from '../../../settings/fields.ts';
import { READY_PATH } from '../../../stack/types.ts';
import { envSettings, secretsSettings } from '../environment/settings.ts';
import { HEALTH_PATH, healthSettings, readySettings } from '../health.ts';
import { volumesSettings, writableSettings } from '../volumes.ts';
import { egressSettings } from '../ways-out.ts';

/** Replicas of one process at most: so many addresses and slots at the balancer are kept for it. */
export const MOST_REPLICAS = 10;
/** Processes beside `app` at most. */
const MOST_PROCESSES = 20;

/** What edge and balancer call something else; names of services are refused where the stack is built. */
const RESERVED = ['compressor', 'portal', 'health', 'metrics', 'former'];

/** A name that ends in a number would be taken for one replica of another process. */
export const processName = z
  .string()
  .regex(
    /^(?!.*-\d+$)[a-z](?:[a-z0-9]|-(?!-)){0,29}(?<!-)$/,
    'should be a name of small letters, digits and hyphens such as backend or mail-worker, without a number at its end',
  )
  .refine((name) => !RESERVED.includes(name), 'is the name of a part of medianest; choose another');

/** The beginning of an address, whole parts of it: `/api` is `/api` and all below `/api/`. */
const pathPrefix = z
  .string()
  .regex(/^(\/(?!\.{1,2}(\/|$))[\w.~%-]+)+$/, 'should be the beginning of a path such as /api or /socket.io, without a slash at its end');

const needsSettings = z.strictObject({
  database: z.boolean().default(true).describe('It is given the way to the database'),
  cache: z.boolean().default(true).describe('It is given the way to the cache'),
  external: z.boolean().default(true).describe('It is given the services of `external`'),
  uploads: z.boolean().default(false).describe('It mounts the volume of uploads'),
  media: z.boolean().default(false).describe('It is given the media library'),
  volumes: z.boolean().default(false).describe('It mounts the shared volumes of `app.volumes`'),
});

const second = 'should be a whole number of seconds';

export const processSettings = z
  .strictObject({
    image: z
      .string()
      .regex(/^[\w./:@-]+$/, 'should be an image such as ghcr.io/you/backend:1')
      .optional()
      .describe('Its image; without it that of `app`, whatever release is deployed'),
    command: z.array(z.string()).default([]).describe('Instead of the image’s own command'),
    port: portNumber.optional().describe('Port that it listens on (it is given as PORT); without one it is a worker'),
    replicas: z.int().min(1).max(MOST_REPLICAS, `should be at most ${MOST_REPLICAS}`).default(1).describe('How many containers'),
    paths: z
      .array(pathPrefix)
      .default([])
      .describe('Visitors reach it below these paths, [/api, /socket.io]; the longest that fits counts, and `app` has the rest'),
    host: hostName
      .optional()
      .describe('Visitors reach it by this name, or with `paths` below these paths of it; the edge answers to it as to `edge.domains`'),
    healthPath: urlPath(HEALTH_PATH).describe('As `app.healthPath`'),
    health: healthSettings.optional().describe('As `app.health`; a worker is checked only where this has a `command`'),
    readyPath: urlPath(READY_PATH).describe('Answers 200 while it can serve'),
    ready: readySettings.prefault({}).describe('How the balancer checks a replica, as `app.ready`'),
    metricsPath: urlPath('/metrics').describe('Prometheus metrics: never answered to visitors'),
    metrics: z.boolean().default(false).describe('Prometheus asks each replica for `metricsPath` at its port'),
    sticky: z.boolean().default(false).describe('A visitor keeps meeting the same replica (by a cookie), for Socket.IO and the like'),
    tls: z.boolean().optional().describe('It is spoken to over TLS: as `app` where it has its image, else off'),
    user: z
      .string()
      .regex(/^\d+(:\d+)?$/, 'should be uid or uid:gid in digits')
      .optional()
      .describe('Its uid and gid; as `app.user` where nothing is said'),
    env: envSettings.describe('More environment values beside those of `app.env`, and before them'),
    secrets: secretsSettings.describe('More secrets beside those of `app.secrets`; `secrets rotate` calls one NAME.SECRET'),
    needs: needsSettings.prefault({}).describe('What of the stack it is given; it is in no network that it does not need'),
    egress: egressSettings.describe('Hosts outside that it reaches, as `app.egress`'),
    volumes: volumesSettings.describe('Volumes of its own, as `app.volumes`'),
    writable: writableSettings,
    after: z.array(processName).default([]).describe('Processes that a release replaces before it: [app]'),
    stop: z
      .strictObject({
        signal: z
          .string()
          .regex(/^SIG[A-Z0-9+]{2,10}$/, 'should be a signal such as SIGTERM')
          .optional()
          .describe('What tells it to finish what it has in hand and end; that of its image (SIGTERM in most) where nothing is said'),
        seconds: z.int(second).min(1, second).max(3600, 'should be at most 3600').default(30).describe('Then it is killed, which is told'),
      })
      .prefault({})
      .describe('How a container of it is stopped'),
    memory: memory('384m').describe('Memory limit of each container'),
    cpus: cpus(2).describe('Processors that each container may use at most; never more than the host has'),
  })
  .superRefine((own, context) => {
    if (own.port !== undefined) return;
    for (const key of ['paths', 'host', 'sticky', 'metrics', 'tls'] as const) {
      const value = own[key];
      if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) continue;
      context.addIssue({ code: 'custom', path: [key], message: 'needs a `port`', input: value });
    }
    if (own.health?.get !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['health', 'get'],
        message: 'needs a `port`; a worker is checked by a `command`',
        input: own.health.get,
      });
  });

export const servicesSettings = z.record(z.string(), processSettings).superRefine((services, context) => {
  const names = Object.keys(services);
  if (names.length > MOST_PROCESSES)
    context.addIssue({ code: 'custom', message: `should be ${MOST_PROCESSES} processes at most`, input: services });
  for (const name of names)
    for (const { message } of processName.safeParse(name).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: [name], message, input: name });
});

export type ProcessSettings = z.output<typeof processSettings>;
export type ServicesSettings = z.output<typeof servicesSettings>;
