import { type Command, type Context, done, type Project, type Result } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { numberOf } from '../../core/flags.ts';
import { shellWord } from '../../core/shell-word.ts';

const TRIAL_SECONDS = 60;

const openProject = async (context: Context): Promise<Project> => (await import('../../project/open.ts')).open(context);

const plan: Command = {
  name: 'firewall plan',
  summary: 'Who may reach which published port, and what differs from the rules that are loaded',
  example: 'medianest firewall plan',
  options: [['--rules', 'Also the exact rules, as nft takes them']],
  run: async (context, _args, options) => {
    const { readPolicy } = await import('../read-policy.ts');
    const { observe } = await import('../observe.ts');
    const { verdict } = await import('../plan/verdict.ts');
    const { describePlan, describeVerdict, planView } = await import('../plan/describe.ts');
    const project = await openProject(context);
    const policy = await readPolicy(context, project);
    const found = await observe(project, policy, undefined);
    const now = verdict(found);
    const text = [describePlan(policy), describeVerdict(now, found.unread), ...(options.rules ? [found.wanted.trimEnd()] : [])];
    return done(
      { ...planView(policy), enabled: found.enabled, ...now, ...(options.rules === true && { rules: found.wanted }) },
      text.join('\n'),
    );
  },
};

const apply: Command = {
  name: 'firewall apply',
  summary: 'Load the rules on trial: they end by themselves after a minute unless they are confirmed (as root)',
  example: 'medianest firewall apply',
  options: [
    ['--for <seconds>', `How long they are tried (${TRIAL_SECONDS})`],
    ['--force', 'Also where they refuse the SSH session that this runs in'],
  ],
  run: async (context, _args, options) => {
    const { readPolicy } = await import('../read-policy.ts');
    const { describePlan } = await import('../plan/describe.ts');
    const should = { least: 2, most: 3600, should: 'a number of seconds between 2 and 3600', example: TRIAL_SECONDS };
    const seconds = numberOf('--for', options.for, should) ?? TRIAL_SECONDS;
    const project = await openProject(context);
    if (!project.loaded.settings.firewall.enabled)
      throw new UserError(
        'INVALID_SETTINGS',
        'the firewall is off; nothing was changed',
        'set `firewall: { enabled: true }` in medianest.yml',
      );
    const policy = await readPolicy(context, project);
    if (context.flags.dryRun) return done({ state: 'planned' }, `${describePlan(policy)}\nwould be tried for ${seconds} s`);
    const { apply: applyNow } = await import('../apply.ts');
    const { rulesFile } = await import('../store.ts');
    const applied = await applyNow(context, project, policy, { seconds, force: options.force === true });
    if (applied.state === 'active')
      return done(
        applied,
        `${applied.changed ? 'the confirmed rules are loaded again' : 'nothing to change: the confirmed rules are loaded'}${bootText(applied, rulesFile(project.state, 'confirmed'))}`,
      );
    return (
      (await confirmedHere(context, project, seconds)) ??
      done(
        applied,
        `${describePlan(policy)}\nThese rules are tried until ${applied.until}. In a new session: sudo medianest firewall confirm`,
      )
    );
  },
};

/** Enter at the terminal confirms as well; without it this waits until the trial is over. Undefined where there is no terminal. */
async function confirmedHere(context: Context, project: Project, seconds: number): Promise<Result | undefined> {
  if (process.stdin.isTTY !== true || context.flags.json) return undefined;
  const { askTerminal } = await import('../../ui/ask.ts');
  const { clearTrial, confirm: confirmNow } = await import('../apply.ts');
  const { readRules, rulesFile } = await import('../store.ts');
  const ends = AbortSignal.any([context.signal, AbortSignal.timeout(seconds * 1000)]);
  const question = `The rules are loaded for ${seconds} s. See from elsewhere that you still reach what you must, then press Enter to keep them: `;
  const answer = await askTerminal(question, ends).catch(() => undefined);
  if (answer !== undefined) {
    const confirmed = await confirmNow(context, project);
    return done({ state: 'active', changed: true, ...confirmed }, `confirmed${bootText(confirmed, rulesFile(project.state, 'confirmed'))}`);
  }
  // Confirmed in another session meanwhile: nothing is left to clear away.
  if (!readRules(project.state, 'trial')) return done({ state: 'active', changed: true }, 'confirmed in another session');
  await clearTrial(context, project);
  return done({ state: 'reverted' }, 'not confirmed: the rules from before are in force', EXIT.failed);
}

/** @param file the confirmed rules */
const bootText = ({ unit }: { unit: string | null }, file: string): string =>
  unit
    ? `; ${unit} loads them at each start of this host`
    : `; systemd does not load them at the next start of this host: have it run nft -f ${shellWord(file)}`;

const confirm: Command = {
  name: 'firewall confirm',
  summary: 'Keep the rules that `firewall apply` has loaded on trial (as root)',
  example: 'medianest firewall confirm',
  run: async (context) => {
    const { confirm: confirmNow } = await import('../apply.ts');
    const { rulesFile } = await import('../store.ts');
    const project = await openProject(context);
    const confirmed = await confirmNow(context, project);
    return done({ state: 'active', ...confirmed }, `confirmed${bootText(confirmed, rulesFile(project.state, 'confirmed'))}`);
  },
};

const status: Command = {
  name: 'firewall status',
  summary: 'Whether the confirmed rules are loaded, and what has changed since (as root)',
  example: 'medianest firewall status',
  run: async (context) => {
    const { readPolicy } = await import('../read-policy.ts');
    const { observe } = await import('../observe.ts');
    const { publishedPorts } = await import('../published-ports.ts');
    const { verdict } = await import('../plan/verdict.ts');
    const { describeVerdict } = await import('../plan/describe.ts');
    const project = await openProject(context);
    const ports = await publishedPorts(context, project);
    const found = await observe(project, await readPolicy(context, project), ports);
    const now = verdict(found);
    const unasked = ports === undefined && found.enabled ? ['  the engine does not answer: ports published since cannot be told'] : [];
    return done(
      { enabled: found.enabled, ...now, boot: found.boot ?? null, unread: found.unread ?? null },
      [describeVerdict(now, found.unread), ...unasked].join('\n'),
      now.drift.length > 0 && found.enabled ? EXIT.unhealthy : EXIT.done,
    );
  },
};

const remove: Command = {
  name: 'firewall remove',
  summary: 'Take all rules of this project away, and what loads them after a reboot (as root)',
  example: 'medianest firewall remove',
  run: async (context) => {
    const project = await openProject(context);
    const { remainsOf, remove: removeNow } = await import('../apply.ts');
    if (context.flags.dryRun) {
      const names = await remainsOf(context, project);
      return done({ removed: false, files: names }, names.length > 0 ? `would remove ${names.join(', ')}` : 'nothing is there');
    }
    const result = await removeNow(context, project);
    const what = [...(result.removed ? ['the rules'] : []), ...result.files];
    return done(result, what.length > 0 ? `removed ${what.join(', ')}` : 'no rules were loaded');
  },
};

export const commands: readonly Command[] = [plan, apply, confirm, status, remove];
