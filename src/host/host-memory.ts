import { readFileSync } from 'node:fs';

/** `/proc/meminfo` in bytes; nothing where it cannot be read. */
export function meminfo(): Record<string, number | undefined> {
  const lines = readMeminfo().matchAll(/^(\w+):\s+(\d+) kB$/gm);
  return Object.fromEntries([...lines].map(([, name, kib]) => [name as string, Number(kib) * 1024]));
}

function readMeminfo(): string {
  try {
    return readFileSync('/proc/meminfo', 'utf8');
  } catch {
    return '';
  }
}
