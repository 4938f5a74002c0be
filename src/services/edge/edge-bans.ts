import { uniqueLocalRange } from '../../core/ip-address.ts';
import type { BuildInput, ServiceDefinition } from '../../stack/service.ts';
import { type Blueprint, NETWORKS, type NetworkName, type SecretSpec } from '../../stack/types.ts';
import { CROWDSEC, CROWDSEC_HOST, CROWDSEC_PORT, EDGE_KEY, LINES_PORT } from '../crowdsec/settings/address.ts';
import type { bansSettings } from '../crowdsec/settings/bans-settings.ts';
import { neverBanned } from '../crowdsec/settings/never-banned.ts';
import type { edgeSettings } from './settings/edge-settings.ts';

/** Named, not imported: CrowdSec is built from the edge's settings. */
const BANS = { key: 'bans' } as unknown as ServiceDefinition<typeof bansSettings>;
const EDGE = { key: 'edge' } as unknown as ServiceDefinition<typeof edgeSettings>;

/** The key as nginx reads it: JSON. */
const KEY: SecretSpec = { name: 'bans-key-edge', source: { format: `{"key":"{${EDGE_KEY}}"}` } };

const NONE = { networks: [] as NetworkName[], secrets: [] as Blueprint['secrets'], calls: [] as string[], view: { bans: false } };

/** The ranges of the stack's own networks; that of IPv6 where one is published. */
const ownRanges = (input: BuildInput): string[] => [
  ...NETWORKS.map((network) => input.range(network)),
  uniqueLocalRange(`${input.settings.project} ${input.range('dmz')}`),
];

/** Who is never banned, for templates. */
export const neverView = (input: BuildInput) => ({
  neverBanned: neverBanned({
    bans: input.settingsOf(BANS),
    firewall: input.settings.firewall,
    edge: input.settingsOf(EDGE),
    networks: ownRanges(input),
  }).map(({ range }) => range),
});

/** The edge's part of bans: the network of CrowdSec, the key, and who is never banned. */
export function bansPart(input: BuildInput) {
  if (!input.enabled(CROWDSEC)) return NONE;
  const address = input.address('auth', CROWDSEC_HOST);
  return {
    networks: ['auth'] as NetworkName[],
    secrets: [KEY],
    calls: [CROWDSEC],
    view: { bans: true, bansServer: `${address}:${CROWDSEC_PORT}`, bansLines: `${address}:${LINES_PORT}`, ...neverView(input) },
  };
}
