-- The ledger is append-only, whoever is logged in: events are neither changed, nor deleted, nor emptied. What is no
-- part of the fact may change: where it stands in the order, and where it stands in Kafka. Triggers on columns cost
-- nothing when others are written, as the relay does for thousands of rows at once.
create function lifestream.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only: lifestream.events refuses this %', lower(tg_op)
    using errcode = 'restrict_violation',
      hint = 'Append an event that corrects it. To erase something on purpose, see "Erasing something" in docs/operations.md.';
end $$;

-- Writing a fact once more as it is harms nothing: upserts of other programs may do that.
create trigger append_only_update
  before update of id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
    correlation_id, causation_id
  on lifestream.events for each row when (
    (old.id, old.occurred_at, old.received_at, old.source, old.subject, old.subject_id, old.event_type,
      old.schema_version, old.payload, old.correlation_id, old.causation_id)
    is distinct from
    (new.id, new.occurred_at, new.received_at, new.source, new.subject, new.subject_id, new.event_type,
      new.schema_version, new.payload, new.correlation_id, new.causation_id))
  execute function lifestream.refuse_change();
create trigger append_only_delete before delete on lifestream.events
  for each statement execute function lifestream.refuse_change();
create trigger append_only_truncate before truncate on lifestream.events
  for each statement execute function lifestream.refuse_change();
