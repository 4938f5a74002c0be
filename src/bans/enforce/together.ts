/** Works side by side, each until its signal: where one fails, the others end too, and the process with them. @throws what failed first */
export async function together(signal: AbortSignal, works: readonly ((signal: AbortSignal) => Promise<unknown>)[]): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  try {
    await Promise.all(works.map((work) => work(either)));
  } finally {
    failed.abort();
  }
}
