import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { createRegistry, type Registry } from "../../src/engine/registry.ts";
import type { Store } from "../../src/engine/store.ts";
import { noTelemetry } from "../../src/engine/telemetry.ts";
import { EVENTS_TOPIC } from "../../src/engine/topics.ts";
import { agentStage, materializerStages, relayStage, routerStages, type StageContext } from "../../src/stages.ts";
import { seededRandom } from "../support/random.ts";
import { befall, CALAMITIES, type Calamity, deleteMessages, loseLetters } from "./calamities.ts";
import { lettersByRound } from "./checker.ts";
import { happened, MOODS, type Mood, noted, type Outside, simulatedDomain } from "./domain.ts";
import { MemoryCluster } from "./memory-log.ts";
import { isOpen } from "./memory-set-aside.ts";
import { MemoryDatabase } from "./memory-store.ts";
import type { WorkEntry } from "./memory-work.ts";
import { decideOnRecords, decideOnWork } from "./operator.ts";
import { type Scheduler, Scheduler as SeededScheduler, SimProcess } from "./scheduler.ts";

/** Which stages a simulated process runs. */
export const ROLES = ["relay", "router", "materializer", "agent"] as const;
export type Role = (typeof ROLES)[number];

/** What a mutant changes: each takes one mechanism away. */
export interface Mutation {
  readonly database?: (database: MemoryDatabase) => void;
  readonly log?: (log: Log, scheduler: Scheduler) => Log;
  readonly store?: (store: Store) => Store;
  /** What befalls the log; unset: anything. */
  readonly calamities?: readonly Calamity[];
}

/** How the agent's work on a number goes when it is called for the n-th time. */
export type Script = (number: number, nth: number) => Mood;

/** One process dies where it would go on from its n-th await point. */
export interface Crash {
  readonly role: Role;
  readonly at: number;
}

const SUBJECTS = 5;
/** Things that happen in a run without a storm, and when a person looks at what became of them, in milliseconds. */
const FEW = 3;
const FEW_DECIDED_MS = 8_000;
/** Faults happen for so long, in simulated milliseconds; then everything must come to rest by itself. */
const STORM_MS = 14_000;
export const REST_WITHIN_MS = 600_000;
/** Within so long a relay looks whether the log is still the same and holds what it was sent, and starts over: it may fail first. */
const LOG_CHECKED_WITHIN_MS = 50_000;
const DAY_MS = 86_400_000;
const DATABASE_BACK_MS = 60_000;
/** No broker that lost power is back sooner. */
const BROKER_START_MS = 1_200;
/** How often it is looked whether everything has come to rest. */
const ASKED_EVERY_MS = 20;
const MOST_PARTITIONS = 6;
/** How often, and how far apart, messages are deleted once all is calm. */
const RETENTIONS = 12;
const RETENTION_MS = 1_500;
/** Most of what is given up has its dead letter by then. */
const LETTERS_LOST_MS = 12_000;
/** How often a person may sit down at the failure desk. */
const OPERATOR_MS = 1_000;

/** Machines, a cluster and a database, and what befalls them. */
export class World {
  readonly scheduler: SeededScheduler;
  readonly cluster: MemoryCluster;
  readonly database: MemoryDatabase;
  readonly outside: Outside = { calls: new Map() };
  readonly registry: Registry;
  readonly story: string[] = [];
  /**
   * In some worlds events come again: the log loses what it was sent and is filled from the ledger, and records that a bug
   * set aside are read once more. In the others each comes to its handlers exactly once.
   */
  readonly replayed: boolean;
  #machines: { roles: readonly Role[]; process: SimProcess; restart: boolean; stop: AbortController }[] = [];
  #outer = new SimProcess("outside");
  #over = new AbortController();
  #calmAt = Number.POSITIVE_INFINITY;
  #awayUntil = new Map<string, number>();
  #number = 0;
  #writing = 0;
  #askAgainAt = 0;
  #script: Script | null = null;

