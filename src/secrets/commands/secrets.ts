import { type Command, done } from '../../capability/capability.ts';

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
