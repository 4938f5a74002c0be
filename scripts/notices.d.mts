/** A package that esbuild has bundled. */
export interface BundledPackage {
  id: string;
  name: string;
  version: string;
  licence: string;
  author?: string;
  text: string;
  sha512: string;
  bundles: Set<string>;
}
export interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}
export function bundledPackages(home: string, bundles: Record<string, Metafile>): BundledPackage[];
export function licenceText(folder: string, id: string, fallbacks?: Record<string, { text: (folder: string) => string }>): string;
export function noticesText(title: string, packages: readonly BundledPackage[], comments: readonly string[]): string;
export function sbomText(component: Record<string, unknown>, packages: readonly BundledPackage[]): string;
