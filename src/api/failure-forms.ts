import { type Html, html } from "../engine/web/html.ts";
import { type FilterFields, filterEntries } from "./failure-fields.ts";

/** Who decides, and why. */
export function deciderFields({ needsReason = false, problem = null as string | null } = {}): Html {
  return html`<label>Name <input name="by" maxlength="100" placeholder="web" autocomplete="nickname"></label>
<label>Reason <input name="reason" maxlength="500" autocomplete="off"${needsReason ? html` required` : null}${problem ? html` aria-invalid="true" autofocus` : null}></label>`;
}

/** The filter once more, for the form that acts on all that match it. */
export function hiddenFilter(fields: FilterFields): Html {
  return html`${filterEntries(fields).map(([name, text]) => html`<input type="hidden" name="${name}" value="${text}">`)}`;
}
