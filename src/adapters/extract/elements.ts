const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Elements a page sets apart from what is around them. */
export const BLOCKS = words(`
  address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form
  h1 h2 h3 h4 h5 h6 header hgroup hr html main menu nav ol p pre section summary table tbody tfoot thead ul video audio
`);

/** Elements that begin a line, but no paragraph. */
export const LINES = words("br li tr option caption");

/** Elements set apart by a blank only. */
export const CELLS = words("td th");

/** Elements whose content is not text a person reads. */
export const UNREAD = words(`
  script style noscript template svg math head iframe object canvas select textarea button input audio video
`);

/** Elements around the content rather than of it. */
export const AROUND = words("nav footer aside header form dialog menu");
