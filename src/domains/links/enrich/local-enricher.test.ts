import { describe, expect, test } from "bun:test";
import type { Content } from "../ports.ts";
import { createLocalEnricher, LOCAL_MODEL_VERSION } from "./local-enricher.ts";

const BASE: Content = { url: "", title: "", text: "", description: null, declaredTags: [], language: null };
const enrich = (content: Partial<Content>, catalog: string[] = []) =>
  createLocalEnricher().enrich({ ...BASE, ...content }, { signal: new AbortController().signal, catalog });

const TEXT = `Gardening on a balcony needs little space. Tomatoes grow well in pots when the soil drains freely.
Water tomatoes in the morning. Raised beds help gardeners who cannot bend down easily.
Subscribe to our newsletter for more of these wonderful stories.`;

describe("tags", () => {
  test("given a page with tags of its own, when enriched, then those its text bears out come first", async () => {
    const { tags } = await enrich({
      title: "Balcony",
      text: TEXT,
      declaredTags: ["Politics", "Uncategorized", "Gardening"],
    });
    expect(tags.slice(0, 2)).toEqual(["gardening", "politics"]);
    expect(tags).not.toContain("uncategorized");
  });

  test("given a catalog with another spelling, when enriched, then the spelling in use is taken", async () => {
    const { tags } = await enrich({ title: "Tomato growing on raised beds", text: TEXT }, ["raised-bed", "tomatoes"]);
    expect(tags).toEqual(expect.arrayContaining(["tomatoes", "raised-bed"]));
  });

  test("given code in the text, when enriched, then its names are no tags", async () => {
    const text = `${TEXT}\n\`\`\`js\n${"zorkify(blarg); ".repeat(20)}\n\`\`\`\nconst zorkify = (blarg) => { return blarg; };`;
    const { tags } = await enrich({ title: "Balcony", text });
    expect(tags.join(" ")).not.toMatch(/zork|blarg/);
  });

  test("given Chinese text with a Latin name, when enriched, then only the name is a tag", async () => {
    const text = "使用Kubernetes部署应用程序是一个常见的任务。Kubernetes可以自动扩展容器，并且管理服务的生命周期。";
    const result = await enrich({ title: "Kubernetes入门", text, declaredTags: ["容器"] });
    expect(result).toMatchObject({ tags: ["kubernetes"], language: "zh" });
    expect(result.summaryShort).toBe(text);
  });
});

describe("language", () => {
  test.each([
    ["de", "Die Forscher der Universität haben gestern eine neue Studie über das Klima vorgestellt."],
    ["fr", "Les chercheurs ont présenté hier une nouvelle étude sur le climat et ses conséquences."],
    ["ru", "Исследователи представили вчера новое исследование о климате и его последствиях."],
    ["ja", "研究者たちは昨日、気候とその影響に関する新しい研究を発表しました。とても興味深いです。"],
  ])(
    "given a text in %s that declares another language, when enriched, then the text decides",
    async (language, text) => {
      expect((await enrich({ text, language: "en-US" })).language).toBe(language);
    },
  );

  test("given a few words, when enriched, then the declared language holds", async () => {
    expect((await enrich({ text: "Hotel Taxi", language: "sv_SE" })).language).toBe("sv");
  });

  test("given nothing to go by, when enriched, then the language is undetermined", async () => {
    expect((await enrich({ text: "42" })).language).toBe("und");
  });
});

describe("summaries", () => {
  const description = "How to grow tomatoes in pots on a balcony with little space and soil.";

  test("given a description that fits the text, when enriched, then it comes first", async () => {
    const { summaryShort, summaryLong } = await enrich({ title: "Balcony", text: TEXT, description });
    expect(summaryShort).toStartWith(description);
    expect(summaryLong).toContain("Raised beds help");
  });

  test("given a description of the whole site, when enriched, then the first sentences are taken", async () => {
    const site = {
      description: "Breaking international headlines, sports scores and celebrity interviews every hour.",
    };
    const { summaryShort } = await enrich({ title: "Balcony", text: TEXT, ...site });
    expect(summaryShort).toStartWith("Gardening on a balcony");
  });

  test("given boilerplate and a lot of text, when enriched, then summaries keep to prose and to their length", async () => {
    const { summaryShort, summaryLong } = await enrich({ text: `${TEXT}\n`.repeat(30) });
    expect(summaryLong).not.toContain("newsletter");
    expect(summaryShort.length).toBeLessThanOrEqual(200);
    expect(summaryLong.length).toBeLessThanOrEqual(600);
  });
});

describe("odd pages", () => {
  test("given an empty page, when enriched, then the result is valid and says who made it", async () => {
    expect(await enrich({})).toEqual({
      ...{ tags: [], summaryShort: "", summaryLong: "", language: "und" },
      modelVersion: LOCAL_MODEL_VERSION,
    });
  });

  test.each([
    ["open tags", "<a"],
    ["open brackets", "!["],
    ["fences", "```\n"],
    ["dots", "a."],
    ["blanks", " "],
    ["half characters", "\ud800"],
  ])("given half a million %s, when enriched, then it ends soon", async (_, piece) => {
    const text = piece.repeat(500_000);
    const startedAt = performance.now();
    await enrich({ title: text, text, description: text, declaredTags: [text], language: text });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test("given an aborted signal, when enriched, then its reason is thrown", async () => {
    const signal = AbortSignal.abort(new Error("draining"));
    await expect(createLocalEnricher().enrich(BASE, { signal, catalog: [] })).rejects.toThrow("draining");
  });
});
