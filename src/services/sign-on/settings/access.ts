import { EVERYONE, groupsFor } from './roles.ts';

/** One entry of `edge.access`. */
export interface AccessRule {
  paths: readonly string[];
  roles: readonly string[];
  mfa: boolean;
  /** API tokens may come in too; without a word they may where no second factor is asked for. */
  tokens?: boolean | undefined;
}

/** What an API token must be like for a rule: in one group of each list; null where no token may come in. */
export type TokenRule = readonly (readonly string[])[] | null;

/** What the edge needs of a path: the name of a rule, which the identity provider is asked for. */
export interface Access {
  /** Starts of paths, in the order in which they count. */
  paths: { paths: readonly string[]; access: string }[];
  /** Name of a rule -> what a session must be like, in the words of the identity provider. */
  conditions: Record<string, string>;
  /** The same for API tokens, which have no second factor. */
  tokens: Record<string, TokenRule>;
  /** The rule of what no entry names. */
  otherwise: string;
  /** The rule of paths that programs may read differently: all others at once. */
  strict: string;
}

/** The name that needs no sign-in. */
export const OPEN = 'open';
const OTHERWISE = 'other';
/** Of pages of the stack's own programs. A path that is written in a doubtful way never has it: the edge shows none of them then. */
const PAGES = 'pages';
const OPERATORS = { roles: ['operator'], mfa: true };
/** Where these are, of each of the portal's names. */
export const TOOL_PAGES = '/auth/pages/';

const STRICT = 'all';

/** A session's groups are in `$roles`, separated by commas; names of groups have no character with a meaning here. */
const inAny = (groups: readonly string[]): string => `$roles =~ /(?:^|,)(?:${groups.join('|')})(?:,|$)/`;

/** What a session must be like, in the words of the identity provider. */
export const condition = ({ roles, mfa }: Pick<AccessRule, 'roles' | 'mfa'>): string =>
  `${inAny(groupsFor(roles))}${mfa ? ' and $_2f' : ''}`;

const forTokens = (rules: readonly Pick<AccessRule, 'roles' | 'mfa' | 'tokens'>[]): TokenRule =>
  rules.every(({ mfa, tokens }) => tokens ?? !mfa) ? rules.map(({ roles }) => groupsFor(roles)) : null;

/**
 * Which session may see which path; what no rule names needs `member`.
 * @param pages the edge shows pages of the stack's own programs, which no rule opens
 */
export function accessOf(rules: readonly AccessRule[], pages = false): Access {
  const named = rules.map((rule, index) => ({ ...rule, access: rule.roles.includes(EVERYONE) ? OPEN : `rule-${index + 1}` }));
  const closed = named.filter(({ access }) => access !== OPEN);
  const others = { roles: ['member'], mfa: false };
  const other = condition(others);
  return {
    paths: [...(pages ? [{ paths: [TOOL_PAGES], access: PAGES }] : []), ...named.map(({ paths, access }) => ({ paths, access }))],
    conditions: {
      ...Object.fromEntries(closed.map((rule) => [rule.access, condition(rule)])),
      ...(pages && { [PAGES]: condition(OPERATORS) }),
      [OTHERWISE]: other,
      [STRICT]: [...new Set([...closed.map(condition), other])].map((each) => `(${each})`).join(' and '),
    },
    tokens: {
      ...Object.fromEntries(closed.map((rule) => [rule.access, forTokens([rule])])),
      ...(pages && { [PAGES]: forTokens([OPERATORS]) }),
      [OTHERWISE]: forTokens([others]),
      [STRICT]: forTokens([...closed, others]),
    },
    otherwise: OTHERWISE,
    strict: STRICT,
  };
}
