import path from 'node:path';
import { type Command, type Context, done, type Project, type Result } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import type { Rotated } from '../rotate.ts';

const openProject = async (context: Context): Promise<Project> => (await import('../../project/open.ts')).open(context);

const KIT = [
  '--kit <file>',
  'A recovery kit to open the data by, where the TPM does not; --passphrase-file is that of the kit then',
] as const;
const WITHOUT_KIT = [
  '--without-kit',
  'Also where the TPM alone opens the data then, and no recovery kit does: it is lost if the TPM is',
] as const;
const PASSPHRASE_FILE = ['--passphrase-file <file>', 'Where the passphrase stands; asked at a terminal where it is not given'] as const;

const status: Command = {
  name: 'storage status',
  summary: 'Whether the data is encrypted and unlocked, and what opens it',
  example: 'medianest storage status',
  run: async (context) => {
    const { hasStorage, verdictFacts } = await import('../store.ts');
    const { remedyOf, storageNote } = await import('../plan/verdict.ts');
    const project = await openProject(context);
    const { storage } = project.loaded.settings;
    if (!hasStorage(project)) {
      const data = { encrypt: false, state: 'off', folder: null, opens: [], tpm: null, next: null };
      return done(data, 'the data is not encrypted by medianest (`storage.encrypt` is off)');
    }
    const { tryTpm } = await import('../keys.ts');
    const facts = { ...verdictFacts(project), tpm: tryTpm(project) };
    const next = remedyOf(facts);
    const data = {
      encrypt: storage.encrypt,
      state: facts.state.is,
      folder: facts.folder,
      opens: facts.slots ?? [],
      // Null where something else opens the key, too; `opens` is null where it cannot be told.
      tpm: facts.tpm ? { opens: facts.tpm.opens, why: facts.tpm.opens ? null : facts.tpm.why } : null,
      next: next ?? null,
    };
    const opens = facts.slots ? [`its key is opened by: ${facts.slots.join(', ')}`] : [];
    const well = facts.state.is === 'unlocked' || facts.state.is === 'new';
    return done(data, [...storageNote(facts), ...opens].join('\n'), well && !facts.move ? EXIT.done : EXIT.unhealthy);
  },
};

const unlock: Command = {
  name: 'storage unlock',
  summary: 'Give the kernel the key of the data, or make the encrypted folder if it is new (as root)',
  example: 'medianest storage unlock',
  options: [PASSPHRASE_FILE, KIT],
  run: async (context, _args, options) => {
    const project = await openProject(context);
    requireOn(project);
    const { lookAtStorage } = await import('../store.ts');
    const { describeState } = await import('../plan/state.ts');
    const { performOpening, prepareOpening } = await import('../open-storage.ts');
    const { withLock } = await import('../../project/with-lock.ts');
    if (context.flags.dryRun) {
      const { state, places } = lookAtStorage(project);
      return done({ state: state.is, changed: false }, describeState(state, places.folder));
    }
    const opened = await withLock(
      context,
      project.state,
      'storage unlock',
      async (_lock, record) => {
        const seen = lookAtStorage(project);
        const opening = await prepareOpening(context, project, seen, { file: options.passphraseFile, kit: options.kit });
        if (opening.kind !== 'none') record(['storage unlock', opening.kind]);
        performOpening(project, opening);
        return { folder: seen.places.folder, kind: opening.kind };
      },
      { resumes: 'storage', keepsData: true },
    );
    const text = { none: 'was unlocked already', unlock: 'is unlocked', create: 'is made, and unlocked' }[opened.kind];
    return done(
      { state: 'unlocked', changed: opened.kind !== 'none', made: opened.kind === 'create' },
      `${opened.folder} ${text}; medianest up starts what waits for it`,
    );
  },
};

const unit: Command = {
  name: 'storage unit',
  summary: 'Print a unit of systemd that unlocks the data by its key file or the TPM at each start of this host, before Docker',
  example: 'medianest storage unit',
  run: async (context) => {
    const project = await openProject(context);
    requireOn(project);
    const { loaded, state } = project;
    const { project: name, storage } = loaded.settings;
    if (storage.unlock === 'passphrase')
      throw new UserError(
        'INVALID_SETTINGS',
        'a passphrase is typed by a person, and nothing unlocks the data at the start of this host',
        'after each start: medianest up; or set `storage: { unlock: file }` or `tpm`, and run sudo medianest storage keys rotate',
      );
    const { timedRun } = await import('../../schedule/timers.ts');
    const { loadInput, loadSettings } = await import('../../project/load-settings.ts');
    const { placesOf } = await import('../store.ts');
    const { unitName, unlockUnit } = await import('../plan/unit.ts');
    const places = placesOf(project);
    const { program, options, env } = await timedRun(context, project, 'at a start of this host');
    try {
      loadSettings({ ...(await loadInput(context)), env: {} });
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'SECRET_UNRESOLVED') throw error;
      throw new UserError('USAGE', `at a start of this host, ${error.message}`, 'name a file instead (`file:`), which is there then');
    }
    const tcti = storage.unlock === 'tpm' ? context.env.TPM2TOOLS_TCTI : undefined;
    const { TPM } = await import('../../host/plan/tpm.ts');
    const [, tpm] = (storage.unlock === 'tpm' && /^device:\/dev\/(\w+)$/.exec(tcti ?? TPM)) || [];
    const key = storage.unlock === 'file' ? [path.dirname(places.keyFile)] : [];
    const text = unlockUnit({
      project: name,
      argv: [...program, 'storage', 'unlock', ...options.filter((option) => !option.startsWith('--state=')), `--state=${state.root}`],
      folder: loaded.root,
      env: { ...env, ...(tcti !== undefined && { TPM2TOOLS_TCTI: tcti }) },
      disks: [...new Set([places.folder, ...key, state.root, loaded.root])],
      tpm,
    });
    return done({ name: unitName(name), text }, text.trimEnd());
  },
};

