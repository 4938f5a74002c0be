import type { Leftover } from './facts.ts';
import { type Examination, type Finding, fail, failed, ok, warn } from './finding.ts';

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

export const examineFiles: Examination = ({ host }) => {
  if (host.unwritable) {
    const { path, code } = host.unwritable;
    return [fail('state', `${path} cannot be written (${code})`, 'change its owner, or choose another folder with --state')];
  }
  const open = host.files.filter(({ mode, most }) => (mode & ~most & 0o777) !== 0);
  if (open.length === 0) return host.files.length > 0 ? [ok('state.modes', 'files with secrets are readable only by their owner')] : [];
  return open.map(({ path, what, mode, most }) =>
    warn(
      `state.modes`,
      `${what} (${path}) has mode ${octal(mode)}: others on this machine can read it`,
      `chmod ${octal(mode & most)} ${path}`,
      {
        kind: 'chmod',
        path,
        mode: mode & most,
      },
    ),
  );
};

export const examineProject: Examination = ({ foreign }) => (foreign ? [failed('project', foreign)] : []);

export const examineLeftovers: Examination = ({ leftovers }) => leftovers.map(leftoverFinding);

function leftoverFinding({ kind, name, project, from }: Leftover): Finding {
  const gone = from ? `, whose state folder ${from} no longer exists` : ', of which no container is left';
  const what = `the ${kind} ${name} is of the project ${project}${gone}`;
  if (kind === 'network')
    return warn(`leftover.${name}`, `${what}: it keeps an address range`, `docker network rm ${name}`, { kind: 'remove-network', name });
  return warn(`leftover.${name}`, what, `docker rm ${name}`, { kind: 'remove-container', name });
}
