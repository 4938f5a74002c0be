import type { Capability } from '../capability/capability.ts';
import { wafAllow, wafLog } from './commands/waf.ts';
import type { PendingRules } from './store/pending-rules.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'place-rules': { rules: PendingRules };
  }
}

/** Rules that look at each request before it is routed. */
export const waf = {
  name: 'waf',
  commands: [wafLog, wafAllow],
  groups: { waf: { section: 'Security', summary: 'The web application firewall: what it found, and exceptions' } },
  steps: {
    'place-rules': {
      describe: ({ rules }) => `check and copy the WAF’s rules (${rules.folder ?? rules.archive})`,
      perform: async ({ rules }, { prepared, context }) => {
        const { placeRules } = await import('./store/waf-rules.ts');
        return placeRules(prepared.state, rules, context.signal);
      },
    },
  },
  up: {
    gather: async ({ loaded, state }) => {
      const { findRules } = await import('./store/waf-rules.ts');
      const found = findRules(loaded, state);
      return {
        facts: { wafRules: found?.rules },
        steps: found?.pending
          ? [{ role: 'edge', step: { kind: 'place-rules', rules: found.pending, cause: 'the WAF reads its own copy' } }]
          : [],
      };
    },
  },
  notes: async ({ context, project, containers }) => {
    if (containers.length === 0) return [];
    const { wafStatus } = await import('./waf-status.ts');
    const seen = await wafStatus(context, project.loaded, project.state);
    return seen ? [`WAF: ${seen.mode}, paranoia ${seen.paranoia}, ${seen.rules.name} ${seen.rules.version} (${seen.rules.from})`] : [];
  },
} satisfies Capability;
