import { systemCode, UserError } from '../core/errors.ts';
import { INSTALL_DOCKER } from '../core/home.ts';

/** Docker's log stream of a container without a terminal: frames of an 8-byte header (stream, length) and text. */
export function demultiplex(raw: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** What a person is told where the engine does not answer, or refuses. */
export function explain(error: unknown, label: string): unknown {
  if (error instanceof UserError) return error;
  const code = systemCode(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return new UserError(
      'ENGINE_PERMISSION',
      `no permission to use the Docker Engine at ${label}; nothing was changed`,
      'add yourself to the group: sudo usermod -aG docker $USER, then log in again',
      { cause: error },
    );
  }
  if (code && ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT', 'EPIPE'].includes(code)) {
    return new UserError(
      'ENGINE_AWAY',
      `the Docker Engine at ${label} does not answer (${code}); nothing was changed`,
      `start it (sudo systemctl start docker), or install it: ${INSTALL_DOCKER}`,
      { cause: error },
    );
  }
  const message = (error as { json?: { message?: string } }).json?.message ?? (error as Error).message;
  return new UserError('ENGINE_FAILED', `the Docker Engine answered: ${message}`, 'see the engine’s log (journalctl -u docker)', {
    cause: error,
  });
}
