import type { Check } from '../../capability/check.ts';
import type { DoctorFacts, Fix, Problem } from './facts.ts';

/** One thing that was looked at: as `health` tells its checks, and what `--fix` may do about it. */
export interface Finding extends Check {
  fix?: Fix;
}

/** Looks at one side of the machine. It judges only what was seen. */
export type Examination = (facts: DoctorFacts) => Finding[];

export const ok = (id: string, message: string): Finding => ({ id, status: 'ok', message });

export const warn = (id: string, message: string, remedy: string, fix?: Fix): Finding => ({
  id,
  status: 'warn',
  message,
  remedy,
  ...(fix && { fix }),
});

export const fail = (id: string, message: string, remedy: string, fix?: Fix): Finding => ({
  id,
  status: 'fail',
  message,
  remedy,
  ...(fix && { fix }),
});

export const failed = (id: string, { message, remedy }: Problem): Finding => fail(id, message, remedy);

/** `1.4 GiB`, `512 MiB`. */
export function bytes(count: number): string {
  const gib = count / 1024 ** 3;
  return gib >= 1 ? `${gib.toFixed(gib < 10 ? 1 : 0)} GiB` : `${Math.round(count / 1024 ** 2)} MiB`;
}

export const describeFix = (fix: Fix): string => {
  switch (fix.kind) {
    case 'sysctl':
      return `set ${fix.setting} to ${fix.value} now and in /etc/sysctl.d/90-medianest.conf`;
    case 'chmod':
      return `set the mode of ${fix.path} to ${fix.mode.toString(8).padStart(4, '0')}`;
    case 'remove-network':
      return `remove the unused network ${fix.name}`;
    case 'remove-container':
      return `remove the stopped container ${fix.name}`;
  }
};
