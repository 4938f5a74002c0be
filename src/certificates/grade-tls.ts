import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional, writeAtomic, writing } from '../core/files.ts';
import { HARDENED } from '../docker/hardened.ts';
import { bindArgs } from '../docker/mount-args.ts';
import { buildImage } from '../images/store/build-image.ts';
import { prepare } from '../reconcile/prepare.ts';
import { containersOf, withRole } from '../stack/roles.ts';
import { type Grade, gradeOf, scanProblem } from './plan/tls-grade.ts';

/** Grades the running edge, or an address, with testssl.sh in a container. */
export async function gradeTls(
  context: Context,
  { loaded, state }: Project,
  target: string | undefined,
  ca: string | undefined,
): Promise<Grade & { target: string }> {
  const prepared = await prepare(context, loaded, { unchecked: true });
  const engine = await context.engine();
  const docker = await context.docker();
  const edge = containersOf(await engine.observe(prepared.stack.project), prepared.stack.services, 'edge').find(
    ({ state: now }) => now === 'running',
  );
  if (target === undefined && !edge)
    throw new UserError(
      'NOT_RUNNING',
      'the edge does not run, so there is nothing to test',
      'medianest up, or name an address: medianest certs test HOST:443',
    );
  const image = prepared.tool('testssl');
  if ((await engine.missingImages([image.ref])).length > 0 && image.build)
    await buildImage(image, context, docker, (line) => context.report.verbose(line));
  const folder = state.at('tls-test', String(process.pid));
  writing(folder, () => mkdirSync(folder, { recursive: true, mode: 0o777 }));
  const address = edge ? (Object.values(edge.addresses).find(Boolean) as string) : '';
  const name = nameOf(withRole(prepared.stack.services, 'edge')[0]?.urls[0]);
  const at = target ?? `${name}:8443`;
  const roots = [
    ca === undefined ? undefined : readFileSync(path.resolve(context.cwd, ca), 'utf8'),
    target === undefined ? readOptional(state.at('ca', 'trust', 'internal-ca.pem')) : undefined,
  ].filter((text) => text !== undefined);
  const task = context.report.task(`test ${at} with testssl.sh (about a minute)`);
  try {
    writeAtomic(path.join(folder, 'ca.pem'), roots.join(''));
    const { exitCode, tail } = await docker.run(
      [
        ...['run', '--rm', '--init', '--pull', 'never', ...HARDENED],
        ...['--user', `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`, ...bindArgs(folder, '/report'), '--memory', '512m'],
        ...(target === undefined && edge ? ['--network', `container:${edge.id}`] : []),
        image.ref,
        ...['--quiet', '--warnings', 'off', '--color', '0', '--nodns', 'none', '--jsonfile', '/report/findings.json', '--overwrite'],
        ...(roots.length > 0 ? ['--add-ca', '/report/ca.pem'] : []),
        ...(target === undefined ? ['--ip', address] : []),
        at,
      ],
      { signal: context.signal, onLine: (line) => task.detail(line.trim()) },
    );
    // Its status counts findings; what was not tested at all has no report.
    const report = readOptional(path.join(folder, 'findings.json'));
    const grade = report === undefined ? undefined : gradeOf(report);
    if (grade === undefined)
      throw new UserError(
        'CERTIFICATE_FAILED',
        `testssl.sh could not test ${at} (status ${exitCode}): ${(report && scanProblem(report)) ?? tail.slice(-3).join(' | ')}`,
        'check that a TLS server listens there, reachable from a container: the name, the port, a firewall',
      );
    task.done();
    return { target: at, ...grade };
  } catch (error) {
    task.failed();
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const nameOf = (url: string | undefined): string => (url ? new URL(url).hostname : 'localhost');
