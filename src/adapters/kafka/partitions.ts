import { murmur2 } from "@platformatic/kafka";

/** Partition of a key as the Java client's default partitioner chooses it: murmur2, positive, modulo the count. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}
