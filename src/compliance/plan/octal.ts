/** A mode as `chmod` takes it: `0644`. */
export const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');
