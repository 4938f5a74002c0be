export { bytes } from '../core/plural.ts';
