/** Pages that want to hurt who reads them, each with what is to become of its link. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { bomb } from "./bombs.ts";

export interface HostilePage {
  /** Answers one request; the socket is closed by whoever asked, unless the page ends it. */
  answer(socket: Socket, path: string): void | Promise<void>;
  /** `published`, or the classes of the error that its work may end with. */
  readonly ends: readonly string[];
  /** It holds the place of its attempt until a deadline is over. */
  readonly slow?: true;
}

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
const HTML = "<!doctype html><html><head><title>Hostile</title></head><body>";

/** A whole answer with this body. */
function page(body: string | Buffer, headers = ""): HostilePage["answer"] {
  const bytes = Buffer.from(body as string);
  return (socket) => {
    socket.write(`${HEAD}${headers}Content-Length: ${bytes.length}\r\n\r\n`);
    socket.end(bytes);
  };
}

/** The same, packed: what is repeated a million times fits through the limit of bytes. */
const packed = (body: string): HostilePage["answer"] => page(gzipSync(body), "Content-Encoding: gzip\r\n");
const raw = (answer: string): HostilePage["answer"] => {
  return (socket) => void socket.end(answer);
};

function redirect(to: (path: string, n: number) => string): HostilePage["answer"] {
  let count = 0;
  return (socket, path) => {
    socket.end(`HTTP/1.1 302 Found\r\nLocation: ${to(path, ++count)}\r\nContent-Length: 0\r\n\r\n`);
  };
}

/** Sends pieces again and again, as fast as it is taken, or one piece in `everyMs`, until nobody takes it. */
async function pour(socket: Socket, piece: (n: number) => string | Buffer, everyMs = 0): Promise<void> {
  for (let n = 0; !socket.destroyed; n++) {
    const taken = socket.write(piece(n));
    if (everyMs > 0) await Bun.sleep(everyMs);
    else if (!taken) await Promise.race([once(socket, "drain"), once(socket, "close")]);
  }
}

