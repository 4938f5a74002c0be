// @ts-check
import { readText } from './connection-url.js';
import { ConfigError } from './errors.js';

/** @typedef {Record<string, string | undefined>} Env */

/**
 * NAME_FILE wins over NAME: its contents count byte for byte, but for the newline that editors add.
 * @param {Env} env @param {string} name
 * @returns {string | undefined}
 */
export function secret(env, name) {
  const file = env[`${name}_FILE`];
  const value = file ? readText(`${name}_FILE`, file).replace(/\r?\n$/, '') : env[name];
  return value || undefined;
}

/** @param {Env} env @param {string} name @param {number} fallback @param {number} max */
export function number(env, name, fallback, max) {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || value > max) {
    throw new ConfigError(`${name} must be a number from 0 to ${max}`);
  }
  return value;
}

/** An http(s) address. The message does not quote it: it may hold a token. @param {string} name @param {string} value */
export function httpUrl(name, value) {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) throw new ConfigError(`${name} is not an http(s) address`);
  return value;
}
