/** How the value of a secret is written where it stands in a longer text. */
export type SecretForm =
  /** As it is. */
  | 'raw'
  /** Percent-encoded (RFC 3986): part of a URL. */
  | 'uri'
  /** In quotes: a value in a connection string of libpq (PostgreSQL 17 manual, 34.1.1.1). */
  | 'libpq';

/** A piece of a text that is composed of secrets: what is no secret stands for itself. */
export type SecretPart = string | { secret: string; as: SecretForm };

/** The secrets that a text is composed of, each once. */
export const secretsIn = (parts: readonly SecretPart[]): string[] => [
  ...new Set(parts.flatMap((part) => (typeof part === 'string' ? [] : [part.secret]))),
];
