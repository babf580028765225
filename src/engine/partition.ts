/*
 * Which partition a key belongs to. Every log of ours, and every other Kafka client with the default partitioner,
 * answers the same, so that a subject's records stay in one partition whoever writes them.
 */

import { EnvironmentError } from "./errors.ts";

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** Partition of a key as the Java client's default partitioner chooses it: murmur2, positive, modulo the count. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

/**
 * Among how many of the partitions that are `there` keys are shared: `among` of them, or all. Fewer than that are there only
 * for a server that has not heard of the others yet: an EnvironmentError, as keys must not go elsewhere for a moment.
 */
export function sharedAmong(topic: string, there: number, among = Number.POSITIVE_INFINITY): number {
  if (Number.isFinite(among) && among > there)
    throw new EnvironmentError(
      `${topic} shows ${there} of its ${among} partitions: a broker that was just started may not know the others yet`,
    );
  return Math.min(among, there);
}

/** MurmurHash2 by Austin Appleby (32 bit), with the seed of Kafka's Java client; a signed integer. */
export function murmur2(bytes: Buffer): number {
  const whole = bytes.length & ~3;
  let hash = SEED ^ bytes.length;
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), M);
    word ^= word >>> R;
    hash = Math.imul(hash, M) ^ Math.imul(word, M);
  }
  if (whole < bytes.length) {
    for (let at = bytes.length - 1; at >= whole; at -= 1) hash ^= bytes.readUInt8(at) << (8 * (at - whole));
    hash = Math.imul(hash, M);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}
