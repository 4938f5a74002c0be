import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { sinceOf } from '../../core/time.ts';

export const wafLog: Command = {
  name: 'waf log',
  summary: 'What the WAF found: which rule, in which part of which request, and whether it was blocked',
  example: 'medianest waf log --since 24h',
  options: [['--since <time>', 'Only since a moment with its time zone, or for so long: 10m, "2 hours ago" (default: 1h)']],
  run: async (context, _args, options) => {
    const since = String(options.since ?? '1h');
    const time = sinceOf('--since', since, context.clock.now());
    const { open, requireManifest } = await import('../../project/open.ts');
    const { readWafLog } = await import('../waf-status.ts');
    const { requireWaf } = await import('../store/waf-rules.ts');
    const { table } = await import('../../ui/table.ts');
    const { loaded, state } = await open(context);
    requireWaf(loaded);
    requireManifest(state);
    const entries = await readWafLog(context, loaded, state, time);
    const rows = entries.flatMap((entry) =>
      entry.matches.map((match, i) => [
        ...(i === 0
          ? [entry.time, entry.blocked ? 'blocked' : 'detected', entry.client, entry.method, entry.path, entry.requestId]
          : ['', '', '', '', '', '']),
        String(match.rule),
        match.part,
        match.found === '' ? match.message : `${match.message} (${JSON.stringify(match.found)})`,
      ]),
    );
    const header = ['TIME', 'RESULT', 'CLIENT', 'METHOD', 'PATH', 'REQUEST', 'RULE', 'PART', 'WHY'];
    return done({ since, entries }, rows.length > 0 ? table([header, ...rows]) : `the WAF found nothing since ${since}`);
  },
};

export const wafAllow: Command = {
  name: 'waf allow',
  summary: 'Leave a rule out for a path, or for one field there: written into medianest.yml, then the edge reloads',
  example: 'medianest waf allow 942100 --path /api/notes --parameter text',
  args: '<rule>',
  options: [
    ['--path <path>', 'For this path and all below it'],
    ['--parameter <name>', 'Only for this field of a query, a form or JSON; cookie:NAME and header:NAME too'],
  ],
  run: async (context, args, options) => {
    const { open } = await import('../../project/open.ts');
    const { allowRule } = await import('../waf-allow.ts');
    const [rule = ''] = args;
    if (options.path === undefined) {
      throw new UserError(
        'USAGE',
        '--path is missing: a rule is left out for a path, not everywhere',
        `for example medianest waf allow ${rule} --path /api/notes`,
      );
    }
    const asked = {
      rule: /^\d+$/.test(rule) ? Number(rule) : rule,
      path: String(options.path),
      ...(options.parameter !== undefined && { parameter: String(options.parameter) }),
    };
    const { exclusion, file, result } = await allowRule(context, await open(context), asked);
    const where = `rule ${exclusion.rule} for ${exclusion.parameter ? `${exclusion.parameter} in ` : ''}${exclusion.path}`;
    const text = {
      changed: `${where} is left out from now on; it stands in ${file}`,
      unchanged: `nothing to do: ${where} is left out already`,
      planned: `would write into ${file} that ${where} is left out, and reload the edge`,
    };
    return done({ exclusion, file, result }, text[result]);
  },
};
