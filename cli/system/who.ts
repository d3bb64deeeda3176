import { hostname, userInfo } from 'node:os';

/** Whoever types the command, as the ledger's history names them. */
export function who(): string {
  return `${userInfo().username}@${hostname()}`;
}
