/** The part of `/containers/ID/stats` that is read. */
interface Stats {
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
}

/** Container -> seconds of processor time. @param read its statistics; false where it is gone */
export async function cpuSecondsOf(ids: readonly string[], read: (id: string) => Promise<Stats | false>): Promise<Record<string, number>> {
  const found = await Promise.all(ids.map(async (id) => [id, (await read(id)) || undefined] as const));
  return Object.fromEntries(
    found.flatMap(([id, stats]) => {
      // Of one that does not run the engine says 0.
      const used = stats?.cpu_stats?.cpu_usage?.total_usage;
      return used ? [[id, used / 1e9]] : [];
    }),
  );
}
