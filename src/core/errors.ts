/** Exit statuses that scripts may rely on (see docs/scripts.md). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  pending: 3,
  partial: 4,
  unhealthy: 5,
  interrupted: 130,
} as const;

/** Every error an operator can meet -> the status the process ends with. The one table. */
const STATUS = {
  USAGE: EXIT.usage,
  BAD_YAML: EXIT.usage,
  INVALID_SETTINGS: EXIT.usage,
  UNKNOWN_PROFILE: EXIT.usage,
  PROFILE_CYCLE: EXIT.usage,
  SECRET_UNRESOLVED: EXIT.usage,
  CONFIRMATION_NEEDED: EXIT.usage,
  UNKNOWN_SERVICE: EXIT.usage,
  NOT_BUILT_YET: EXIT.failed,
  ENGINE_AWAY: EXIT.failed,
  ENGINE_PERMISSION: EXIT.failed,
  ENGINE_FAILED: EXIT.failed,
  COMPOSE_MISSING: EXIT.failed,
  COMPOSE_TOO_OLD: EXIT.failed,
  COMPOSE_REFUSED: EXIT.failed,
  CONFIG_REFUSED: EXIT.failed,
  PORT_TAKEN: EXIT.failed,
  SUBNET_TAKEN: EXIT.failed,
  NETWORK_SHARED: EXIT.failed,
  MEDIA_UNREACHABLE: EXIT.failed,
  FOREIGN_PROJECT: EXIT.failed,
  FOREIGN_STATE: EXIT.failed,
  HAND_EDITED: EXIT.failed,
  LOCKED: EXIT.failed,
  FILE_UNUSABLE: EXIT.failed,
  STATE_UNWRITABLE: EXIT.failed,
  STATE_DAMAGED: EXIT.failed,
  BUILD_FAILED: EXIT.failed,
  DISK_FULL: EXIT.failed,
  IMAGE_MISSING: EXIT.failed,
  CERTIFICATE_FAILED: EXIT.failed,
  CERTIFICATE_REFUSED: EXIT.failed,
  NOT_RUNNING: EXIT.failed,
  LEADER_REFUSED: EXIT.failed,
  USERS_REFUSED: EXIT.failed,
  MAIL_REFUSED: EXIT.failed,
  VPN_REFUSED: EXIT.failed,
  NO_RELEASE: EXIT.failed,
  NO_BACKUP: EXIT.failed,
  BACKUP_REFUSED: EXIT.failed,
  BACKUP_FAILED: EXIT.failed,
  BACKUP_DAMAGED: EXIT.unhealthy,
  REPOSITORY_AWAY: EXIT.failed,
  RESTORE_FAILED: EXIT.failed,
  IMPORT_REFUSED: EXIT.failed,
  IMPORT_FAILED: EXIT.failed,
  HOOK_FAILED: EXIT.failed,
  NOT_ENOUGH_MEMORY: EXIT.failed,
  HOST_UNFIT: EXIT.failed,
  ALREADY_THERE: EXIT.failed,
  ARCHIVE_DAMAGED: EXIT.failed,
  PARTIAL: EXIT.partial,
  RANGE_LOST: EXIT.partial,
  UNHEALTHY: EXIT.unhealthy,
  INTERRUPTED: EXIT.interrupted,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** An error that a person can act on: what happened, what (if anything) changed, and the fix. */
export class UserError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly path: string | undefined;

  constructor(code: ErrorCode, message: string, hint: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'UserError';
    this.code = code;
    this.hint = hint;
    this.path = options.path;
  }

  get exitStatus(): number {
    return STATUS[this.code];
  }

  toJSON() {
    return { code: this.code, message: this.message, hint: this.hint, ...(this.path && { path: this.path }) };
  }
}

/** The code of a Node system error (`ENOENT`, `EACCES`, ...), or undefined for any other value. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
