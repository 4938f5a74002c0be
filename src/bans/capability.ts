import type { Capability, Seen } from '../capability/capability.ts';
import { CENTRAL, CROWDSEC } from '../services/crowdsec/settings/address.ts';
import type { BansSettings } from '../services/crowdsec/settings/bans-settings.ts';
import { commands } from './commands/bans.ts';

/** Clients that probe, guess passwords or flood are banned for a time: at the edge, and in the firewall of the host. */
export const banning = {
  name: 'bans',
  commands,
  groups: {
    bans: { section: 'Security', summary: 'Who is banned at the edge (components: { crowdsec: true }), and why' },
  },
  up: {
    announce: ({ project: { loaded } }) => {
      const { central } = loaded.settings.bans as BansSettings;
      if (loaded.settings.components[CROWDSEC] !== true || !central) return [];
      return [
        `CrowdSec tells ${CENTRAL} of each ban that it decides (address, scenario, time), and bans those on its list: bans.central, docs/bans.md`,
      ];
    },
  },
  besideRules: {
    kept: async (context, project) => (await import('./enforce/unit.ts')).kept(context, project),
    removed: async (project) => (await import('./enforce/unit.ts')).removed(project),
    there: async (project) => (await import('./enforce/unit.ts')).there(project),
  },
  checks: async (seen) => {
    if (!isOn(seen)) return [];
    const { banChecks, edgeState, engineState, READ_EDGE, READ_ENGINE } = await import('./plan/checks.ts');
    const [edge, engine] = await Promise.all([inside(seen, 'edge', READ_EDGE), inside(seen, CROWDSEC, READ_ENGINE)]);
    const { checkEnforced } = await import('./enforce/check.ts');
    return [...banChecks(edgeState(edge), engineState(engine)), ...(await checkEnforced(seen.context, seen.project))];
  },
  notes: async (seen) => {
    if (!isOn(seen)) return [];
    const { edgeState, READ_EDGE } = await import('./plan/checks.ts');
    const { plural } = await import('../core/plural.ts');
    const edge = edgeState(await inside(seen, 'edge', READ_EDGE));
    return edge ? [`Bans: ${plural(edge.count, 'ban')} in force at the edge`] : [];
  },
} satisfies Capability;

const isOn = ({ project, containers }: Seen): boolean => project.loaded.settings.components[CROWDSEC] === true && containers.length > 0;

/** What a command prints in that container; nothing where it does not run. */
async function inside({ engine, containers }: Seen, service: string, argv: readonly string[]): Promise<string> {
  const container = containers.find((one) => one.service === service && one.state === 'running');
  return container ? (await engine.exec(container.id, argv)).output : '';
}
