import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UserError } from '../../core/errors.ts';
import type { DockerCli, RunResult } from '../../docker/compose.ts';
import type { HeldBuild } from '../../stack/image-lock.ts';
import { imageContents } from './image-contents.ts';
import { heldFaults, heldFiles, readGone } from './plan/held-files.ts';

/** Runs one build with more arguments. */
type Build = (args: readonly string[], onLine: (line: string) => void) => Promise<RunResult>;

const REFRESH = 'medianest images lock --newest builds with the newest packages and records them';

/**
 * Builds with exactly the packages of the lock: from the mirror, or else from the dated archive.
 * @returns the build as it ended; undefined packages of it are no failure of the build's own
 * @throws UserError BUILD_FAILED naming the packages where neither has them
 */
export async function buildHeld(ref: string, held: HeldBuild, build: Build): Promise<RunResult> {
  const first = await attempt(held, false, build);
  if (first.gone.length === 0) return first.result;
  const [{ name, version }] = first.gone as [{ name: string; version: string }];
  if (name === 'architecture')
    throw new UserError(
      'BUILD_FAILED',
      `image ${ref} cannot be built: ${held.file} is for ${held.architecture}, and this engine for ${version}; nothing was changed`,
      `record one here: ${REFRESH}`,
    );
  const { url, snapshot, suites } = held.archive;
  if (suites.length === 0)
    throw gone(ref, held, first.gone, 'the lock does not say which suite had them (it was recorded without a network)');
  const second = await attempt(held, true, build);
  if (second.gone.length > 0) throw gone(ref, held, second.gone, `${url} of ${snapshot} does not have them either`);
  const away = second.result.tail.find((line) => /E: .*(Failed to fetch|Could not resolve|does not have a Release file)/.test(line));
  if (second.result.exitCode !== 0 && away)
    throw gone(ref, held, first.gone, `the archive ${url} does not answer: ${away.replace(/^.*?E: /, '').trim()}`);
  return second.result;
}

async function attempt(held: HeldBuild, fromArchive: boolean, build: Build) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-lock-'));
  const gone: { name: string; version: string }[] = [];
  try {
    for (const [name, text] of Object.entries(heldFiles(held, fromArchive))) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const result = await build(['--build-context', `lock=${folder}`, '--build-arg', 'APT_CONFIG=/mnt/apt.conf'], (line) => {
      const found = readGone(line);
      if (found && !gone.some(({ name }) => name === found.name)) gone.push(found);
    });
    return { result, gone: result.exitCode === 0 ? [] : gone };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function gone(ref: string, held: HeldBuild, packages: readonly { name: string; version: string }[], why: string): UserError {
  const listed = packages.slice(0, 5).map(({ name, version }) => `${name} ${version}`);
  const more = packages.length > listed.length ? ` and ${packages.length - listed.length} more` : '';
  return new UserError(
    'BUILD_FAILED',
    `image ${ref} cannot be built as ${held.file} says: the mirror no longer has ${listed.join(', ')}${more}, and ${why}; nothing was changed, running services continue`,
    `${REFRESH}; or name an archive that has them: packages.snapshot`,
  );
}

/**
 * Compares what was built with the lock. A base that is not the lock's may have brought other packages.
 * @returns packages that the lock does not name yet, because the image's source has changed since
 * @throws UserError BUILD_FAILED
 */
export async function verifyHeld(ref: string, built: string, held: HeldBuild, docker: DockerCli, signal: AbortSignal): Promise<string[]> {
  const { packages } = await imageContents(built, docker, signal);
  const versions = Object.fromEntries(Object.entries(packages).map(([name, { version }]) => [name, version]));
  const { wrong, unlocked } = heldFaults(held, versions);
  if (wrong.length === 0) return unlocked;
  throw new UserError(
    'BUILD_FAILED',
    `image ${ref} is not as ${held.file} says: ${wrong.slice(0, 8).join(', ')}${wrong.length > 8 ? `, and ${wrong.length - 8} more` : ''}; nothing was changed`,
    REFRESH,
  );
}
