"""The database itself refuses to change or remove what the ledger says."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION funnel_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON funnel_event
    FOR EACH ROW EXECUTE FUNCTION funnel_ledger_is_append_only();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON funnel_event
    FOR EACH STATEMENT EXECUTE FUNCTION funnel_ledger_is_append_only();
"""
BACKWARD = """
DROP TRIGGER event_append_only ON funnel_event;
DROP TRIGGER event_no_truncate ON funnel_event;
DROP FUNCTION funnel_ledger_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("funnel", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
