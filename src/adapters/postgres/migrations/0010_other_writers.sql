-- What other programs overwrite when they save a link once more, as its first event or its adoption tells it: the
-- columns that everybody reads are set right from these when one of the link's events arrives.
alter table lifestream.links
  add column first_url          text,
  add column first_source       text,
  add column subject_added_at   timestamptz,
  add column subject_visibility text;

-- Rows that stand on events of ours are as these tell it; what only another program wrote is not known yet.
update lifestream.links l set first_url = l.url, first_source = l.source where l.first_added_at is not null;
update lifestream.links l set subject_added_at = s.created_at, subject_visibility = s.visibility
from lifestream.subjects s
where s.subject = 'link' and s.subject_id = l.subject_id and l.first_added_at is not null;
