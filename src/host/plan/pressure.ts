/**
 * Pressure stall information (the kernel's Documentation/accounting/psi.rst).
 * @returns percent of the last ten seconds in which some task waited; undefined for anything else
 */
export function somePressure(text: string): number | undefined {
  const [, percent] = /^some avg10=(\d+(?:\.\d+)?) /m.exec(text) ?? [];
  return percent === undefined ? undefined : Number(percent);
}
