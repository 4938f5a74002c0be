/**
 * Up to where the lines of one container were taken. The engine gives lines from a moment on, in the order in which it keeps
 * them; so a moment and the number of lines taken since say exactly where to continue.
 */
export interface Cursor {
  /** The container, as the engine numbers it: a new one of the same name begins from its first line. */
  id: string;
  /** What the engine is asked for: lines from this moment on. Empty: all that it has. */
  since: string;
  /** Of these, so many are taken. */
  skip: number;
  /** The newest moment of a line that was taken: a later line is a new one, whatever `skip` says, as after a rotation. */
  until: string;
}

export const newCursor = (id: string): Cursor => ({ id, since: '', skip: 0, until: '' });

/** The engine's `since`: seconds since 1970 with nine digits of a fraction. @param time RFC 3339 with nine digits, or empty */
export const sinceParameter = (time: string): string =>
  time === '' ? '0.000000000' : `${Math.floor(Date.parse(`${time.slice(0, 19)}Z`) / 1000)}.${time.slice(20, 29)}`;

/** So many moments are remembered while `since` cannot move: a clock that was set back, a line that does not end. */
const MOMENTS = 10_000;

/** Goes along with the lines of one stream of a container, from its cursor on. */
export class Taking {
  private cursor: Cursor;
  /** Lines that were seen of those which `cursor.skip` counts. */
  private toSkip: number;
  /** Moment -> lines with it, of those from `since` on. Numbers lines of one moment. Undefined: one, of `since`. */
  private seen: Map<string, number> | undefined = new Map();

  constructor(cursor: Cursor) {
    this.cursor = cursor;
    this.toSkip = cursor.skip;
  }

  /**
   * @param unfinished a line of the other stream began before this one and has not ended: the engine has to be asked for it again
   * @returns its number among the lines of its moment, and the cursor once it is kept; undefined where it was taken before
   */
  take(time: string, unfinished: boolean): { n: number; cursor: Cursor } | undefined {
    if (time > this.cursor.until && !unfinished) {
      // Nearly every line: nothing is kept of those before it.
      this.toSkip = 0;
      this.cursor = { id: this.cursor.id, since: time, skip: 1, until: time };
      this.seen = undefined;
      return { n: 0, cursor: this.cursor };
    }
    this.seen ??= new Map([[this.cursor.since, 1]]);
    const n = this.seen.get(time) ?? 0;
    if (this.seen.size >= MOMENTS) this.seen.clear();
    this.seen.set(time, n + 1);
    if (this.toSkip > 0 && time <= this.cursor.until) {
      this.toSkip--;
      return undefined;
    }
    this.toSkip = 0;
    const { id, since, skip, until } = this.cursor;
    if (time < since) {
      // The clock was set back: the engine would leave these lines out. Some come twice then, with the same ids.
      this.cursor = { id, since: time, skip: 0, until };
    } else {
      this.cursor = { id, since, skip: skip + 1, until: time > until ? time : until };
    }
    return { n, cursor: this.cursor };
  }
}
