import { UserError } from '../../core/errors.ts';
import { secretsIn } from '../../core/secret-part.ts';
import type { Overrides } from '../../stack/overrides.ts';
import type { SecretSpec, Stack } from '../../stack/types.ts';

/** One `up` of a rotation: secrets that get a new value, and an override that changes which of two is in use. */
export interface Round {
  renew: string[];
  overrides?: (overrides: Overrides) => Overrides;
  says: string;
}

/**
 * How a secret is replaced. One of two that are valid at the same time: the idle one is replaced, taken into use, and then the
 * old one is replaced, so that the one in use is always valid; any other secret is replaced at once.
 * @throws UserError where the secret is not medianest's to choose
 */
export function rotation(stack: Stack, name: string): Round[] {
  const pair = stack.secrets.filter(({ name: own, slot }) => slot && own === `${name}-${slot.of}`);
  const [first] = pair;
  if (first?.slot) return alternate(stack, name, pair, first.slot.group);
  const spec = stack.secrets.find((entry) => entry.name === name);
  if (!spec) {
    const known = stack.secrets
      .filter(({ source }) => 'generate' in source)
      .map((entry) => entry.name.replace(/-[ab]$/, entry.slot ? '' : '$&'));
    throw new UserError('USAGE', `there is no secret ${JSON.stringify(name)}`, `one of ${[...new Set(known)].join(', ')}`);
  }
  if (spec.slot) {
    const both = name.slice(0, -`-${spec.slot.of}`.length);
    throw new UserError(
      'USAGE',
      `${name} is one of two that are valid at the same time; nothing was changed`,
      `rotate ${both}: both are replaced, one after the other`,
    );
  }
  if (spec.rotatedBy) throw new UserError('USAGE', `${name} is known to other devices too; nothing was changed`, spec.rotatedBy);
  refuseForeign(spec);
  if (spec.encrypts)
    throw new UserError(
      'USAGE',
      `${name} encrypts ${spec.encrypts}, which no other key opens; nothing was changed`,
      'medianest backup keys rotate gives the backups other keys, and leaves the old sets readable',
    );
  return [{ renew: [name], says: `${name} is replaced` }];
}

function alternate(stack: Stack, name: string, pair: readonly SecretSpec[], group: string): Round[] {
  for (const spec of pair) refuseForeign(spec);
  const inUse = stack.overrides.credentials?.[group] ?? 'a';
  const idle = inUse === 'a' ? 'b' : 'a';
  return [
    { renew: [`${name}-${idle}`], says: `${name}-${idle}, which is idle, is replaced` },
    {
      renew: [],
      overrides: (overrides) => ({ ...overrides, credentials: { ...overrides.credentials, [group]: idle } }),
      says: `${name}-${idle} is taken into use`,
    },
    { renew: [`${name}-${inUse}`], says: `${name}-${inUse}, the old one, is replaced` },
  ];
}

function refuseForeign({ name, source }: SecretSpec): void {
  if ('given' in source)
    throw new UserError(
      'USAGE',
      `${name} is given by you; nothing was changed`,
      'change it where medianest.yml says it comes from, then `medianest up`',
    );
  if ('kept' in source)
    throw new UserError('USAGE', `${name} is written by commands of its own; nothing was changed`, 'medianest bastion --help');
  if ('format' in source)
    throw new UserError(
      'USAGE',
      `${name} is composed of others; nothing was changed`,
      `rotate ${source.format.match(/\{([\w-]+?)(-[ab])?\}/)?.[1]}`,
    );
  if ('parts' in source)
    throw new UserError(
      'USAGE',
      `${name} is composed of others; nothing was changed`,
      `rotate ${secretsIn(source.parts)
        .map((part) => part.replace(/^(\w+-[\w-]+)-[ab]$/, '$1'))
        .join(' or ')}`,
    );
}