  constructor(
    seed: number,
    readonly mutation: Mutation = {},
  ) {
    this.scheduler = new SeededScheduler(seededRandom(seed));
    this.cluster = new MemoryCluster(this.scheduler);
    this.database = new MemoryDatabase(this.scheduler);
    this.database.givenUpAt = (...who) => this.cluster.groups.givenUpAt(...who);
    mutation.database?.(this.database);
    this.replayed = this.scheduler.chance(0.5);
    this.registry = createRegistry([this.#domain(this.#outer)]);
    for (const topic of this.registry.topics) this.cluster.createTopic(topic);
  }

  /** A storm, then calm; returns whether everything came to rest. */
  async run(): Promise<"done" | "late"> {
    this.#startMachines();
    const { scheduler } = this;
    const clock = scheduler.clock(this.#outer);
    const stop = clock.every(400, () => this.#capture());
    const mischief = clock.every(700, () => this.#mischief());
    const deciding = clock.every(OPERATOR_MS, () => scheduler.chance(0.4) && this.#decide());
    await scheduler.run(() => scheduler.now >= STORM_MS, STORM_MS + 1_000);
    stop();
    mischief();
    deciding();
    this.#calmDown();
    const mending = clock.every(OPERATOR_MS, () => this.#mend());
    const rest = await scheduler.run(() => this.#atRest(), REST_WITHIN_MS);
    mending();
    return rest;
  }

  /**
   * A few things happen to one machine of each kind, with no fault but this one, and a person decides about what was given
   * up. Returns whether everything came to rest.
   */
  async runFew({ script, crash }: { script: Script; crash: Crash | null }): Promise<"done" | "late"> {
    const { scheduler } = this;
    this.#script = script;
    this.#calmAt = 0;
    for (const role of ROLES) {
      const process = this.#startMachine([role]);
      if (crash?.role === role) process.beforePoint = () => process.points === crash.at && this.#kill(process);
    }
    for (let n = 0; n < FEW; n += 1) this.#happen(`thing:${n % 2}`, n === 0 ? 500 : 0, n === 0);
    this.#writing += 1;
    scheduler.after(this.#outer, FEW_DECIDED_MS, () => {
      this.#writing -= 1;
      this.#decide();
    });
    return scheduler.run(() => this.#atRest(), REST_WITHIN_MS);
  }

  /** Await points that the first machine of each kind has gone on from. */
  get points(): ReadonlyMap<Role, number> {
    return new Map(
      ROLES.map((role) => [role, this.#machines.find(({ roles }) => roles[0] === role)?.process.points ?? 0]),
    );
  }

  /** Lets go of everything that listens. */
  [Symbol.dispose](): void {
    for (const { process } of this.#machines) process.kill();
    this.#over.abort();
    this.scheduler[Symbol.dispose]();
  }

  #tell(what: string): void {
    this.story.push(`${Math.round(this.scheduler.now)} ms: ${what}`);
  }

  get #isCalm(): boolean {
    return this.scheduler.now >= this.#calmAt;
  }

  #domain(process: SimProcess) {
    const { scheduler, outside, replayed } = this;
    const mood = (number: number, nth: number) => this.#mood(number, nth);
    return simulatedDomain({ scheduler, process, outside, calm: () => this.#isCalm, mood, replayed });
  }

  /** Either each role on machines of its own, or machines that run everything. */
  #startMachines(): void {
    const split = this.scheduler.chance(0.6);
    const copies = 1 + this.scheduler.below(2);
    const sets = split ? ROLES.map((role) => [role]) : [ROLES];
    for (const roles of sets) for (let copy = 0; copy <= copies; copy += 1) this.#startMachine(roles);
  }

  #startMachine(roles: readonly Role[]): SimProcess {
    const process = new SimProcess(`${roles.join("+")} ${this.#machines.length}`);
    const stop = new AbortController();
    this.#machines.push({ roles, process, restart: true, stop });
    if (this.scheduler.chance(0.2)) process.skewMs = this.#aDayOff();
    const log = this.cluster.logFor(process);
    const store = this.database.storeFor(process) as unknown as Store;
    const context: StageContext = {
      registry: createRegistry([this.#domain(process)]),
      log: this.mutation.log?.(log, this.scheduler) ?? log,
      store: this.mutation.store?.(store) ?? store,
      logger: silentLogger,
      telemetry: noTelemetry,
      clock: this.scheduler.clock(process),
      random: this.scheduler.random,
      config: { retry: { baseMs: 500, capMs: 5_000 }, drainTimeoutMs: 10_000 },
    };
    const signal = AbortSignal.any([this.#over.signal, stop.signal]);
    const stages = stagesOf(roles, context).map((stage) => stage.run(signal));
    // Whatever a stage throws ends its process, as it does in reality; a supervisor starts it again.
    Promise.all(stages).then(
      () => this.#replace(process),
      (error) => this.#ended(process, error),
    );
    return process;
  }

  #ended(process: SimProcess, error: unknown): void {
    this.#tell(`${process.name} ended: ${error}`);
    this.#replace(process);
  }

  #replace(process: SimProcess): void {
    const machine = this.#machines.find((one) => one.process === process);
    if (!machine?.restart) return;
    machine.restart = false;
    process.kill();
    this.scheduler.after(this.#outer, this.scheduler.below(8_000), () => void this.#startMachine(machine.roles));
  }

  /** Something happens; sometimes the transaction that writes it down commits late. */
  #capture(): void {
    const { scheduler } = this;
    const burst = 1 + scheduler.below(4);
    for (let n = 0; n < burst; n += 1) {
      const late = scheduler.chance(0.15) ? scheduler.below(5_000) : 0;
      this.#happen(`thing:${scheduler.below(SUBJECTS)}`, late, scheduler.chance(0.2));
    }
  }

  /** A position is taken now, and the row committed after `lateMs`. A note about it may be there before it. */
  #happen(subjectId: string, lateMs: number, withNote: boolean): void {
    const { scheduler, database } = this;
    this.#number += 1;
    const number = this.#number;
    if (withNote) database.ledger.insert(noteOf(number, subjectId), database.ledger.nextPosition());
    const position = database.ledger.nextPosition();
    this.#writing += 1;
    scheduler.after(this.#outer, lateMs, () => {
      this.#writing -= 1;
      database.ledger.insert(rowOf(number, subjectId), position);
    });
  }

  #mood(number: number, nth: number): Mood {
    if (this.#script) return this.#script(number, nth);
    return this.#isCalm ? "ok" : (MOODS[this.scheduler.below(MOODS.length)] ?? "ok");
  }

  #mischief(): void {
    const { scheduler, cluster, database } = this;
    const live = this.#machines.filter(({ process }) => process.alive);
    const victim = live[scheduler.below(live.length)]?.process;
    const mischiefs: (() => void)[] = [
      () => victim && this.#kill(victim),
      () => victim && this.#kill(victim),
      () => victim && this.#jumpClock(victim),
      () => this.#jumpDatabaseClock(),
      () => victim && this.#freeze(victim, 1_000 + scheduler.below(20_000)),
      () => this.#away("Kafka", cluster.faults, scheduler.below(2_500)),
      () => this.#away("Postgres", database.faults, scheduler.below(2_500)),
      () => this.#unreliable(),
      () => (this.replayed ? this.#calamity() : this.#unreliable()),
      () => {
        this.#tell("rebalance");
        for (const group of ["router-v1", "materializer-v1", "enricher-v1"])
          cluster.groups.rebalance(cluster.groups.named(group));
      },
      () => this.#grow(),
      () => victim && this.#stop(victim),
    ];
    mischiefs[scheduler.below(mischiefs.length)]?.();
  }

  /** As a supervisor does: it drains, gives back what it holds, and is started again. */
  #stop(process: SimProcess): void {
    this.#tell(`stop ${process.name}`);
    this.#machines.find((machine) => machine.process === process)?.stop.abort();
  }

  #kill(process: SimProcess): void {
    this.#tell(`kill ${process.name}`);
    this.#replace(process);
  }

  #aDayOff(): number {
    return (this.scheduler.random() - 0.5) * 2 * DAY_MS;
  }

  /** Somebody sets a machine's clock, or an NTP daemon does: by a day at most, forward or back. */
  #jumpClock(process: SimProcess): void {
    process.skewMs = this.#aDayOff();
    this.#tell(`the clock of ${process.name} is off by ${Math.round(process.skewMs)} ms`);
  }

  /** Leases and pauses last by this clock: as long as it is set back, everything waits that much longer. */
  #jumpDatabaseClock(): void {
    const { scheduler, database } = this;
    const jump = scheduler.chance(0.5) ? scheduler.below(DAY_MS) : -scheduler.below(DATABASE_BACK_MS);
    database.skewMs += jump;
    this.#tell(`the database's clock jumps by ${jump} ms`);
  }

  #freeze(process: SimProcess, ms: number): void {
    this.#tell(`freeze ${process.name} for ${ms} ms`);
    process.freeze(this.scheduler.now + ms);
  }

  #away(what: string, faults: { down: boolean }, ms: number): void {
    this.#tell(`${what} away for ${ms} ms`);
    const until = Math.max(this.scheduler.now + ms, this.#awayUntil.get(what) ?? 0);
    this.#awayUntil.set(what, until);
    faults.down = true;
    this.scheduler.after(this.#outer, ms, () => {
      faults.down = this.scheduler.now < (this.#awayUntil.get(what) ?? 0);
    });
  }

  #calamity(): void {
    const { scheduler, mutation } = this;
    const calamities = mutation.calamities ?? CALAMITIES;
    const calamity = calamities[scheduler.below(calamities.length)] ?? "lost tail";
    this.#tell(befall(calamity, this));
    if (calamity === "lost tail") this.#away("Kafka", this.cluster.faults, BROKER_START_MS + scheduler.below(2_500));
  }

  /** Somebody adds partitions for events. */
  #grow(): void {
    const partitions = this.cluster.endOffsets([EVENTS_TOPIC]).size;
    const more = Math.min(MOST_PARTITIONS, partitions + 1 + this.scheduler.below(2));
    this.#tell(`${more} partitions of ${EVENTS_TOPIC} instead of ${partitions}`);
    this.cluster.addPartitions(EVENTS_TOPIC, more);
  }

