import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { bytes } from '../../host/plan/finding.ts';

export const imagesSave: Command = {
  name: 'images save',
  summary: 'Write every image of the profile into one archive, for a host without a network',
  example: 'medianest images save --profile prod --out medianest-images.tar',
  options: [['--out <file>', 'Where to (default: medianest-images.tar)']],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { saveImages } = await import('../image-archive.ts');
    const outcome = await saveImages(context, await open(context), String(options.out ?? 'medianest-images.tar'));
    const what = `${outcome.images.length} images`;
    return done(
      outcome,
      context.flags.dryRun
        ? `would write ${what} to ${outcome.file}`
        : `wrote ${what} to ${outcome.file} (${bytes(outcome.bytes)}); there: medianest images load FILE, then medianest up --offline`,
    );
  },
};

export const imagesLoad: Command = {
  name: 'images load',
  summary: 'Bring the images of an archive to this engine, and tell whether the profile has all that it needs',
  example: 'medianest images load medianest-images.tar',
  args: '<file>',
  run: async (context, [file = '']) => {
    const { open } = await import('../../project/open.ts');
    const { loadImages } = await import('../image-archive.ts');
    const project = await open(context);
    const outcome = await loadImages(context, project, file);
    const lacks = outcome.missing.length > 0;
    const last = lacks
      ? `profile ${project.loaded.profile} still lacks ${outcome.missing.join(', ')}: save them with the same version of medianest and the same settings`
      : `profile ${project.loaded.profile} has every image that it needs`;
    return done(outcome, [...outcome.loaded.map((name) => `loaded ${name}`), last].join('\n'), lacks ? EXIT.pending : EXIT.done);
  },
};

export const imagesLock: Command = {
  name: 'images lock',
  summary: 'Record the packages of every image, which builds are held to from then on; with --check compare (exit 3 if they differ)',
  example: 'medianest images lock --check',
  options: [
    ['--check', 'Write nothing; tell what is different from what was recorded'],
    ['--newest', 'Build every image with the newest packages first, and record these; running services stay as they are'],
    ['--out <file>', 'Where to (default: medianest.lock.json beside medianest.yml); images of other profiles that it has stay in it'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { lockImages, renewLock } = await import('../image-lock.ts');
    const check = options.check === true;
    const out = options.out === undefined ? undefined : String(options.out);
    if (options.newest === true && (check || out !== undefined || context.flags.dryRun))
      throw new UserError('USAGE', '--newest goes with no other option', 'medianest images lock --newest');
    const project = await open(context);
    const { file, lock, changes } =
      options.newest === true ? await renewLock(context, project) : await lockImages(context, project, { check, out });
    const list = changes ?? [];
    const count = Object.keys(lock.images).length;
    const first = check
      ? list.length > 0
        ? `different from ${file}:`
        : `all ${count} images are those of ${file}`
      : `recorded ${count} images in ${file}`;
    const last =
      check || out !== undefined
        ? []
        : [project.loaded.settings.packages.lock ? HELD : 'packages.lock is off: builds take the newest packages'];
    return done(
      { file, lock, changes: changes ?? null },
      [first, ...list.map((line) => `- ${line}`), ...last].join('\n'),
      check && list.length > 0 ? EXIT.pending : EXIT.done,
    );
  },
};

const HELD =
  'builds are held to it; the next `medianest up` runs the images under the names that it gives them, and builds none of them again';

export const imagesSbom: Command = {
  name: 'images sbom',
  summary: 'An SBOM (CycloneDX) of each image: Debian’s packages and npm’s. One image is printed, several are written to a folder',
  example: 'medianest images sbom --out sbom',
  args: '[images...]',
  options: [['--out <folder>', 'Where to (default for several: sbom)']],
  run: async (context, args, options) => {
    const { open } = await import('../../project/open.ts');
    const { imageSboms } = await import('../image-sbom.ts');
    const printed = args.length === 1 && options.out === undefined;
    const folder = printed ? undefined : path.resolve(context.cwd, String(options.out ?? 'sbom'));
    const sboms = await imageSboms(context, await open(context), args, folder);
    const [first] = sboms;
    if (printed && first) return done(first.document, JSON.stringify(first.document, null, 1));
    const files = sboms.map(({ image, ref, file }) => ({ image, ref, file }));
    return done({ files }, files.map(({ file }) => `${context.flags.dryRun ? 'would write' : 'wrote'} ${file}`).join('\n'));
  },
};

export const imagesOutdated: Command = {
  name: 'images outdated',
  summary: 'What newer packages a new build of each image would bring (exit 3 if any)',
  example: 'medianest images outdated',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { update } = await import('../update.ts');
    const { table } = await import('../../ui/table.ts');
    const { updates } = await update({ ...context, flags: { ...context.flags, dryRun: true } }, await open(context));
    const rows = updates.flatMap(({ image, packages }) => packages.map(({ name, from, to }) => [image, name, from, to]));
    const text =
      rows.length > 0
        ? `${table([['IMAGE', 'PACKAGE', 'HAS', 'NEWER'], ...rows])}\nmedianest update builds and puts them into service`
        : 'every image has the newest packages';
    return done({ updates }, text, rows.length > 0 ? EXIT.pending : EXIT.done);
  },
};

export const imagesPrune: Command = {
  name: 'images prune',
  summary: 'Remove images of medianest that neither a container nor this stack nor a release uses; never one of others',
  example: 'medianest images prune --dry-run',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { pruneImages } = await import('../image-prune.ts');
    const project = await open(context);
    const planned = await pruneImages({ ...context, flags: { ...context.flags, dryRun: true } }, project);
    const names = planned.map(({ ref }) => ref);
    if (context.flags.dryRun || planned.length === 0)
      return done(
        { removed: [], unused: names },
        names.length > 0 ? names.map((name) => `would remove ${name}`).join('\n') : 'no image is unused',
      );
    const answer = context.flags.yes ? 'y' : await context.ask(`${names.join('\n')}\nRemove these ${names.length} images? [y/N] `);
    if (!/^y(es)?$/i.test(answer?.trim() ?? ''))
      throw new UserError('CONFIRMATION_NEEDED', 'nothing was removed', 'answer y, or pass --yes');
    const removed = (await pruneImages(context, project)).map(({ ref }) => ref);
    return done({ removed, unused: names }, removed.map((name) => `removed ${name}`).join('\n'));
  },
};
