/** By these programs learn of a proxy. Docker's client gives those of its own `config.json` to every container that it starts. */
const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/**
 * The variables of a container that is to have no proxy: empty ones, which the client leaves as they are. What `given` says
 * stands, in both spellings: to some programs an empty `https_proxy` counts for more than `HTTPS_PROXY`.
 */
export const proxyVariables = (given: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(
    NAMES.map((name) => [name, name.toLowerCase()] as const).flatMap(([upper, lower]) => [
      [upper, given[upper] ?? given[lower] ?? ''],
      [lower, given[lower] ?? given[upper] ?? ''],
    ]),
  );
