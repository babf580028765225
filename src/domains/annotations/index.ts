import type { Capture, Domain } from "../../engine/domain.ts";
import { UserError } from "../../engine/errors.ts";
import { deterministicId } from "../../engine/ids.ts";
import { linkSubjectId, normalizeUrl } from "../links/subject.ts";
import { annotationAdded } from "./events.ts";
import { annotationsProjection } from "./projections.ts";

const captureNote: Capture = {
  name: "note",
  usage: "LINK TEXT",
  summary: "a note on a link, given by its URL or its subject id",
  parse([link, ...words], { source }) {
    const note = words.join(" ").trim();
    if (!link || note === "")
      throw new UserError('a note is LINK TEXT, as in "https://example.com worth rereading"', 2);
    const linkId = link.startsWith("link:") ? link : linkSubjectId(normalizeUrl(link));
    const annotationId = deterministicId("capture", annotationAdded.type, linkId, note);
    return {
      id: annotationId,
      type: annotationAdded.type,
      subject: annotationAdded.subject,
      subjectId: `anno:${annotationId}`,
      source,
      payload: { annotation_id: annotationId, link_subject_id: linkId, note },
    };
  },
};

/** What a person thinks of a page. */
export const annotations: Domain = {
  name: "annotations",
  events: [annotationAdded],
  projections: [annotationsProjection],
  captures: [captureNote],
};
