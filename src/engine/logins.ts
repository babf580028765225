/** Also without a password: some services take a token as the user's name. Begins at `://`, so that it stays linear. */
const LOGIN = /:\/\/[^\s/?#"<>]*@/g;

/** Text with `mark` in the place of the logins in its addresses. */
export function withoutLogins(text: string, mark = ""): string {
  return text.replace(LOGIN, () => `://${mark}`);
}
