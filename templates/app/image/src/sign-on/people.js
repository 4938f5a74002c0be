// @ts-check

/** @typedef {import('./assertion.js').Assertion & {role: string, rights: readonly import('./roles.js').Right[]}} Person */
/** @typedef {ReturnType<typeof createPeople>} People */
/** @typedef {import('../tracing/trace.js').Trace | null | undefined} MaybeTrace */

const FRESH_MS = 60_000;
const MOST = 1000;

/** @param {import('../database.js').Database} database */
export function createPeople(database) {
  /** @type {Map<string, {id: number, of: string, until: number}>} */
  const known = new Map();

  /** @param {Person} person @param {string} of what is noted of them @param {MaybeTrace} [trace] @returns {Promise<number>} */
  async function note({ subject, name, email, role }, of, trace) {
    const [{ id }] = await database.write(
      `INSERT INTO people (subject, name, email, role) VALUES ($1, $2, $3, $4)
       ON CONFLICT (subject) DO UPDATE SET name = excluded.name, email = excluded.email, role = excluded.role, last_seen = now()
       RETURNING id::float8 AS id`,
      [subject, name, email, role],
      { repeatable: true, trace },
    );
    if (known.size >= MOST) known.clear();
    known.set(subject, { id, of, until: Date.now() + FRESH_MS });
    return id;
  }

  /**
   * The number of a person in the database, who is noted there at the first visit, after a change, and once a minute. A number never
   * changes: who has one does not wait for that.
   * @param {Person} person @param {MaybeTrace} [trace]
   * @returns {Promise<number>}
   */
  async function idOf(person, trace) {
    const of = JSON.stringify([person.name, person.email, person.role]);
    const entry = known.get(person.subject);
    if (!entry) return note(person, of, trace);
    if (entry.of !== of || entry.until <= Date.now()) {
      // Not at each request until it is done: the database may be away.
      known.set(person.subject, { ...entry, of, until: Date.now() + FRESH_MS });
      note(person, of).catch(() => known.set(person.subject, { ...entry, until: 0 }));
    }
    return entry.id;
  }

  return { idOf };
}
