import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { CRS } from '../plan/crs.ts';

export const wafRules: Command = {
  name: 'waf rules',
  summary: `Which rules the WAF reads, how old they are and what is newer; \`fetch\` brings the OWASP CRS ${CRS.version}, checked`,
  example: 'medianest waf rules fetch',
  args: '[action]',
  run: async (context, [action]) => {
    if (action !== undefined && action !== 'fetch')
      throw new UserError('USAGE', `waf rules cannot ${action}`, 'medianest waf rules, or medianest waf rules fetch');
    const { open } = await import('../../project/open.ts');
    const project = await open(context);
    if (action === undefined) {
      const { wafStatus } = await import('../waf-status.ts');
      const seen = await wafStatus(context, project.loaded, project.state);
      return done(seen?.rules ?? null, seen?.text ?? 'there is no WAF: edge.waf.mode is off, or nothing was started yet');
    }
    const { fetchRules } = await import('../fetch-rules.ts');
    const fetched = await fetchRules(context, project);
    const { result, address } = fetched;
    const signature = 'signature' in fetched ? fetched.signature : undefined;
    const signed = signature === 'good' ? 'is what was released, and signed by its publisher' : 'is what was released';
    const unsigned = typeof signature === 'object' ? ` (signature not checked: ${signature.unchecked})` : '';
    const text = {
      fetched: `OWASP CRS ${CRS.version} was fetched from ${address} and ${signed}${unsigned}; the WAF reads it after: medianest up`,
      present: `nothing to do: OWASP CRS ${CRS.version} is here already`,
      planned: `would fetch OWASP CRS ${CRS.version} from ${address}`,
    }[result];
    return done({ result, version: CRS.version, commit: CRS.commit, sha256: CRS.digest, address, ...(signature && { signature }) }, text);
  },
};
