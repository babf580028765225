import { describe, expect, test } from "bun:test";
import { readPage } from "./read-page.ts";

const URL_OF_PAGE = "https://www.example.org/notes/fish%20soup.html";

function read(body: string | Uint8Array, contentType = "text/html", finalUrl = URL_OF_PAGE) {
  return readPage({ finalUrl, contentType, body: Buffer.from(body) }, false);
}

const sentence = "The harbour was quiet, and the boats came back late in the evening with little to show for it. ";
const paragraphs = (count: number) => Array.from({ length: count }, () => `<p>${sentence.repeat(3)}</p>`).join("");

describe("text", () => {
  test("is the article, with its paragraphs apart and no words glued together", () => {
    const { text } = read(`<html><body><nav><a href=/>Home</a><a href=/b>Boats</a></nav><article><h1>Boats</h1>
      <p>${sentence}First<br>second.</p><ul><li>cod</li><li>eel</li></ul>${paragraphs(3)}
      <pre>a = 1\n  b = 2</pre></article><footer>Imprint</footer></body></html>`);
    expect(text).toContain("First\nsecond.\n\ncod\neel\n\nThe harbour");
    expect(text).toContain("a = 1\n  b = 2");
    expect(text).not.toContain("Imprint");
    expect(text).not.toContain("Home");
  });

  test("is the whole main part when there is no article to find", () => {
    const items = Array.from({ length: 40 }, (_, index) => `<li><a href="/${index}">boat ${index}</a></li>`).join("");
    const { text } = read(`<html><body><header>Site</header><main><ul>${items}</ul></main></body></html>`);
    expect(text).toContain("boat 0\nboat 1\nboat 2\n");
  });

  test("is what stands in noscript when nothing else is there", () => {
    const { text } = read(`<html><body><div id=app></div><noscript>${paragraphs(2)}</noscript></body></html>`);
    expect(text).toContain("The harbour was quiet");
  });

  test.each([
    ["no html element", paragraphs(3)],
    ["a body inside an unclosed head", `<html><head><title>x</title><body>${paragraphs(3)}`],
    ["something before the html element", `<style>a{}</style><html><head></head><body>${paragraphs(3)}</body></html>`],
    ["no body element", `<html><head></head>${paragraphs(3)}</html>`],
  ])("is found with %s", (_flaw, html) => {
    expect(read(html).text).toContain("little to show for it");
  });

  test("is kept up to a limit, and says when it was cut", () => {
    const { text } = read(`start ${"word ".repeat(300_000)}`, "text/plain");
    expect(text.length).toBeLessThan(1_000_100);
    expect(text).toEndWith("[The text is cut here: the page has more than 1 MB of it.]");
  });

  test("may be missing: an empty body is a page that says nothing", () => {
    for (const type of ["text/html", "text/plain"]) {
      expect(read("", type)).toMatchObject({ text: "", title: "fish soup.html (www.example.org)" });
    }
  });

  test("has no NUL bytes, and pages in windows-1252 are read", () => {
    expect(read("a\0b caf\u0000é", "text/plain").text).toBe("ab café");
    expect(read(Buffer.from("<html><body><p>caf\xe9</body></html>", "latin1")).text).toBe("café");
  });

  test("of plain text and JSON is what it is", () => {
    expect(read("# Soup\n\nBoil  water.\n", "text/markdown")).toMatchObject({
      title: "Soup",
      text: "# Soup\n\nBoil  water.",
    });
    expect(read('{"a": 1}', "application/json")).toMatchObject({
      text: '{"a": 1}',
      title: "fish soup.html (www.example.org)",
    });
    expect(read("<b>no markup</b>", "text/plain").text).toBe("<b>no markup</b>");
  });

  test("of a page too deep for a tree is still read", () => {
    const page = read(`<html><title>Deep</title><body>${"<div>".repeat(20_000)}${sentence}`);
    expect(page).toMatchObject({ title: "Deep", text: sentence.trim() });
  });
});

describe("what a page says of itself", () => {
  test("description, tags, language, site name", () => {
    const page = read(`<html lang="en-GB"><head>
      <meta property="og:description" content="second choice"><meta name="Description" content=" About  boats ">
      <meta name="keywords" content="boats, Harbour,,boats"><meta property="article:tag" content="Sea">
      <script type="application/ld+json">{"@graph":[{"@type":"WebSite","name":"Harbour News"},
        {"@type":"NewsArticle","headline":"Late boats","keywords":["harbour","eel"]}]}</script>
      <script type="application/ld+json">{ broken</script></head><body>${paragraphs(2)}</body></html>`);
    expect(page).toMatchObject({
      title: "Late boats",
      description: "About boats",
      declaredTags: ["Sea", "harbour", "eel", "boats"],
      language: "en",
      siteName: "Harbour News",
    });
  });

  test("nothing, where it says nothing", () => {
    const page = read(`<html><body>${paragraphs(2)}</body></html>`);
    expect(page).toMatchObject({ description: null, declaredTags: [], language: null, siteName: null });
  });

  test.each([
    ["a page", ""],
    ["a page too deep for a tree", "<div>".repeat(20_000)],
  ])("is cut where it is endless: %s", (_what, body) => {
    const long = "word ".repeat(700);
    const meta = ["og:site_name", "description"].map((name) => `<meta property="${name}" content="${long}">`).join("");
    const page = read(`<html><head><title>${long.repeat(100)}</title>${meta}</head><body>x${body}`);
    const lengths = [page.title, page.siteName ?? "", page.description ?? ""].map(({ length }) => length);
    expect(lengths).toEqual([500, 200, 2_000]);
    expect(read("", "text/html", `https://a.example/${"x".repeat(10_000)}`).title).toHaveLength(500);
  });

  test("at most fifteen tags, none endless", () => {
    const tags = Array.from({ length: 40 }, (_, index) => `tag ${index}`).join(",");
    const page = read(
      `<html><head><meta name=keywords content="${"x".repeat(100)},${tags}"></head><body>x</body></html>`,
    );
    expect(page.declaredTags).toHaveLength(15);
    expect(page.declaredTags[0]).toBe("tag 0");
  });
});

describe("walls for robots", () => {
  const wall = "<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>";

  test("are recognised", () => {
    expect(() => read(wall)).toThrow("the page shows a check for robots instead of its content");
    expect(() => read("<html><body><script>window._cf_chl_opt={}</script>One moment</body></html>")).toThrow("robots");
  });

  test("pages about them are not taken for one", () => {
    expect(read(wall.replace("Checking", paragraphs(5))).text).toContain("harbour");
    expect(read("<html><head><title>How to solve a captcha</title></head><body>Soon</body></html>").text).toBe("Soon");
  });
});
