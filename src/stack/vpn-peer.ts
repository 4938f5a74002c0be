/** What `vpn add` has decided about one peer, without any key that is secret. */
export interface VpnPeer {
  /** As WireGuard writes it: base64 of 32 bytes. */
  publicKey: string;
  /** Its address is the one with this number in `vpn.network`. */
  number: number;
  role: 'admin' | 'member';
  /** When it was added (ISO 8601, UTC). */
  added: string;
  /** When it ends (ISO 8601, UTC); absent where it does not. */
  until?: string;
}
