import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Pages that the demo serves on loopback and saves as links. */
export const DEMO_PAGES: readonly { path: string; title: string; keywords: string; paragraphs: readonly string[] }[] = [
  {
    path: "/a-log-is-a-simple-thing",
    title: "A log is a simple thing",
    keywords: "logs, kafka, streams",
    paragraphs: [
      "A log is a file that only grows. Whoever writes appends to its end, whoever reads remembers how far they got, and neither has to know the other.",
      "From that follows a surprising amount: readers can stop and go on, new readers can start from the beginning, and two readers of the same log come to the same conclusions.",
      "The price is small. Somebody must decide how long old entries are kept, and readers must cope with seeing an entry twice.",
    ],
  },
  {
    path: "/keeping-a-garden-notebook",
    title: "Keeping a garden notebook",
    keywords: "gardening, notes",
    paragraphs: [
      "Write down when you sow, when it rains, and when the first leaf shows. After three years the notebook knows your garden better than any book.",
      "Short entries are the ones that get written. A date, a plant, a word about the weather: that is all it takes to compare this spring with the last one.",
      "Keep the failures too. What did not come up tells more about the soil than what did.",
    ],
  },
  {
    path: "/how-warm-is-a-room",
    title: "How warm is a room?",
    keywords: "temperature, sensors, home",
    paragraphs: [
      "Two thermometers in one room rarely agree. One hangs near the window, the other above the radiator, and both are right about the air they touch.",
      "A sensor that reports every minute shows what a glance cannot: how quickly the room cools after the heating stops, and how long the morning sun takes to bring it back.",
    ],
  },
];

/** Serves the demo's pages, and a 404 for everything else. */
export async function serveDemoPages(): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const page = DEMO_PAGES.find((candidate) => candidate.path === request.url);
    response.writeHead(page ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
    response.end(page ? html(page) : "<h1>nothing here</h1>");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function html(page: (typeof DEMO_PAGES)[number]): string {
  const paragraphs = page.paragraphs.map((text) => `<p>${text}</p>`).join("\n");
  return `<!doctype html><html lang="en"><head><title>${page.title}</title><meta name="keywords" content="${page.keywords}">
<meta name="description" content="${page.paragraphs[0]}"></head><body><article><h1>${page.title}</h1>${paragraphs}</article></body></html>`;
}
