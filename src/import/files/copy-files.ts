import { UserError } from '../../core/errors.ts';
import { bytes, plural } from '../../core/plural.ts';
import { shown } from '../../core/reporter.ts';
import { ownerArgv } from '../../docker/plan/own.ts';
import { type CopyPlan, copyPlan, nameList, STAGING } from '../plan/copy-plan.ts';
import { listing, must, type Site } from './site.ts';

/** @throws UserError IMPORT_REFUSED where the target has other files in the same places, or too little space */
export async function planCopy(site: Site, from: string, replace: boolean): Promise<CopyPlan> {
  const { target } = site;
  await must(site, '[ -d "$SOURCE" ] || { echo "$SOURCE is no folder" >&2; exit 1; }', { write: false });
  const [source, there, staged] = [
    await listing(site, `/source${site.within === '' ? '' : `/${site.within}`}`),
    await listing(site, '/target'),
    await listing(site, `/target/${STAGING}`),
  ];
  const plan = copyPlan(source, there, staged);
  if (plan.conflicts.length > 0 && !replace)
    throw new UserError(
      'IMPORT_REFUSED',
      `${target.name} has ${plural(plan.conflicts.length, 'other file')} in the same places as ${from}: ${plan.conflicts.slice(0, 3).join(', ')}; nothing was changed`,
      '--replace: those of the source count',
    );
  if (plan.foldersInPlace.length > 0)
    throw new UserError(
      'IMPORT_REFUSED',
      `${plan.foldersInPlace.slice(0, 3).join(', ')}: a file of ${from}, and a folder of ${target.name}, which is not removed for it; nothing was changed`,
      'rename or remove one of them',
    );
  const free = Number((await must(site, 'df --block-size=1 --output=avail /target', { write: false })).trim().split('\n').at(-1));
  const need = plan.copy.reduce((sum, { size }) => sum + size, 0);
  if (free < need * 1.05)
    throw new UserError(
      'IMPORT_REFUSED',
      `${bytes(need)} are to be copied to ${target.name}, and ${bytes(free)} are free there; nothing was changed`,
      'free some space; medianest doctor shows what takes it',
    );
  return plan;
}

/** Only names of files that are still as they were listed: a source that is written to meanwhile shows in the sums. */
const COPY = `mkdir -p "$TARGET/${STAGING}"
tar --create --file=- --directory="$SOURCE" --no-recursion --null --files-from=- | tar --extract --same-permissions --directory="$TARGET/${STAGING}" --file=-`;

const SUMS = `list=$(mktemp)
cat >"$list"
(cd "$SOURCE" && xargs -0 -r sha256sum -- <"$list") | (cd "$TARGET/${STAGING}" && if [ -s "$list" ]; then sha256sum --check --strict --quiet -; fi)
(cd "$TARGET/${STAGING}" && find -P . -mindepth 1 -type f -printf x | wc -c)`;

/** Links to what was copied, in the same file system: no data moves. The staging goes last, so that a killed run merges again. */
const MERGE = `(cd "$TARGET" && xargs -0 -r rm -f --)
chmod --reference="$TARGET" "$TARGET/${STAGING}"
cp --archive --link "$@" --no-target-directory "$TARGET/${STAGING}" "$TARGET"
rm -rf "$TARGET/${STAGING}"`;

export async function copyFiles(site: Site, plan: CopyPlan, replace: boolean): Promise<void> {
  const { target, report } = site;
  const what = `${plural(plan.files.length, 'file')} (${bytes(plan.bytes)}) to ${target.name}`;
  await shown(report, `copy ${what}`, async () => {
    if (plan.stale) await must(site, `rm -rf "$TARGET/${STAGING}"`, { write: true });
    await must(site, COPY, { write: true, input: nameList([...plan.folders, ...plan.copy]) });
    await must(site, '"$@"', { write: true, argv: ownerArgv([`/target/${STAGING}`], target.uid, target.gid) });
  });
  await shown(report, `compare ${what}`, async () => {
    const counted = Number((await must(site, SUMS, { write: true, input: nameList(plan.files) })).trim().split('\n').at(-1));
    if (counted !== plan.files.length)
      throw new UserError(
        'IMPORT_FAILED',
        `${counted} files were copied to ${target.name} instead of ${plan.files.length}; nothing of what was there was changed`,
        'does something write to the source? stop it, and run the same command again',
      );
  });
  await shown(report, `merge ${what}`, () =>
    must(
      site,
      MERGE,
      { write: true, input: nameList(plan.inFoldersPlace), argv: replace ? ['--remove-destination'] : ['--update=none'] },
      'some of them are in their place by now',
    ),
  );
}