  /** Somebody sits down at the failure desk. */
  #decide(): void {
    const desk = { ...this.#scene, process: this.#outer };
    const decided = [decideOnWork(desk), decideOnRecords({ all: false }, desk)];
    for (const what of decided) void what.then((words) => words && this.#tell(words));
  }

  /** The program's bug is mended: what it set aside is read again. */
  #mend(): void {
    if (this.database.setAside.records.values().some(isOpen))
      void decideOnRecords({ all: true }, { ...this.#scene, process: this.#outer });
  }

  get #scene() {
    const { scheduler, database, cluster, registry } = this;
    return { scheduler, database, cluster, registry };
  }

  /** For a while a part of all requests fails, before they are carried out or after. */
  #unreliable(): void {
    const { cluster, database, scheduler } = this;
    this.#tell("requests and answers get lost");
    Object.assign(cluster.faults, { refused: 0.2, answerLost: 0.2 });
    Object.assign(database.faults, { refused: 0.1, commitAnswerLost: 0.1 });
    scheduler.after(this.#outer, 1_500, () => this.#reliable());
  }

  #reliable(): void {
    Object.assign(this.cluster.faults, { refused: 0, answerLost: 0 });
    Object.assign(this.database.faults, { refused: 0, commitAnswerLost: 0 });
  }

