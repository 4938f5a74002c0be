/**
 * The member whose files hold the most of the database: the highest timeline, and on it the highest position that they are
 * consistent up to. On a standby the minimum recovery ending location is past the last checkpoint (PostgreSQL's `pg_controldata`).
 * @param said what the job `control-data` prints: `member NAME`, then the lines of pg_controldata, none, or `unreadable`
 * @returns its name; undefined where no member has a control file that can be read. Of equals, the first
 */
export function furthestMember(said: string): string | undefined {
  let best: { name: string; timeline: number; position: bigint } | undefined;
  for (const section of said.split(/^member /m).slice(1)) {
    const [name = '', ...lines] = section.split('\n');
    const value = (label: string) =>
      lines
        .find((line) => line.startsWith(`${label}:`))
        ?.slice(label.length + 1)
        .trim();
    const timeline = Number(value("Latest checkpoint's TimeLineID"));
    for (const label of ['Latest checkpoint location', 'Minimum recovery ending location']) {
      const position = positionOf(value(label));
      if (position === undefined || !Number.isInteger(timeline)) continue;
      if (!best || timeline > best.timeline || (timeline === best.timeline && position > best.position))
        best = { name, timeline, position };
    }
  }
  return best?.name;
}

/** A position in the WAL, as PostgreSQL writes its `pg_lsn`: two hexadecimal numbers of 32 bits. */
function positionOf(text: string | undefined): bigint | undefined {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '') ?? [];
  return high && low ? (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`) : undefined;
}
