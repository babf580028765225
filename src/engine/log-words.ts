/** What people are told of the log. Who has no Kafka is not told of one. */
export const LOG_WORDS = {
  kafka: { name: "Kafka", away: "Kafka cannot be reached", unsent: "not yet in Kafka" },
  embedded: {
    name: "the log in Postgres",
    away: "the log in Postgres cannot be read",
    unsent: "not yet in the log",
  },
} as const;
