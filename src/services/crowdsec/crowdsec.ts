import { UserError } from '../../core/errors.ts';
import type { MetricsSource } from '../../stack/metrics.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { Blueprint, NetworkName } from '../../stack/types.ts';
import { edge } from '../edge/edge.ts';
import { neverView } from '../edge/edge-bans.ts';
import { generated } from '../shared/member.ts';
import { monitored } from '../shared/monitoring.ts';
import { wayOut } from '../shared/way-out.ts';
import {
  CENTRAL,
  CENTRAL_HOST,
  CENTRAL_WAY,
  CROWDSEC,
  CROWDSEC_HOST,
  CROWDSEC_METRICS_PORT,
  CROWDSEC_PORT,
  EDGE_KEY,
  LINES_PORT,
} from './settings/address.ts';
import { type BansSettings, bansSettings } from './settings/bans-settings.ts';

const METRICS: MetricsSource = {
  job: CROWDSEC,
  network: 'monitoring',
  port: CROWDSEC_METRICS_PORT,
  keep: 'cs_(active_decisions|alerts|bucket_overflowed_total|buckets|parser_hits_(ok|ko)_total|syslogsource_hits_total)',
};

/** Without an edge there is nothing to read, and nothing that would refuse a client. */
function requireEdge(input: BuildInput): void {
  if (input.enabled(edge.name)) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `components.${CROWDSEC} needs the edge, which is off`,
    `switch on \`components: { edge: true }\`, or ${CROWDSEC} off`,
  );
}

/** What reads them is installed with the rules of the firewall. */
function requireFirewall({ hostLogs, firewall }: BansSettings, { settings }: BuildInput): void {
  if (hostLogs === false) return;
  if (!firewall)
    throw new UserError(
      'INVALID_SETTINGS',
      'bans.hostLogs needs bans in the firewall, and bans.firewall is false',
      'leave one of the two out of medianest.yml',
    );
  if (settings.firewall.enabled) return;
  throw new UserError(
    'INVALID_SETTINGS',
    'bans.hostLogs needs the firewall, which is off',
    'set `firewall: { enabled: true }`, then medianest up and sudo medianest firewall apply',
  );
}

/** HAProxy as the one way to the makers of CrowdSec: TLS passes through. */
const centralWay = (caller: string, input: BuildInput): Blueprint =>
  wayOut(
    {
      ...{ name: CENTRAL_WAY, host: CENTRAL_HOST, target: CENTRAL, port: 443, url: `https://${CENTRAL}`, callers: [caller] },
      interruption: 'none: what CrowdSec tells its makers waits',
    },
    input,
  );

export const crowdsec = defineService({
  name: CROWDSEC,
  key: 'bans',
  summary: 'CrowdSec: bans clients that probe, guess passwords or flood',
  settings: bansSettings,
  build: (own, input) => {
    requireEdge(input);
    requireFirewall(own, input);
    const networks: NetworkName[] = ['auth', ...(monitored(input) ? (['monitoring'] as const) : [])];
    const address = input.address('auth', CROWDSEC_HOST);
    const metricsHost = monitored(input) ? input.address('monitoring', CROWDSEC_HOST) : '127.0.0.1';
    return [
      {
        name: CROWDSEC,
        image: input.image(CROWDSEC),
        uid: 10046,
        host: CROWDSEC_HOST,
        networks,
        ports: [],
        mounts: [{ source: 'crowdsec', target: '/var/lib/crowdsec', kind: 'volume', readOnly: false }],
        secrets: [generated(EDGE_KEY)],
        environment: {
          CROWDSEC_SERVER: `${address}:${CROWDSEC_PORT}`,
          CROWDSEC_METRICS: `${metricsHost}:${CROWDSEC_METRICS_PORT}`,
          // Go returns memory late otherwise, and would be killed for it.
          GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
        },
        view: {
          server: `${address}:${CROWDSEC_PORT}`,
          linesHost: address,
          linesPort: LINES_PORT,
          metricsHost,
          metricsPort: CROWDSEC_METRICS_PORT,
          banHours: own.hours,
          central: own.central,
          centralAddress: own.central ? input.address('auth', CENTRAL_HOST) : null,
          ...neverView(input),
        },
        ...(monitored(input) && { metrics: [METRICS] }),
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: {
          '/var/lib/crowdsec': 'who is banned, and why',
          '/tmp': 'nothing of its own; programs expect it',
          '/run': 'its configuration, put together at its start, and the password of its own command line',
        },
        after: [],
        ...(own.central && { calls: [CENTRAL_WAY] }),
        interruption: 'none for visitors: who is banned stays so; meanwhile no further client is',
        urls: [],
      },
      ...(own.central ? [centralWay(address, input)] : []),
    ];
  },
});
