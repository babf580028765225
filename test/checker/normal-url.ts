/**
 * The form of an address that a link's id hangs on, told once more by hand: text after `#` is off, pairs of the query are in
 * the order of `name,value`, a slash at the end is off unless it is all of the path.
 */
export function normalUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, username, password, host, pathname, searchParams } = new URL(url);
  const login = username ? `${username}${password ? `:${password}` : ""}@` : "";
  const pairs = [...searchParams].map(([name, value]) => ({ name, value, text: `${name},${value}` }));
  pairs.sort((a, b) => Number(a.text > b.text) - Number(a.text < b.text));
  const query = pairs.map(({ name, value }) => `${form(name)}=${form(value)}`).join("&");
  const whole = `${protocol}//${login}${host}${pathname}${query ? `?${query}` : ""}`;
  return whole.endsWith("/") && pathname !== "/" ? whole.slice(0, -1) : whole;
}

/** As a form is sent: a space is `+`, and all but letters, digits and `*-._` are `%` and two digits. */
function form(text: string): string {
  return encodeURIComponent(text)
    .replace(/%20/g, "+")
    .replace(/[!'()~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
