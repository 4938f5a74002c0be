import type { Capability } from '../capability/capability.ts';
import { wafAllow, wafLog } from './commands/waf.ts';
import { wafRules } from './commands/waf-rules.ts';
import { OFFER } from './plan/crs.ts';
import type { PendingRules } from './store/pending-rules.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'place-rules': { rules: PendingRules };
  }
}

/** Rules that look at each request before it is routed. */
export const waf = {
  name: 'waf',
  commands: [wafLog, wafAllow, wafRules],
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
    announce: async ({ project: { loaded, state }, only }) => {
      const { servesDebian } = await import('./store/waf-rules.ts');
      return only === undefined && servesDebian(loaded, state) ? [OFFER] : [];
    },
  },
  offers: async ({ loaded, state }) => {
    const { servesDebian } = await import('./store/waf-rules.ts');
    return servesDebian(loaded, state) ? [OFFER] : [];
  },
  checks: async ({ context, project, containers }) => {
    if (containers.length === 0) return [];
    const { wafStatus } = await import('./waf-status.ts');
    const seen = await wafStatus(context, project.loaded, project.state);
    return seen ? [{ id: 'waf-rules', status: 'ok', message: `the WAF reads ${seen.text}` }] : [];
  },
  notes: async ({ context, project, containers }) => {
    if (containers.length === 0) return [];
    const { wafStatus } = await import('./waf-status.ts');
    const seen = await wafStatus(context, project.loaded, project.state);
    return seen ? [`WAF: ${seen.mode}, paranoia ${seen.paranoia}, ${seen.text}`] : [];
  },
} satisfies Capability;
