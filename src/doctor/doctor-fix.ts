import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { readOptional, writeAtomic } from '../core/files.ts';
import type { Fix } from '../host/plan/facts.ts';

const SYSCTL_FILE = '/etc/sysctl.d/90-medianest.conf';

/** Does one of the small repairs. @throws UserError where it takes root */
export async function applyFix(fix: Fix, context: Context): Promise<void> {
  switch (fix.kind) {
    case 'sysctl':
      return needingRoot(`set ${fix.setting}`, () => {
        writeFileSync(path.join('/proc/sys', ...fix.setting.split('.')), `${fix.value}\n`);
        writeAtomic(SYSCTL_FILE, withSetting(readOptional(SYSCTL_FILE) ?? '# Written by medianest doctor --fix\n', fix.setting, fix.value));
      });
    case 'chmod':
      return needingRoot(`change ${fix.path}`, () => chmodSync(fix.path, fix.mode));
    case 'remove-network':
      return (await context.engine()).removeNetwork(fix.name);
    case 'remove-container':
      return (await context.engine()).removeContainer(fix.name);
  }
}

/** One line for each setting, the newest value. */
export const withSetting = (text: string, setting: string, value: number): string =>
  [...text.split('\n').filter((line) => line !== '' && line.split('=')[0]?.trim() !== setting), `${setting} = ${value}`, ''].join('\n');

function needingRoot(what: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    const code = error instanceof UserError ? systemCode(error.cause) : systemCode(error);
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')) throw error;
    throw new UserError('STATE_UNWRITABLE', `only root may ${what} (${code})`, 'run it as root: sudo medianest doctor --fix', {
      cause: error,
    });
  }
}