const lock: Command = {
  name: 'storage lock',
  summary: 'Take the key of the data from the kernel; the stack has to be down (as root)',
  example: 'medianest storage lock',
  run: async (context) => {
    const project = await openProject(context);
    if (context.flags.dryRun) return done({ state: 'planned', changed: false }, 'would take the key of the data from the kernel');
    const { lockStorage } = await import('../lock-storage.ts');
    const { changed } = await lockStorage(context, project);
    return done(
      { state: 'locked', changed },
      changed ? 'locked: the data cannot be read until it is unlocked' : 'nothing is unlocked here',
    );
  },
};

const keys: Command = {
  name: 'storage keys',
  summary: 'Have another passphrase or key file, or the TPM, open the data (rotate); the old one no longer does (as root)',
  example: 'medianest storage keys rotate',
  args: '<action>',
  options: [
    ['--passphrase-file <file>', 'Where the passphrase of until now stands; asked at a terminal where it is not given'],
    ['--new-passphrase-file <file>', 'Where the new one stands'],
    KIT,
    WITHOUT_KIT,
  ],
  run: async (context, [action], options) => {
    if (action !== 'rotate') throw new UserError('USAGE', `storage keys ${action}: should be rotate`, 'medianest storage keys rotate');
    const project = await openProject(context);
    const { unlock: kind } = project.loaded.settings.storage;
    if (context.flags.dryRun)
      return done({ unlock: kind, changed: false }, `would wrap the key of the data for ${kind === 'tpm' ? 'the TPM' : `a new ${kind}`}`);
    const { rotate } = await import('../rotate.ts');
    const { passphraseFile: file, kit, newPassphraseFile: fresh } = options;
    const rotated = await rotate(context, project, { file, kit, fresh, withoutKit: options.withoutKit === true });
    if (rotated.stays.length > 0)
      return done(
        { ...rotated, changed: true },
        `the TPM of this host opens the data, and so does the ${rotated.stays.map((kind) => NAME[kind]).join(' and the ')} of before, until a recovery kit does. sudo medianest backup kit FILE, and then run the same command again`,
        EXIT.partial,
      );
    return done(
      { ...rotated, changed: true },
      `${openedBy(rotated)}. The key of the data itself is the same: who may have copied that needs \`storage decrypt\` and \`storage encrypt\``,
    );
  },
};

const NAME = { file: 'key file', passphrase: 'passphrase', tpm: 'TPM' } as const;

const openedBy = ({ unlock, keyFile }: Rotated): string =>
  ({
    file: `a new key file opens the data: ${keyFile}`,
    passphrase: 'a new passphrase opens the data',
    tpm: 'the TPM of this host opens the data. It may die: sudo medianest backup kit FILE, which opens the data too',
  })[unlock];

/** @param to where the data goes */
const move = (name: 'encrypt' | 'decrypt', to: 'encrypted' | 'plain', summary: string): Command => ({
  name: `storage ${name}`,
  summary,
  example: name === 'encrypt' ? 'medianest storage encrypt' : 'medianest storage decrypt',
  options: to === 'encrypted' ? [PASSPHRASE_FILE, WITHOUT_KIT] : [PASSPHRASE_FILE],
  run: async (context, _args, options): Promise<Result> => {
    const project = await openProject(context);
    const { moveStorage } = await import('../move.ts');
    const volumes = await moveStorage(context, project, to, { file: options.passphraseFile, withoutKit: options.withoutKit === true });
    if (volumes.length === 0) return done({ volumes, changed: false }, 'nothing has to be moved');
    if (context.flags.dryRun) return done({ volumes, changed: false }, `would move ${volumes.join(', ')}`);
    const erased =
      to === 'encrypted' ? '\nThe plain data was removed, not overwritten: sudo fstrim --all on an SSD, or see docs/encryption.md' : '';
    return done({ volumes, changed: true }, `moved ${volumes.join(', ')}; medianest up starts the stack again${erased}`);
  },
});

function requireOn({ loaded }: Project): void {
  if (loaded.settings.storage.encrypt) return;
  throw new UserError(
    'INVALID_SETTINGS',
    '`storage.encrypt` is off; nothing was changed',
    'set `storage: { encrypt: true }` in medianest.yml',
  );
}

export const commands: readonly Command[] = [
  status,
  unlock,
  unit,
  lock,
  keys,
  move('encrypt', 'encrypted', 'Move the data of a stack that is down into the encrypted folder; run again, it continues (as root)'),
  move('decrypt', 'plain', 'Move the data of a stack that is down out of it again, where the setting is off (as root)'),
];
