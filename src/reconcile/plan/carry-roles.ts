/** A name in PostgreSQL's dumps: quoted where it is not plain. */
const NAME = `("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)`;
const ROLE = new RegExp(`^(?:CREATE|ALTER) ROLE ${NAME}[ ;]`);
const MEMBERSHIP = new RegExp(`^GRANT ${NAME} TO ${NAME}[ ;]`);

const plain = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

/**
 * The roles that a dump of a database may name and the new cluster lacks. Those of the stack are there: they have other
 * passwords and rights in a cluster, and keep them.
 * @param dump what `pg_dumpall --roles-only` prints @param there names of the roles of the new cluster
 * @returns their names, and the statements that make them
 */
export function lackingRoles(dump: string, there: readonly string[]): { names: string[]; sql: string[] } {
  const lacks = (name: string): boolean => !there.includes(name) && !name.startsWith('pg_');
  const names: string[] = [];
  const sql = dump.split('\n').filter((line) => {
    const [, member, of] = MEMBERSHIP.exec(line) ?? [];
    if (member !== undefined && of !== undefined) return lacks(plain(member)) || lacks(plain(of));
    const role = ROLE.exec(line)?.[1];
    if (role === undefined || !lacks(plain(role))) return false;
    if (line.startsWith('CREATE')) names.push(plain(role));
    return true;
  });
  return { names, sql };
}

const OF_DATABASE = [
  new RegExp(`^ALTER DATABASE ${NAME} SET `),
  new RegExp(`^ALTER ROLE ${NAME} IN DATABASE ${NAME} SET `),
  new RegExp(`^(?:GRANT|REVOKE) .* ON DATABASE ${NAME} `),
];

/** What belongs to the database and not to anything in it, which a dump leaves out: its settings and rights. @param dump of `pg_dump --create` */
export const databaseProperties = (dump: string): string[] =>
  dump.split('\n').filter((line) => OF_DATABASE.some((kind) => kind.test(line)));
