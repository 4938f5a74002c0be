import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { cpus, memory } from '../../settings/fields.ts';
import type { Figure } from '../../stack/metrics.ts';
import { ipv6RangeOf } from '../../stack/networks.ts';
import { defineService } from '../../stack/service.ts';
import { edge } from '../edge/edge.ts';

const SURICATA = 'suricata';

declare module '../../stack/service.ts' {
  interface HostFacts {
    /** The operator's own rules of Suricata: name of a file -> text. */
    suricataRules?: Readonly<Record<string, string>> | undefined;
  }
}

const settings = z.strictObject({
  memory: memory('192m').describe('Memory limit of the container; more rules need more of it'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

/** What its health check prints (templates/suricata/image/figures). */
const FIGURES: Figure[] = [
  { name: 'medianest_suricata_alerts_total', help: 'Alerts, by severity: high is 1, medium 2, low the rest.' },
  {
    name: 'medianest_suricata_calls_outside_total',
    help: 'Alerts about a container of dmz that opens a connection to an address outside.',
  },
  { name: 'medianest_suricata_packets_total', help: 'Packets that passed dmz, with those that were dropped.' },
  { name: 'medianest_suricata_dropped_packets_total', help: 'Packets that Suricata was too slow for, and has not seen.' },
];

const CONFIG = '/etc/medianest/current/suricata.yaml';

export const suricata = defineService({
  name: SURICATA,
  key: 'intrusion',
  summary: 'Suricata: looks for attacks in what passes the network `dmz`, and tells them; it stops nothing',
  settings,
  build: (own, input) => {
    if (!input.enabled(edge.name))
      throw new UserError(
        'INVALID_SETTINGS',
        `components.${SURICATA} needs the edge, which is off: nothing else is in the network that it watches`,
        `switch on \`components: { edge: true }\`, or ${SURICATA} off`,
      );
    const { built } = input;
    const dmz = { project: input.settings.project, name: 'dmz' as const, subnet: input.range('dmz') };
    const ipv6 = ipv6RangeOf(dmz, built);
    const rules = Object.entries(input.host.suricataRules ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      {
        name: SURICATA,
        image: input.image(SURICATA),
        uid: 0,
        host: 78,
        networks: [],
        // A container of the network itself gets no frame of others: the bridge shows them to the host alone.
        hostNetwork: true,
        ports: [],
        mounts: [],
        secrets: [],
        environment: { SURICATA_GATEWAY: input.address('dmz', 1) },
        view: {
          home: [dmz.subnet, ...(ipv6 === undefined ? [] : [ipv6])].join(','),
          // Where a container of it calls outside (ACME, OCSP), a connection from there means nothing.
          quiet: !built.some(({ networks, callsOutside, egress }) => networks.includes('dmz') && (callsOutside || egress)),
          own: rules.map(([name]) => name),
        },
        files: Object.fromEntries(rules),
        check: ['suricata', '-T', '-c', CONFIG, '-l', '/tmp'],
        figures: FIGURES,
        memoryBytes: own.memory,
        cpus: own.cpus,
        pids: 64,
        keeps: {
          root: 'the engine gives a capability to root alone; this one has no other, and no file of the host',
          NET_RAW: 'reads the frames of the bridge of `dmz`, and sends none',
          network: 'the bridge of `dmz` is an interface of the host; it listens on no port',
          '/tmp': 'nothing of its own; programs expect it',
          '/run': 'which interface it reads, and how much it has told',
        },
        after: [edge.name],
        interruption: 'none for visitors: attacks are not told meanwhile',
        urls: [],
      },
    ];
  },
});
