/** Which requests of Kafka's protocol a client sent on one connection, by their numbers (api keys), in order. */
export function apiKeysIn(sent: Buffer): number[] {
  const keys: number[] = [];
  for (let at = 0; at + 6 <= sent.length; at += 4 + sent.readInt32BE(at)) keys.push(sent.readInt16BE(at + 4));
  return keys;
}