  #calmDown(): void {
    this.#tell("calm");
    this.#calmAt = this.scheduler.now;
    this.#reliable();
    this.cluster.faults.down = false;
    this.database.faults.down = false;
    if (!this.replayed) return;
    if (this.scheduler.chance(0.5)) this.scheduler.after(this.#outer, LETTERS_LOST_MS, () => this.#loseLetters());
    else
      for (let times = 0; times < RETENTIONS; times += 1)
        this.scheduler.after(this.#outer, times * RETENTION_MS, () => this.#tell(deleteMessages(this)));
  }

  #loseLetters(): void {
    this.#tell(loseLetters(this));
    this.#away("Kafka", this.cluster.faults, BROKER_START_MS);
  }

  /** Whether the log holds the dead letters that were sent. */
  #holdsLetters(): boolean {
    const letters = lettersByRound(this.cluster);
    const sent = this.database.work.where(({ deadLetterSent }) => deadLetterSent);
    return sent.every(({ id, round }) => letters.has(`${id}/${round}`));
  }

  /** Every event is in the log and handled by both groups, and no work is left to do. */
  #atRest(): boolean {
    const { database, cluster, scheduler } = this;
    if (scheduler.now < this.#askAgainAt) return false;
    this.#askAgainAt = scheduler.now + ASKED_EVERY_MS;
    if (
      !database.quiet ||
      this.#writing > 0 ||
      this.#machines.some(({ process }) => process.frozenUntil > scheduler.now)
    )
      return false;
    if (database.work.values().some(isUnderWay)) return false;
    if (database.setAside.records.values().some(isOpen)) return false;
    const events = database.events.values();
    if (events.some((event) => !event.published)) return false;
    // Whether the log still holds everything is asked every few seconds only.
    const looked = scheduler.now > this.#calmAt + LOG_CHECKED_WITHIN_MS;
    if (
      !looked &&
      !(cluster.holds(events.flatMap(({ id, sentTo }) => (sentTo ? [{ id, at: sentTo }] : []))) && this.#holdsLetters())
    )
      return false;
    // Nobody reads what lies before the present flow, and a partition may have nothing else.
    const flowFrom = database.identity.get("log")?.flowFrom;
    const ends = [...cluster.endOffsets([EVENTS_TOPIC])].filter(([at, end]) => end > (flowFrom?.get(at) ?? 0));
    return ["router-v1", "materializer-v1"].every((group) =>
      ends.every(([at, end]) => database.positions.get(`${group}/${at}`)?.lastOffset === end - 1),
    );
  }
}

