import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { textOf } from '../../core/flags.ts';

export const secretsList: Command = {
  name: 'secrets list',
  summary: 'Names, origin, age and users of the secrets; never a value',
  example: 'medianest secrets list',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { prepare } = await import('../../reconcile/prepare.ts');
    const { table } = await import('../../ui/table.ts');
    const { loaded } = await open(context);
    const { stack, secrets } = await prepare(context, loaded, { unchecked: true });
    const list = stack.secrets.map(({ name, source }) => ({
      name,
      origin: 'given' in source ? 'given' : 'kept' in source ? 'kept' : 'generate' in source ? 'generated' : 'composed',
      since: secrets.changed.includes(name) ? null : (secrets.store.values[name]?.since ?? null),
      services: stack.services.filter((service) => service.secrets.some((secret) => secret.name === name)).map((service) => service.name),
    }));
    const rows = list.map((entry) => [entry.name, entry.origin, entry.since ?? '-', entry.services.join(' ')]);
    return done({ secrets: list }, table([['SECRET', 'ORIGIN', 'SINCE', 'READ BY'], ...rows]));
  },
};

export const secretsRotate: Command = {
  name: 'secrets rotate',
  summary: 'Replaces a password that medianest generated, without an outage if two of its kind are valid at once',
  example: 'medianest secrets rotate database-password',
  args: '<name>',
  run: async (context, [name = '']) => {
    const { open } = await import('../../project/open.ts');
    const { rotate } = await import('../rotate.ts');
    const outcome = await rotate(context, await open(context), name);
    const text =
      outcome.result === 'planned'
        ? outcome.rounds.map((round) => `would: ${round}`).join('\n')
        : `${name} was replaced in ${outcome.seconds.toFixed(1)} s`;
    return done(outcome, text);
  },
};

export const secretsRecover: Command = {
  name: 'secrets recover',
  summary: 'Brings back the secrets of this stack from its recovery kit, where they are missing or damaged',
  example: 'medianest secrets recover --kit /media/stick/medianest.kit',
  options: [
    ['--kit <file>', 'The recovery kit, as `medianest backup kit` wrote it'],
    ['--passphrase-file <file>', 'Where its passphrase stands; asked where it is not given'],
  ],
  run: async (context, _args, options) => {
    const kit = textOf(options.kit);
    if (kit === undefined) throw new UserError('USAGE', '--kit is missing', 'medianest secrets recover --kit FILE');
    const { open } = await import('../../project/open.ts');
    const { recover } = await import('../recover.ts');
    const outcome = await recover(context, await open(context), kit, options.passphraseFile);
    const aside = outcome.kept === null ? '' : `; the damaged file is ${outcome.kept}`;
    const text = outcome.changed
      ? `the secrets are those of the kit of ${outcome.madeAt}${aside}. medianest plan tells what \`up\` would change`
      : `would bring back the secrets of the kit of ${outcome.madeAt}`;
    return done(outcome, text);
  },
};
