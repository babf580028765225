import { wordCount } from "./words.ts";

/** Titles that only pages in front of the real one have. */
const WALL_TITLE =
  /^(just a moment\.*|attention required! \| cloudflare|robot check|are you a robot\??|verify(ing)? you are (a )?human\.*|pardon our interruption\.*|ddos-guard|access to this page has been denied\.*)$/i;

/** Sources of the walls themselves; pages that merely use such a service for comments do not have these. */
const WALL_SOURCE =
  /_cf_chl_opt|cf-browser-verification|captcha-delivery\.com\/captcha|id=["']px-captcha|_Incapsula_Resource\?[^"']{0,500}incident|geo\.captcha-delivery\.com|awsWafCookieDomainList/;

/** A page that says more than this is a page, whatever else it contains. */
const MAX_WALL_WORDS = 150;

/**
 * Whether this is a check for robots instead of the page. Few and strong signals only: a page taken for a wall is lost,
 * a wall taken for a page only looks silly.
 */
export function isBotWall(title: string, text: string, html: string): boolean {
  if (wordCount(text) > MAX_WALL_WORDS) return false;
  return WALL_TITLE.test(title.trim()) || WALL_SOURCE.test(html);
}
