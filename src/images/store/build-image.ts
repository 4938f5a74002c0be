import path from 'node:path';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli, RunResult } from '../../docker/compose.ts';
import type { ImageSpec } from '../../stack/types.ts';
import { buildxEnvironment } from './buildx-home.ts';
import { buildHeld, verifyHeld } from './held-build.ts';

/** The argument list of a build with BuildKit: no value of the operator's is ever part of a shell string. */
function buildArgs(image: ImageSpec, home: string, more: readonly string[]): string[] {
  const build = image.build as NonNullable<ImageSpec['build']>;
  return [
    'buildx',
    'build',
    '--load',
    '--progress',
    'plain',
    ...more,
    ...Object.entries(build.args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...Object.entries(build.contexts).flatMap(([name, folder]) => ['--build-context', `${name}=${path.join(home, folder)}`]),
    '--label',
    `io.medianest.image=${image.name}`,
    path.join(home, build.context),
  ];
}

/** @throws UserError BUILD_FAILED with the last lines of the build */
export async function buildImage(
  image: ImageSpec,
  context: Context,
  docker: DockerCli,
  onLine: (line: string) => void,
  noCache = false,
): Promise<void> {
  const flags = noCache || image.build?.fresh ? ['--no-cache'] : [];
  const build = (more: readonly string[], alsoLine?: (line: string) => void) =>
    docker.run(buildArgs(image, context.home, [...flags, ...more]), {
      signal: context.signal,
      env: buildxEnvironment(context.env),
      onLine: (line) => {
        alsoLine?.(line);
        onLine(line.replace(/^#\d+ (\d+\.\d+ )?/, '').trim());
      },
    });
  const held = image.build?.held;
  if (!held) return refuseFailure(image, await build(['--tag', image.ref]));
  // Its name only once it is known to be as locked: by its name it would be used without a further look. A name for the time being,
  // because the id that buildx writes to a file is not one that every image store knows (docker/buildx#3952).
  const building = `${image.ref}-building-${process.pid}`;
  const engine = await context.engine();
  try {
    refuseFailure(image, await buildHeld(image.ref, held, (more, seen) => build(['--tag', building, ...more], seen)));
    const unlocked = await verifyHeld(image.ref, building, held, docker, context.signal);
    if (unlocked.length > 0)
      context.report.warn(`${image.name} needs packages that ${held.file} does not name: ${unlocked.join(', ')} (medianest images lock)`);
    await engine.tag(building, image.ref);
  } finally {
    // What went wrong before is what counts; what stays is removed by `images prune`.
    await engine.removeImage(building).catch(() => false);
  }
}

function refuseFailure(image: ImageSpec, { exitCode, tail }: RunResult): void {
  if (exitCode === 0) return;
  refuseFull(tail, `image ${image.ref} cannot be built`);
  const base = image.build?.args.BASE_IMAGE;
  const baseMissing = base && tail.some((line) => line.includes(base) && /not found|failed to resolve|denied|no such host/i.test(line));
  if (baseMissing) {
    throw new UserError(
      'IMAGE_MISSING',
      `the base image ${base} is not here and cannot be pulled; nothing was changed`,
      './scripts/base-image.sh builds a look-alike from Debian’s packages, or set images.base (MEDIANEST_BASE_IMAGE)',
    );
  }
  const lines = tail.filter((line) => line.trim() && !line.startsWith('------')).slice(-8);
  throw new UserError(
    'BUILD_FAILED',
    `image ${image.ref} cannot be built; nothing was changed, running services continue\n    ${lines.join('\n    ')}`,
    `see the lines above; \`medianest images build --verbose\` shows the whole build`,
  );
}

/** @throws UserError DISK_FULL where the engine says so */
function refuseFull(tail: readonly string[], what: string): void {
  if (!tail.some((line) => /no space left on device|disk quota exceeded/i.test(line))) return;
  throw new UserError(
    'DISK_FULL',
    `${what}: the disk that the Docker Engine keeps its data on is full; nothing was changed, running services continue`,
    'free some space (`docker system df` shows what takes it, `docker image prune` removes what nothing uses), then run the same command again',
  );
}

/** @throws UserError IMAGE_MISSING */
export async function pullImage(ref: string, context: Context, docker: DockerCli, onLine: (line: string) => void): Promise<void> {
  const { exitCode, tail } = await docker.run(['pull', ref], { signal: context.signal, onLine });
  if (exitCode !== 0) {
    refuseFull(tail, `image ${ref} cannot be pulled`);
    throw new UserError(
      'IMAGE_MISSING',
      `image ${ref} is not here and cannot be pulled: ${tail.at(-1)?.trim() ?? ''}; nothing was changed`,
      'check its name, the network and `docker login`; or load it: docker load < image.tar',
    );
  }
}
