import type { Before, Leave } from '../../../settings/part.ts';
import { ENGINE_KEY, SIGN_ON } from './address.ts';

/** Of settings that are validated elsewhere, what decides. */
interface Asked {
  profile?: string;
  components?: Readonly<Record<string, boolean>>;
  edge?: { access?: unknown };
  cdn?: { host?: string };
  services?: Readonly<Record<string, { paths?: readonly string[] }>>;
}

const KEEP = `\`components: { ${SIGN_ON}: false }\``;
const ON = `\`components: { ${SIGN_ON}: true }\``;

/** Where sign-on, as the default of a profile, would break what works: there it stays off, and says so. */
export function leaveSignOnOff(settings: Asked, before: Before): Leave | undefined {
  const { components = {}, edge, cdn, services = {}, profile } = settings;
  const off = (name: string) => components[name] !== true;
  if (off('edge')) return { by: 'components.edge' };
  if (edge?.access === 'none') return { by: 'edge.access' };
  const why = (reason: string) => `visitors do not sign in: sign-on, which the profile ${profile} has, stays off, because ${reason}`;
  if (off('patroni') && off('postgres'))
    return {
      by: 'components.patroni',
      told: { why: why('there is no database for its users'), fix: `${KEEP} says that this is meant` },
    };
  if (!off('cdn') && cdn?.host)
    return {
      by: 'cdn.host',
      told: { why: why('cdn.host gives static files to everybody'), fix: `leave out \`cdn.host\`; ${KEEP} says that this is meant` },
    };
  const taken = Object.entries(services).find(([, { paths = [] }]) => paths.some((path) => /^\/auth(\/|$)/i.test(path)));
  if (components.services !== false && taken)
    return {
      by: `services.${taken[0]}.paths`,
      told: {
        why: why(`services.${taken[0]} has the path /auth, where the sign-in would be`),
        fix: `give it another path; ${KEEP} says that this is meant`,
      },
    };
  if (!before.ranWithout(ENGINE_KEY)) return undefined;
  return {
    by: 'the state folder',
    told: {
      why: why('this stack has run without it, and programs that call it have no tokens'),
      fix: `${ON} asks visitors to sign in (docs/sign-on.md); ${KEEP} keeps it as it is, without this note`,
    },
  };
}
