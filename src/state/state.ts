import { mkdirSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { exists, linkLeadingOut, readLink, readOptional, switchLink, writeAtomic, writeFolder, writing } from '../core/files.ts';
import { sha256 } from '../core/hash.ts';
import { type Manifest, STATE_VERSION, toManifest } from '../stack/manifest.ts';
import { COMPOSE_FILE } from '../stack/render.ts';
import { upgraded } from '../stack/roles.ts';
import type { Rendered, Stack } from '../stack/types.ts';
import { parseJson } from './plan/parse.ts';
import { isRecord, renamed, type StateRecord, type Without } from './plan/record.ts';

const GENERATIONS_KEPT = 5;

/** The manifest that was read last: one command asks for it up to ten times. */
let known: { text: string; manifest: Manifest } | undefined;

const hasServices = (value: unknown): boolean => Array.isArray((value as Partial<Manifest> | null)?.services);

/** A rendered file that is not as it was written; `actual` is undefined if it was removed. */
export interface EditedFile {
  path: string;
  file: string;
  written: string;
  actual: string | undefined;
}

/**
 * The state folder.
 *
 *     current -> generations/<id>         compose.yml, manifest.json: switched in one rename
 *     config/<service>/<hash>/            rendered configuration, never modified; `current` is what the container reads
 *     secrets/ certs/ ca/ secrets.json subnets.json audit.jsonl lock compose.override.yml
 */
export class StateFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  at(...parts: string[]): string {
    return path.join(this.root, ...parts);
  }

  get composeFile(): string {
    return this.at('current', COMPOSE_FILE);
  }

  /** Makes the folder, readable by its owner alone. It refuses links out of it, before a damaged record, and one of a newer medianest. */
  open(): void {
    const out = exists(this.root) && linkLeadingOut(this.root);
    if (out)
      throw new UserError(
        'STATE_DAMAGED',
        `${out.link} is a link that leads out of the state folder, to ${out.target}: nothing was changed`,
        `move what it points to into its place; to keep all of the state elsewhere, use --state or link ${this.root} as a whole`,
        { path: out.link },
      );
    const version = this.record()?.version;
    if (version !== undefined && version > STATE_VERSION) {
      throw new UserError(
        'STATE_DAMAGED',
        `${this.root} was written by a newer medianest (state version ${version}, this one knows ${STATE_VERSION})`,
        'upgrade medianest, or choose another folder with --state',
      );
    }
    if (version !== undefined) return;
    writing(this.root, () => mkdirSync(this.root, { recursive: true, mode: 0o700 }));
    writeAtomic(this.at('state.json'), `${JSON.stringify({ version: STATE_VERSION })}\n`);
  }

  private record(): StateRecord | undefined {
    return this.readJson<StateRecord>('state.json', 'the project’s name is read from current/compose.yml then', isRecord);
  }

  /** The project that was rendered here last, or that a recovery kit has brought; undefined where there was none. */
  project(): string | undefined {
    return this.record()?.project ?? nameIn(readOptional(this.composeFile));
  }

  /** Names that the project had before. */
  formerly(): string[] {
    return this.record()?.formerly ?? [];
  }

  /** From now on the project has this name, unless a setting says another. */
  noteProject(project: string): void {
    const before = this.record();
    if (before?.project === project) return;
    writeAtomic(this.at('state.json'), `${JSON.stringify({ version: STATE_VERSION, ...renamed(before, this.project(), project) })}\n`);
  }

  manifest(): Manifest | undefined {
    const file = this.at('current/manifest.json');
    const text = readOptional(file);
    if (text === undefined) return undefined;
    const without = 'the files are rendered again; volumes and secrets are not in it';
    if (text !== known?.text) known = { text, manifest: upgraded(parseJson(text, file, without, hasServices) as Manifest) };
    return known.manifest;
  }

  /** A file of ours, or undefined where there is none. */
  readJson<T>(name: string, without: Without, fits: (value: unknown) => boolean = () => true): T | undefined {
    const text = readOptional(this.at(name));
    if (text === undefined) return undefined;
    return parseJson(text, this.at(name), without, fits) as T;
  }

  override(): string | undefined {
    return readOptional(this.overrideFile);
  }

  get overrideFile(): string {
    return this.at('compose.override.yml');
  }

  /** Where a rendered file of this manifest stands. */
  private locate(manifest: Pick<Manifest, 'id' | 'configs'>, logical: string): string {
    const [service = '', ...rest] = logical.split('/');
    if (rest.length === 0) return this.at('generations', manifest.id, logical);
    return this.at('config', service, manifest.configs[service] ?? '', ...rest);
  }

  /** The rendered files that were edited or removed since. */
  edited(manifest: Manifest): EditedFile[] {
    return manifest.files.flatMap((entry) => {
      const file = this.locate(manifest, entry.path);
      const actual = readOptional(file);
      return actual !== undefined && sha256(actual) === entry.sha256 ? [] : [{ path: entry.path, file, written: entry.contents, actual }];
    });
  }

  /**
   * Writes a rendered tree beside the current one and calls `verify` with its Compose file; then switches to it in one
   * rename. Until then the old tree is whole, whatever happens.
   * @param name that is recorded as the project's
   * @param only services whose files get their own text back where they were edited by hand; all where undefined
   */
  async commit(
    rendered: Rendered,
    stack: Stack,
    verify: (composeFile: string) => Promise<void>,
    { name = stack.project, only }: { name?: string | undefined; only?: readonly string[] | undefined } = {},
  ): Promise<void> {
    const manifest = toManifest(rendered, stack);
    const before = this.manifest();
    // Content-addressed folders are never rewritten, so what was edited in one gets its own text back; the edit is kept aside.
    for (const edit of before ? this.edited(before) : []) {
      if (edit.actual !== undefined) writeAtomic(this.at('edited', edit.path), edit.actual);
      if (!only || only.includes(edit.path.split('/')[0] as string)) writeAtomic(edit.file, edit.written);
    }
    for (const [service, hash] of Object.entries(manifest.configs)) {
      const own = manifest.files.filter((file) => file.path.startsWith(`${service}/`));
      writing(this.root, () => mkdirSync(this.at('config', service), { recursive: true, mode: 0o755 }));
      writeFolder(
        this.at('config', service, hash),
        own.map((file) => ({ ...file, path: file.path.slice(service.length + 1) })),
      );
    }
    const folder = this.at('generations', manifest.id);
    writing(this.root, () => mkdirSync(this.at('generations'), { recursive: true, mode: 0o755 }));
    writeFolder(folder, [
      ...manifest.files.filter((file) => !file.path.includes('/')),
      { path: 'manifest.json', mode: 0o644, contents: `${JSON.stringify(manifest, null, 1)}\n` },
    ]);
    // Folders of ours that containers mount: Compose would refuse what is not there.
    for (const { source } of stack.services.flatMap(({ mounts }) => mounts.filter(({ kind }) => kind === 'bind')))
      if (source.startsWith('./')) writing(this.root, () => mkdirSync(this.at(source), { recursive: true, mode: 0o755 }));
    await verify(path.join(folder, COMPOSE_FILE));
    switchLink(this.at('current'), path.join('generations', manifest.id));
    this.noteProject(name);
    this.prune(manifest);
  }

  /** The version of its configuration that a service reads, or undefined before the first. */
  liveConfig(service: string): string | undefined {
    return readLink(this.at('config', service, 'current'));
  }

  activateConfig(service: string, hash: string): void {
    switchLink(this.at('config', service, 'current'), hash);
  }

  /** What a service that reloads has last been told to read: its configuration and its certificate. */
  applied(service: string): string | undefined {
    return readOptional(this.at('config', service, 'applied'))?.trim();
  }

  markApplied(service: string, value: string): void {
    writeAtomic(this.at('config', service, 'applied'), `${value}\n`);
  }

  /** Replicas that a run has taken out of their balancer and not put back: noted before, so that a killed run is made good. */
  drained(): string[] {
    const areNames = (value: unknown) => Array.isArray(value) && value.every((name) => typeof name === 'string');
    const without = 'a replica may stay out of the balancer until `medianest restart app`';
    return this.readJson<string[]>('drained.json', without, areNames) ?? [];
  }

  noteDrained(services: readonly string[]): void {
    writeAtomic(this.at('drained.json'), `${JSON.stringify(services)}\n`);
  }

  /** Removes all but the newest generations, and the configuration folders that nothing names any more. */
  private prune(current: Manifest): void {
    const byAge = readdirSync(this.at('generations')).sort(
      (a, b) => statSync(this.at('generations', b)).mtimeMs - statSync(this.at('generations', a)).mtimeMs,
    );
    for (const name of byAge.filter((name) => name !== current.id).slice(GENERATIONS_KEPT - 1)) {
      rmSync(this.at('generations', name), { recursive: true, force: true });
    }
    for (const [service, hash] of Object.entries(current.configs)) {
      const keep = [hash, this.liveConfig(service), 'current', 'applied'];
      for (const name of readdirSync(this.at('config', service))) {
        if (!keep.includes(name)) rmSync(this.at('config', service, name), { recursive: true, force: true });
      }
    }
  }
}

/** `--state`, or `.medianest` beside the settings: one name for one folder, whatever links lead to it. */
export function stateFolder(context: { cwd: string; flags: { state?: string | undefined } }, root: string): StateFolder {
  return new StateFolder(withoutLinks(path.resolve(context.cwd, context.flags.state ?? path.join(root, '.medianest'))));
}

/** The project's name in a rendered compose.yml. */
export const nameIn = (compose = ''): string | undefined => /^name: "?([a-z0-9][a-z0-9_-]{0,62})"?\s*$/m.exec(compose)?.[1];

function withoutLinks(folder: string): string {
  if (folder === path.dirname(folder)) return folder;
  return exists(folder) ? realpathSync(folder) : path.join(withoutLinks(path.dirname(folder)), path.basename(folder));
}