function isUnderWay({ status, deadLetterSent, redriveAsked }: WorkEntry): boolean {
  const isGivenUp = status === "dead" || status === "discarded";
  return isGivenUp ? !deadLetterSent || redriveAsked : status !== "done";
}

function stagesOf(roles: readonly Role[], context: StageContext) {
  const options = { once: false };
  const make = {
    relay: () => [relayStage(context, options)],
    router: () => routerStages(context, options),
    materializer: () => materializerStages(context, options),
    agent: () => context.registry.agents.map((agent) => agentStage(context, agent, options)),
  };
  return roles.flatMap((role) => make[role]());
}

/** A note about something that happens. */
function noteOf(number: number, about: string) {
  const row = rowOf(number, about);
  const { type, subject } = noted;
  const id = row.id.replace("-8000-", "-9000-");
  return { ...row, id, type, subject, subjectId: `note:${number % SUBJECTS}`, payload: { number, about } };
}

function rowOf(number: number, subjectId: string) {
  const hex = number.toString(16).padStart(12, "0");
  return {
    id: `00000000-0000-4000-8000-${hex}`,
    occurredAt: new Date(Date.UTC(2026, 0, 1) + number).toISOString(),
    source: "sim",
    subject: "thing",
    subjectId,
    type: happened.type,
    schemaVersion: 1,
    payload: { number },
    correlationId: null,
    causationId: null,
  };
}
