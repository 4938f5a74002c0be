import type { Capability } from '../capability/capability.ts';

/** Attacks that Suricata has seen in the network `dmz`. */
export const intrusion: Capability = {
  name: 'intrusion',
  up: {
    gather: async ({ loaded }) => {
      if (loaded.settings.components.suricata !== true) return { facts: {}, steps: [] };
      const { readSuricataRules } = await import('../reconcile/sources.ts');
      return { facts: { suricataRules: readSuricataRules(loaded.root) }, steps: [] };
    },
  },
  checks: async ({ engine, containers, context, lives }) => {
    const container = containers.find(({ service, state }) => service === 'suricata' && state === 'running');
    if (!container) return [];
    const { LINES_READ, alertsIn, alertCheck, unreadAlerts } = await import('./plan/alerts.ts');
    const lines = await engine.lastLogLines(container.id, LINES_READ).catch((error: Error) => error);
    return [
      lines instanceof Error
        ? unreadAlerts(lines.message)
        : alertCheck(alertsIn(lines), context.clock.now(), lines.length, lives[container.id]?.created),
    ];
  },
};