function explode(encoding: "gzip" | "deflate" | "br"): HostilePage["answer"] {
  return async (socket) => {
    socket.write(`${HEAD}Content-Encoding: ${encoding}\r\n\r\n`);
    for await (const piece of bomb(encoding)) {
      if (socket.destroyed) return;
      if (!socket.write(piece)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
    }
    socket.end();
  };
}

const PUBLISHED = ["published"];
/** On a busy machine the deadline may come before the answer was looked at. */
const BROKEN_OFF = ["connect", "timeout"];
const TOO_LARGE = ["too_large"];
const repeated = (text: string, times: number) => text.repeat(times);

/** By name, which is also the path of the link. */
export const HOSTILE_PAGES: Readonly<Record<string, HostilePage>> = {
  // Structure that parsers choke on.
  "50,000 nested elements": { answer: page(HTML + repeated("<div>", 50_000)), ends: PUBLISHED },
  "50,000 nested inline elements": { answer: page(HTML + repeated("<b><i>", 25_000)), ends: PUBLISHED },
  "200,000 links": { answer: packed(HTML + repeated('<a href="/x">x</a>', 200_000)), ends: PUBLISHED },
  "a tar pit": { answer: page(`${HTML}${repeated("<div>", 450)}${repeated("</p>", 59_000)}`), ends: PUBLISHED },
  "a table of tables": { answer: page(HTML + repeated("<table><tr><td>", 10_000)), ends: PUBLISHED },
  "100,000 attributes": { answer: page(`${HTML}<p ${repeated("a ", 100_000)}>`), ends: PUBLISHED },
  "an attribute of 9 MB": { answer: packed(`${HTML}<p title="${repeated("x", 9_000_000)}">x`), ends: PUBLISHED },
  "a title of 4 MB": { answer: page(`<title>${repeated("title ", 700_000)}</title><p>x`), ends: PUBLISHED },
  "a title of 4 MB on a wild page": {
    answer: page(`<title>${repeated("title ", 700_000)}</title>${repeated("<div>", 20_000)}`),
    ends: PUBLISHED,
  },
  "a site name of 4 MB": {
    answer: page(`<meta property="og:site_name" content="${repeated("name ", 800_000)}"><title>t</title><p>x`),
    ends: PUBLISHED,
  },
  "a description of 4 MB": {
    answer: page(`<meta name="description" content="${repeated("word ", 800_000)}"><title>t</title><p>x`),
    ends: PUBLISHED,
  },
  "100,000 declared tags": {
    answer: page(`<meta name="keywords" content="${repeated("tag,", 100_000)}"><title>t</title><p>x`),
    ends: PUBLISHED,
  },
  "JSON-LD nested 100,000 deep": {
    answer: page(`<script type="application/ld+json">${repeated("[", 100_000)}</script><title>t</title><p>x`),
    ends: PUBLISHED,
  },
  "entities inside entities": {
    answer: page(
      `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "${repeated("a", 1_000)}">${repeated('<!ENTITY b "&a;&a;&a;">', 100)}]><html><title>t</title><p>${repeated("&b;", 1_000)}</html>`,
    ),
    ends: PUBLISHED,
  },
  "4 MB of one word": { answer: page(HTML + repeated("a", 4_000_000)), ends: PUBLISHED },
  "4 MB of line ends": { answer: page(`${HTML}<pre>${repeated("\n", 4_000_000)}`), ends: PUBLISHED },
  "bait for regular expressions": {
    answer: page(
      [
        `${HTML}<h1>${repeated("a - ", 100_000)}</h1>`,
        `<p>${repeated("[", 50_000)}${repeated("](", 50_000)}${repeated("http:", 50_000)}</p>`,
        `<p>${repeated("** ", 50_000)}${repeated("_", 50_000)}${repeated("a.", 50_000)}${repeated(" ", 500_000)}!</p>`,
        `<p>${repeated("<!-", 50_000)}${repeated("&#x", 50_000)}${repeated("(((", 50_000)}</p>`,
      ].join(""),
    ),
    ends: PUBLISHED,
  },
  "marks that were never closed": {
    answer: page(`${HTML}${repeated("<!--", 300_000)}${repeated('<a b="', 100_000)}`),
    ends: PUBLISHED,
  },
  "null bytes": { answer: page(`${HTML}<h1>a\0b\0\0</h1><p>${repeated("\0", 100_000)}c</p>`), ends: PUBLISHED },

  // Signs that are not what they are said to be.
  "a wrong charset": {
    answer: page(Buffer.from("<title>\xe4\xf6\xfc</title><p>\xff\xfe\x81", "latin1")),
    ends: PUBLISHED,
  },
  "a charset that does not exist": {
    answer: raw("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=constructor\r\n\r\n<title>\xe4</title>"),
    ends: PUBLISHED,
  },
  "half of UTF-16": { answer: page(Buffer.from([0xff, 0xfe, 0x3c, 0x00, 0x00, 0xd8, 0x41])), ends: PUBLISHED },
  "a program under a false label": { answer: page("%PDF-1.7\n..."), ends: ["unsupported_type"] },

  // Bombs.
  "a gzip bomb": { answer: explode("gzip"), ends: TOO_LARGE },
  "a deflate bomb": { answer: explode("deflate"), ends: TOO_LARGE },
  "a brotli bomb": { answer: explode("br"), ends: TOO_LARGE },
  "gzip inside gzip": {
    answer: page(gzipSync(gzipSync(Buffer.alloc(50_000_000))), "Content-Encoding: gzip, gzip\r\n"),
    ends: ["unsupported_type"],
  },

  // HTTP that does not end, or does not hold what it says.
  "a page that never ends": {
    answer: async (socket) => {
      socket.write(`${HEAD}\r\n${HTML}`);
      await pour(socket, () => Buffer.alloc(65_536, "x"));
    },
    ends: TOO_LARGE,
  },
  "chunks that never end": {
    answer: async (socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
      await pour(socket, () => `10000\r\n${repeated("x", 65_536)}\r\n`);
    },
    ends: TOO_LARGE,
  },
  "an extension of a chunk that never ends": {
    answer: async (socket) => {
      socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5;`);
      await pour(socket, () => repeated("x", 65_536));
    },
    ends: BROKEN_OFF,
  },
  "headers that never end": {
    answer: async (socket) => {
      socket.write(HEAD);
      await pour(socket, (n) => `X-${n}: ${repeated("x", 1_000)}\r\n`);
    },
    ends: BROKEN_OFF,
  },
  "a header that never ends": {
    answer: async (socket) => {
      socket.write(`${HEAD}X: `);
      await pour(socket, () => repeated("x", 65_536));
    },
    ends: BROKEN_OFF,
  },
  "a status line that never ends": {
    answer: async (socket) => {
      socket.write("HTTP/1.1 200 ");
      await pour(socket, () => repeated("O", 65_536));
    },
    ends: BROKEN_OFF,
  },
  "interim answers that never end": {
    answer: (socket) => pour(socket, () => "HTTP/1.1 102 Processing\r\n\r\n"),
    ends: BROKEN_OFF,
  },
  "more bytes than announced": { answer: raw(`${HEAD}Content-Length: 10\r\n\r\n${HTML}${HTML}`), ends: PUBLISHED },
  "fewer bytes than announced": { answer: raw(`${HEAD}Content-Length: 5000\r\n\r\n${HTML}`), ends: BROKEN_OFF },
  "a length below zero": { answer: raw(`${HEAD}Content-Length: -1\r\n\r\n${HTML}`), ends: BROKEN_OFF },
  "two lengths": { answer: raw(`${HEAD}Content-Length: 4\r\nContent-Length: 9\r\n\r\n${HTML}`), ends: BROKEN_OFF },
  "a length too large to count": {
    answer: raw(`${HEAD}Content-Length: 99999999999999999999999\r\n\r\n${HTML}`),
    ends: [...TOO_LARGE, ...BROKEN_OFF],
  },
  "a status that does not exist": {
    answer: raw("HTTP/1.1 999 No\r\n\r\n"),
    ends: ["http_4xx", "http_5xx", ...BROKEN_OFF],
  },
  "another protocol": { answer: raw("SSH-2.0-OpenSSH_9.9\r\n"), ends: BROKEN_OFF },
  "no answer at all": { answer: raw(""), ends: BROKEN_OFF },

  // Redirects.
  "a redirect to itself": { answer: redirect((path) => path), ends: ["too_many_redirects"] },
  "redirects that never end": { answer: redirect((_, n) => `/again/${n}`), ends: ["too_many_redirects"] },
  "a redirect to an address of 60 KB": {
    answer: redirect(() => `/${repeated("x", 60_000)}`),
    ends: ["too_many_redirects", "bad_url", ...BROKEN_OFF],
  },
  "a redirect to the machine itself": { answer: redirect(() => "http://127.0.0.1:22/"), ends: ["blocked_address"] },
  "a redirect with line ends in it": {
    answer: redirect(() => "/a%0d%0aHost:%20b\rX: y"),
    ends: ["too_many_redirects", "bad_url", ...BROKEN_OFF],
  },

  // Pages that take their time: a byte a second.
  "headers that trickle": {
    answer: (socket) => pour(socket, (n) => HEAD[n % HEAD.length] ?? "", 1_000),
    ends: ["timeout"],
    slow: true,
  },
  "a body that trickles": {
    answer: async (socket) => {
      socket.write(`${HEAD}\r\n${HTML}`);
      await pour(socket, () => "x", 1_000);
    },
    ends: ["timeout"],
    slow: true,
  },
  "a body that trickles just fast enough": {
    answer: async (socket) => {
      socket.write(`${HEAD}\r\n${HTML}`);
      await pour(socket, () => repeated("x", 300), 1_000);
    },
    ends: ["timeout"],
    slow: true,
  },
  silence: { answer: () => {}, ends: ["timeout"], slow: true },
};
