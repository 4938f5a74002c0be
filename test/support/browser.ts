/** Chromium drops requests whenever an interface of its host comes or goes, as they do when containers restart. */
export const isDropped = (text: string): boolean => /ERR_NETWORK_CHANGED|chrome-error:/.test(text);

/** Does it again where Chromium dropped it, five times at most. */
export async function undisturbed<T>(go: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await go();
    } catch (error) {
      if (!(error instanceof Error) || !isDropped(error.message) || attempt === 5) throw error;
    }
  }
}
