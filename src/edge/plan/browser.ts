/** The program that opens an address in the person's browser; undefined where no browser of theirs can be reached from here. */
export function browserProgram(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): string | undefined {
  if (platform === 'darwin') return 'open';
  if (platform !== 'linux') return undefined;
  // A browser that runs as root has root's files, and Chromium refuses to.
  if (uid === 0) return undefined;
  if (env.WSL_DISTRO_NAME) return 'wslview';
  return env.DISPLAY || env.WAYLAND_DISPLAY ? 'xdg-open' : undefined;
}
